package expr

import (
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector"
)

// collectionFunctions take rows, arrays and maps apart and put them together.
func collectionFunctions() map[string]maker {
	return map[string]maker{
		"field":          makeField,
		"item":           makeItem,
		"element":        element,
		"cardinality":    cardinality,
		"key_bytes":      keyOf,
		"of_key_bytes":   ofKey,
		"array":          makeArray,
		"map":            makeMap,
		"row":            makeRow,
		"map_keys":       mapMember(0),
		"map_values":     mapMember(1),
		"array_contains": arraySearch(true),
		"array_position": arraySearch(false),
		"array_distinct": arrayPick(distinctItems),
		"array_reverse":  arrayPick(reversedItems),
		"array_max":      arrayExtreme(1),
		"array_min":      arrayExtreme(-1),
		"array_join":     arrayJoin,
		"split":          splitText,
		"copies":         makeCopies,
		"str_to_map":     strToMap,
		"typeof":         typeOf,
	}
}

// makeField is field(row, index from 0): the child array itself, without a
// copy; it is NULL where the row is.
func makeField(c *compiler, e *Call) (node, error) {
	name, ok := fieldName(e)
	if !ok {
		return nil, nil
	}
	t := e.Args[0].Type().(*arrow.StructType)
	i := int(e.Args[1].(*Literal).Value.(int64))
	if !sameLayout(t.Field(i).Type, e.Of) {
		return nil, fmt.Errorf("field %s is %s and not %s", name, TypeName(t.Field(i).Type), TypeName(e.Of))
	}
	return c.totalCall(e, func(f *frame, args []value) (value, error) {
		row := args[0].Array.(*array.Struct)
		return value{Array: maskedBy(f, row.Field(i), validityOf(value{Array: row})), scalar: args[0].scalar}, nil
	}, e.Args[0])
}

// maskedBy returns arr, NULL also where valid says so. The values are shared.
func maskedBy(f *frame, arr arrow.Array, valid validity) arrow.Array {
	if valid.bits == nil || arr.DataType().ID() == arrow.NULL {
		arr.Retain()
		return arr
	}
	old := arr.Data()
	n, off := arr.Len(), old.Offset()
	out, buf := newBits(f.alloc, off+n)
	defer buf.Release()
	if own := validityOf(value{Array: arr}); own.bits != nil {
		bitutil.BitmapAnd(own.bits, valid.bits, int64(own.off), int64(valid.off), out, int64(off), int64(n))
	} else {
		bitutil.CopyBitmap(valid.bits, valid.off, n, out, off)
	}
	bufs := append([]*memory.Buffer{buf}, old.Buffers()[1:]...)
	d := array.NewData(arr.DataType(), n, bufs, old.Children(), n-bitutil.CountSetBits(out, off, n), off)
	defer d.Release()
	return array.MakeFromData(d)
}

// pickItems returns, for every row, the item of child that pick names, or NULL
// when that is negative.
func pickItems(f *frame, child arrow.ArrayData, n int, pick func(i int) (int, error)) (arrow.Array, error) {
	sel := temp[uint32](f, n)
	valid := nullable{alloc: f.alloc}
	defer func() {
		if b := valid.take(); b != nil {
			b.Release()
		}
	}()
	err := valid.each(n, func(i int) error {
		at, err := pick(i)
		sel[i] = uint32(max(at, 0))
		if err == nil && at < 0 {
			err = errNull
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if child.Len() == 0 {
		return nulls(f.alloc, child.DataType(), n), nil
	}
	items := array.MakeFromData(child)
	defer items.Release()
	taken := vector.Take(f.alloc, items, sel)
	defer taken.Release()
	v := validity{mask: -1}
	if valid.buf != nil {
		v.bits = valid.buf.Bytes()
	}
	return maskedBy(f, taken, v), nil
}

// makeItem is array[index from 1] or map[key]; NULL where there is none.
func makeItem(c *compiler, e *Call) (node, error) {
	if len(e.Args) != 2 {
		return nil, nil
	}
	key := e.Args[1]
	switch t := e.Args[0].Type().(type) {
	case *arrow.ListType:
		if !isInteger(key.Type()) {
			return nil, nil
		}
	case *arrow.MapType:
		key = as(key, t.KeyType())
	default:
		return nil, nil
	}
	return c.call(e, func(f *frame, args []value) (value, error) {
		n := rows(f.n, args)
		from, valid := cells(args[0]), readValid(args)
		child := args[0].Data().Children()[0]
		var pick func(i int) int
		if from.class == listClass {
			index := integers(f, args[1])
			pick = func(i int) int {
				begin, end := from.items(from.row(i))
				if at := index.at(i); at >= 1 && at <= int64(end-begin) {
					return begin + int(at) - 1
				}
				return -1
			}
		} else {
			keys := cells(args[1])
			pick = func(i int) int { return from.find(from.row(i), keys, keys.row(i)) }
			child = child.Children()[1]
		}
		arr, err := pickItems(f, child, n, func(i int) (int, error) {
			if valid[0].null(i) || valid[1].null(i) {
				return -1, nil
			}
			return pick(i), nil
		})
		return value{Array: arr, scalar: allScalar(args)}, err
	}, e.Args[0], key)
}

// element is element(array): its only item, NULL when it is empty.
func element(c *compiler, e *Call) (node, error) {
	if len(e.Args) != 1 || e.Args[0].Type().ID() != arrow.LIST {
		return nil, nil
	}
	return c.call(e, func(f *frame, args []value) (value, error) {
		from := cells(args[0])
		arr, err := pickItems(f, args[0].Data().Children()[0], args[0].Len(), func(i int) (int, error) {
			begin, end := from.items(i)
			switch {
			case from.null(i) || begin == end:
				return -1, nil
			case end-begin > 1:
				return 0, fmt.Errorf("ELEMENT of an array of %d items: it takes at most one", end-begin)
			}
			return begin, nil
		})
		return value{Array: arr, scalar: args[0].scalar}, err
	}, e.Args[0])
}

func isCollection(t arrow.DataType) bool { return t.ID() == arrow.LIST || t.ID() == arrow.MAP }

func cardinality(c *compiler, e *Call) (node, error) {
	if len(e.Args) != 1 || !isCollection(e.Args[0].Type()) {
		return nil, nil
	}
	k := countOf(e.Of, func(_ *frame, args []value) (func(i int) (int64, error), error) {
		from := cells(args[0])
		return func(i int) (int64, error) {
			begin, end := from.items(from.row(i))
			return int64(end - begin), nil
		}, nil
	})
	if k == nil {
		return nil, nil
	}
	return c.call(e, k, e.Args[0])
}

// interleave returns the rows of the columns in turn: a0 b0 a1 b1 ….
func interleave(f *frame, cols []value, n int) arrow.Array {
	all := make([]arrow.Array, len(cols))
	for i, v := range cols {
		v.Retain()
		all[i] = v.expand(f.alloc, n)
		defer all[i].Release()
	}
	joined := vector.Concat(f.alloc, all)
	defer joined.Release()
	sel := make(vector.Sel, 0, n*len(cols))
	for i := range n {
		for k := range cols {
			sel = append(sel, uint32(k*n+i))
		}
	}
	return vector.Take(f.alloc, joined, sel)
}

// evenOffsets are the offsets of n lists of k items.
func evenOffsets(f *frame, n, k int) *memory.Buffer {
	out, buf := fixed[int32](f.alloc, n+1)
	for i := range out {
		out[i] = int32(i * k)
	}
	return buf
}

// makeArray is array(a, b, …).
func makeArray(c *compiler, e *Call) (node, error) {
	t, ok := e.Of.(*arrow.ListType)
	if !ok {
		return nil, nil
	}
	args := make([]Expr, len(e.Args))
	for i, a := range e.Args {
		args[i] = as(a, t.Elem())
	}
	return c.call(e, func(f *frame, args []value) (value, error) {
		n := rows(f.n, args)
		var items arrow.Array
		if len(args) == 0 {
			items = nulls(f.alloc, t.Elem(), 0)
		} else {
			items = interleave(f, args, n)
		}
		defer items.Release()
		return value{Array: listArray(t, n, nil, evenOffsets(f, n, len(args)), items), scalar: allScalar(args)}, nil
	}, args...)
}

// listArray makes an array of lists; it takes over valid and offsets.
func listArray(t arrow.DataType, n int, valid, offsets *memory.Buffer, items arrow.Array) arrow.Array {
	d := array.NewData(t, n, []*memory.Buffer{valid, offsets}, []arrow.ArrayData{items.Data()}, countNulls(valid, n), 0)
	defer d.Release()
	offsets.Release()
	if valid != nil {
		valid.Release()
	}
	return array.MakeFromData(d)
}

// makeMap is map(key, value, key, value, …).
func makeMap(c *compiler, e *Call) (node, error) {
	t, ok := e.Of.(*arrow.MapType)
	if !ok || len(e.Args)%2 != 0 {
		return nil, nil
	}
	args := make([]Expr, len(e.Args))
	for i, a := range e.Args {
		args[i] = as(a, t.Elem().(*arrow.StructType).Field(i%2).Type)
	}
	return c.call(e, func(f *frame, args []value) (value, error) {
		n := rows(f.n, args)
		var keys, items []value
		for i, a := range args {
			if i%2 == 0 {
				if a.NullN() > 0 {
					return value{}, fmt.Errorf("key %d of a MAP is NULL", i/2+1)
				}
				keys = append(keys, a)
			} else {
				items = append(items, a)
			}
		}
		entries := t.Elem().(*arrow.StructType)
		k, v := nulls(f.alloc, t.KeyType(), 0), nulls(f.alloc, t.ItemType(), 0)
		if len(keys) > 0 {
			k.Release()
			v.Release()
			k, v = interleave(f, keys, n), interleave(f, items, n)
		}
		defer k.Release()
		defer v.Release()
		d := array.NewData(entries, k.Len(), []*memory.Buffer{nil}, []arrow.ArrayData{k.Data(), v.Data()}, 0, 0)
		defer d.Release()
		row := array.MakeFromData(d)
		defer row.Release()
		return value{Array: listArray(t, n, nil, evenOffsets(f, n, len(keys)), row), scalar: allScalar(args)}, nil
	}, args...)
}

// makeRow is row(a, b, …); the array is made of its arguments, uncopied.
func makeRow(c *compiler, e *Call) (node, error) {
	t, ok := e.Of.(*arrow.StructType)
	if !ok || t.NumFields() != len(e.Args) {
		return nil, nil
	}
	args := make([]Expr, len(e.Args))
	for i, a := range e.Args {
		args[i] = as(a, t.Field(i).Type)
	}
	return c.call(e, func(f *frame, args []value) (value, error) {
		n := rows(f.n, args)
		children := make([]arrow.ArrayData, len(args))
		for i, a := range args {
			a.Retain()
			arr := a.expand(f.alloc, n)
			defer arr.Release()
			children[i] = arr.Data()
		}
		d := array.NewData(t, n, []*memory.Buffer{nil}, children, 0, 0)
		defer d.Release()
		return value{Array: array.MakeFromData(d), scalar: allScalar(args)}, nil
	}, args...)
}

// mapMember is MAP_KEYS or MAP_VALUES: the map's own arrays as a list.
func mapMember(k int) maker {
	return func(c *compiler, e *Call) (node, error) {
		if len(e.Args) != 1 || e.Args[0].Type().ID() != arrow.MAP || e.Of.ID() != arrow.LIST {
			return nil, nil
		}
		return c.call(e, func(_ *frame, args []value) (value, error) {
			old := args[0].Data()
			entries := array.NewStructData(old.Children()[0])
			defer entries.Release()
			d := array.NewData(e.Of, old.Len(), old.Buffers(), []arrow.ArrayData{entries.Field(k).Data()}, args[0].NullN(), old.Offset())
			defer d.Release()
			return value{Array: array.MakeFromData(d), scalar: args[0].scalar}, nil
		}, e.Args[0])
	}
}

// arraySearch is ARRAY_CONTAINS or ARRAY_POSITION, which is 0 for what is not
// there.
func arraySearch(contains bool) maker {
	return func(c *compiler, e *Call) (node, error) {
		if len(e.Args) != 2 || e.Args[0].Type().ID() != arrow.LIST {
			return nil, nil
		}
		elem := e.Args[0].Type().(*arrow.ListType).Elem()
		find := func(from, what *column, i int) int64 {
			begin, end := from.items(from.row(i))
			for at := begin; at < end; at++ {
				if from.members[0].equal(at, what, what.row(i)) {
					return int64(at-begin) + 1
				}
			}
			return 0
		}
		var k kernel
		if contains {
			k = func(f *frame, args []value) (value, error) { // a NULL can be looked for, too
				list := args[0]
				if list.scalar && !args[1].scalar {
					list.Retain()
					list = value{Array: list.expand(f.alloc, f.n)}
					defer list.Release()
				}
				from, what := cells(list), cells(args[1])
				return testOf(func(*frame, []value) (func(i int) (bool, error), error) {
					return func(i int) (bool, error) { return find(from, what, i) > 0, nil }, nil
				})(f, []value{list})
			}
		} else {
			k = countOf(e.Of, func(_ *frame, args []value) (func(i int) (int64, error), error) {
				from, what := cells(args[0]), cells(args[1])
				return func(i int) (int64, error) { return find(from, what, i), nil }, nil
			})
		}
		if k == nil {
			return nil, nil
		}
		return c.call(e, k, e.Args[0], as(e.Args[1], elem))
	}
}

// arrayPick makes of each array one of some of its items.
func arrayPick(pick func(dst vector.Sel, items *column, begin, end int) vector.Sel) maker {
	return func(c *compiler, e *Call) (node, error) {
		if len(e.Args) != 1 || e.Args[0].Type().ID() != arrow.LIST || !sameLayout(e.Args[0].Type(), e.Of) {
			return nil, nil
		}
		return c.call(e, func(f *frame, args []value) (value, error) {
			return strict(f, e.Of, args, func(n int, valid *nullable) (arrow.Array, error) {
				from := cells(args[0])
				offsets, buf := fixed[int32](f.alloc, n+1)
				offsets[0] = 0
				sel := vector.Sel{}
				for i := range n {
					if !from.null(i) {
						begin, end := from.items(i)
						sel = pick(sel, from.members[0], begin, end)
					}
					offsets[i+1] = int32(len(sel))
				}
				items := array.MakeFromData(args[0].Data().Children()[0])
				defer items.Release()
				taken := vector.Take(f.alloc, items, sel)
				defer taken.Release()
				return listArray(e.Of, n, valid.take(), buf, taken), nil
			})
		}, e.Args[0])
	}
}

func reversedItems(dst vector.Sel, _ *column, begin, end int) vector.Sel {
	for at := end - 1; at >= begin; at-- {
		dst = append(dst, uint32(at))
	}
	return dst
}

func distinctItems(dst vector.Sel, items *column, begin, end int) vector.Sel {
	first := len(dst)
next:
	for at := begin; at < end; at++ {
		for _, seen := range dst[first:] {
			if items.equal(at, items, int(seen)) {
				continue next
			}
		}
		dst = append(dst, uint32(at))
	}
	return dst
}

// arrayExtreme is ARRAY_MAX or ARRAY_MIN of the items that are not NULL.
func arrayExtreme(sign int) maker {
	return func(c *compiler, e *Call) (node, error) {
		if len(e.Args) != 1 || e.Args[0].Type().ID() != arrow.LIST {
			return nil, nil
		}
		return c.call(e, func(f *frame, args []value) (value, error) {
			from := cells(args[0])
			items := from.members[0]
			arr, err := pickItems(f, args[0].Data().Children()[0], args[0].Len(), func(i int) (int, error) {
				best := -1
				if from.null(i) {
					return best, nil
				}
				for at, end := from.items(i); at < end; at++ {
					if !items.null(at) && (best < 0 || items.compare(at, items, best)*sign > 0) {
						best = at
					}
				}
				return best, nil
			})
			return value{Array: arr, scalar: args[0].scalar}, err
		}, e.Args[0])
	}
}

// arrayJoin is array_join(array, separator [, text for NULL]).
func arrayJoin(c *compiler, e *Call) (node, error) {
	args, ok := match("as?s", e.Args)
	if !ok || args[0].Type().ID() != arrow.LIST {
		return nil, nil
	}
	return c.call(e, textOf(e.Of, func(f *frame, args []value) (func(i int, dst []byte) ([]byte, error), error) {
		from, sep := cells(args[0]), viewsOf(args[1])
		var null *views
		if len(args) == 3 {
			v := viewsOf(args[2])
			null = &v
		}
		p := &printer{env: f.env, name: noName}
		return func(i int, dst []byte) ([]byte, error) {
			items, first := from.members[0], true
			for at, end := from.items(from.row(i)); at < end; at++ {
				if items.null(at) && null == nil {
					continue
				}
				if !first {
					dst = append(dst, sep.at(i)...)
				}
				first = false
				if items.null(at) {
					dst = append(dst, null.at(i)...)
				} else {
					dst = p.append(dst, items, at)
				}
			}
			return dst, nil
		}, nil
	}), args...)
}

// splitText is split(string, separator) → ARRAY<STRING>.
func splitText(c *compiler, e *Call) (node, error) {
	args, ok := match("ss", e.Args)
	if !ok || e.Of.ID() != arrow.LIST {
		return nil, nil
	}
	return c.call(e, built(e.Of, func(args []value) func(i int, b array.Builder) {
		in := readTexts(args)
		return func(i int, b array.Builder) {
			list := b.(*array.ListBuilder)
			list.Append(true)
			items := list.ValueBuilder().(*array.StringViewBuilder)
			if in[0].at(i) == "" {
				items.Append("")
				return
			}
			for part := range strings.SplitSeq(in[0].at(i), in[1].at(i)) {
				items.Append(part)
			}
		}
	}), args...)
}

// strToMap is str_to_map(string [, between entries, between key and value]),
// by default ',' and '='.
func strToMap(c *compiler, e *Call) (node, error) {
	args, ok := match("s?ss", e.Args)
	if !ok || e.Of.ID() != arrow.MAP {
		return nil, nil
	}
	return c.call(e, built(e.Of, func(args []value) func(i int, b array.Builder) {
		in := readTexts(args)
		return func(i int, b array.Builder) {
			entries, pair := ",", "="
			if len(in) > 1 {
				entries = in[1].at(i)
			}
			if len(in) > 2 {
				pair = in[2].at(i)
			}
			m := b.(*array.MapBuilder)
			m.Append(true)
			if in[0].at(i) == "" {
				return
			}
			for entry := range strings.SplitSeq(in[0].at(i), entries) {
				key, val, ok := strings.Cut(entry, pair)
				m.KeyBuilder().(*array.StringViewBuilder).Append(key)
				if items := m.ItemBuilder().(*array.StringViewBuilder); ok {
					items.Append(val)
				} else {
					items.AppendNull()
				}
			}
		}
	}), args...)
}

// built makes a kernel of a function that appends a row to an Arrow builder,
// for results whose size is not known before.
func built(t arrow.DataType, bind func(args []value) func(i int, b array.Builder)) kernel {
	return func(f *frame, args []value) (value, error) {
		row, valid := bind(args), readValid(args)
		b := array.NewBuilder(f.alloc, t)
		defer b.Release()
	next:
		for i := range rows(f.n, args) {
			for _, v := range valid {
				if v.null(i) {
					b.AppendNull()
					continue next
				}
			}
			row(i, b)
		}
		return value{Array: b.NewArray(), scalar: allScalar(args)}, nil
	}
}

// typeOf is typeof(x): Flink's name of the type.
func typeOf(c *compiler, e *Call) (node, error) {
	if len(e.Args) < 1 || len(e.Args) > 2 || !isText(e.Of) {
		return nil, nil
	}
	return c.node(&Literal{Value: TypeName(e.Args[0].Type()), Of: e.Of})
}
