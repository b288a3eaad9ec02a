package expr

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector"
)

// arrayFunctions make arrays of the items of others. An item is not copied on
// its own: a function names items, and they are taken together.
func arrayFunctions() map[string]maker {
	return map[string]maker{
		"array_append":       itemArray("Lm", appended),
		"array_prepend":      itemArray("Lm", prepended),
		"array_remove":       itemArray("Lm", removed),
		"array_concat":       itemArray("L*", concatenated),
		"array_union":        itemArray("LL", united),
		"array_except":       itemArray("LL", excepted),
		"array_intersect":    itemArray("LL", intersected),
		"array_slice":        arraySlice,
		"array_sort":         arraySort,
		"map_entries":        mapEntries,
		"map_from_arrays":    mapFromArrays,
		"map_union":          mapUnion,
		"regexp_extract_all": regexpExtractAll,
	}
}

// items are the items of the arguments, one behind the other, and the places of
// one row's.
type items struct {
	*column       // all items
	base    []int // where those of each argument begin
	lists   []*column
	picked  vector.Sel
	from    int // where the row's picks begin
}

// each calls do with every item of the row's list in argument k.
func (x *items) each(k, i int, do func(at int)) {
	begin, end := x.lists[k].items(x.lists[k].row(i))
	for at := begin; at < end; at++ {
		do(x.base[k] + at)
	}
}

// single is the item that argument k is.
func (x *items) single(k, i int) int { return x.base[k] + x.lists[k].row(i) }

func (x *items) pick(at int) { x.picked = append(x.picked, uint32(at)) }

// has reports whether an item equal to the one at is among the list of
// argument k.
func (x *items) has(k, i, at int) bool {
	begin, end := x.lists[k].items(x.lists[k].row(i))
	for other := begin; other < end; other++ {
		if x.equal(at, x.column, x.base[k]+other) {
			return true
		}
	}
	return false
}

// chosen reports whether an equal item was picked for the row.
func (x *items) chosen(at int) bool {
	return slices.ContainsFunc(x.picked[x.from:], func(p uint32) bool { return x.equal(at, x.column, int(p)) })
}

func appended(x *items, i int) {
	x.each(0, i, x.pick)
	x.pick(x.single(1, i))
}

func prepended(x *items, i int) {
	x.pick(x.single(1, i))
	x.each(0, i, x.pick)
}

func removed(x *items, i int) {
	needle := x.single(1, i)
	x.each(0, i, func(at int) {
		if !x.equal(at, x.column, needle) {
			x.pick(at)
		}
	})
}

func concatenated(x *items, i int) {
	for k := range x.lists {
		x.each(k, i, x.pick)
	}
}

func united(x *items, i int) {
	for k := range x.lists {
		x.each(k, i, func(at int) {
			if !x.chosen(at) {
				x.pick(at)
			}
		})
	}
}

func excepted(x *items, i int) {
	x.each(0, i, func(at int) {
		if !x.has(1, i, at) && !x.chosen(at) {
			x.pick(at)
		}
	})
}

func intersected(x *items, i int) {
	x.each(0, i, func(at int) {
		if x.has(1, i, at) && !x.chosen(at) {
			x.pick(at)
		}
	})
}

// itemArray makes of each row an array of items that pick names. The arguments
// are lists L or single items m of one type; a row is NULL where a list is.
func itemArray(sig string, pick func(x *items, i int)) maker {
	return func(c *compiler, e *Call) (node, error) {
		t, ok := e.Of.(*arrow.ListType)
		if !ok {
			return nil, nil
		}
		kinds := []byte(sig)
		if kinds[len(kinds)-1] == '*' {
			kinds = slices.Repeat(kinds[:1], len(e.Args))
		}
		if len(kinds) != len(e.Args) || len(kinds) == 0 {
			return nil, nil
		}
		args := make([]Expr, len(e.Args))
		for k, a := range e.Args {
			if args[k] = as(a, t); kinds[k] == 'm' {
				args[k] = as(a, t.Elem())
			}
		}
		return c.call(e, func(f *frame, args []value) (value, error) {
			args, done := expandMixed(f, args)
			defer done()
			var lists []value
			for k, a := range args {
				if kinds[k] == 'L' {
					lists = append(lists, a)
				}
			}
			return strict(f, e.Of, lists, func(n int, valid *nullable) (arrow.Array, error) {
				x, all := itemsOf(f, kinds, args)
				defer all.Release()
				return x.take(f, e.Of, n, valid, all, func(i int) { pick(x, i) }), nil
			})
		}, args...)
	}
}

// expandMixed makes all arguments as long as the frame when some are and some
// are not, so that a result is a scalar only when every argument is.
func expandMixed(f *frame, args []value) (out []value, done func()) {
	if allScalar(args) {
		return args, func() {}
	}
	out = make([]value, len(args))
	for k, a := range args {
		a.Retain()
		out[k] = value{Array: a.expand(f.alloc, f.n)}
	}
	return out, func() {
		for _, a := range out {
			a.Release()
		}
	}
}

// itemsOf joins the items of all arguments.
func itemsOf(f *frame, kinds []byte, args []value) (*items, arrow.Array) {
	x := &items{picked: vector.Sel{}} // a nil selection would be all items
	parts := make([]arrow.Array, len(args))
	base := 0
	for k, a := range args {
		if kinds[k] == 'L' {
			parts[k] = array.MakeFromData(a.Data().Children()[0])
		} else {
			a.Retain()
			parts[k] = a.Array
		}
		defer parts[k].Release()
		x.base = append(x.base, base)
		x.lists = append(x.lists, cells(a))
		base += parts[k].Len()
	}
	all := vector.Concat(f.alloc, parts)
	x.column = cells(value{Array: all})
	return x, all
}

// take runs pick for the rows that are not NULL and takes what they picked.
func (x *items) take(f *frame, t arrow.DataType, n int, valid *nullable, all arrow.Array, pick func(i int)) arrow.Array {
	offsets, buf := fixed[int32](f.alloc, n+1)
	offsets[0] = 0
	v := validity{mask: -1}
	if valid.buf != nil {
		v.bits = valid.buf.Bytes()
	}
	for i := range n {
		if x.from = len(x.picked); !v.null(i) {
			pick(i)
		}
		offsets[i+1] = int32(len(x.picked))
	}
	taken := vector.Take(f.alloc, all, x.picked)
	defer taken.Release()
	return listArray(t, n, valid.take(), buf, taken)
}

// arraySlice is array_slice(array, start [, end]): from 1, both ends within,
// negative from the end, 0 the beginning.
func arraySlice(c *compiler, e *Call) (node, error) {
	args, ok := match("ai?i", e.Args)
	if !ok || args[0].Type().ID() != arrow.LIST {
		return nil, nil
	}
	return c.call(e, func(f *frame, args []value) (value, error) {
		args, done := expandMixed(f, args)
		defer done()
		return strict(f, e.Of, args, func(n int, valid *nullable) (arrow.Array, error) {
			x, all := itemsOf(f, []byte("L"), args[:1])
			defer all.Release()
			bounds := make([]vec[int64], len(args))
			for k := 1; k < len(args); k++ {
				bounds[k] = integers(f, args[k])
			}
			return x.take(f, e.Of, n, valid, all, func(i int) {
				begin, end := x.lists[0].items(x.lists[0].row(i))
				from, to := place(bounds[1].at(i), end-begin), end-begin
				if len(args) == 3 {
					to = place(bounds[2].at(i), end-begin)
				}
				for at := max(from, 1); at <= min(to, end-begin); at++ {
					x.pick(begin + at - 1)
				}
			}), nil
		})
	}, args...)
}

// place counts an offset of ARRAY_SLICE from 1.
func place(offset int64, n int) int {
	switch {
	case offset == 0:
		return 1
	case offset < 0:
		return int(max(offset, int64(-n)-1)) + n + 1
	}
	return int(min(offset, int64(n)+1))
}

// arraySort is array_sort(array [, ascending [, NULL first]]): by default
// ascending, and NULL is the lowest.
func arraySort(c *compiler, e *Call) (node, error) {
	args, ok := match("a?bb", e.Args)
	if !ok || args[0].Type().ID() != arrow.LIST {
		return nil, nil
	}
	return c.call(e, func(f *frame, args []value) (value, error) {
		args, done := expandMixed(f, args)
		defer done()
		return strict(f, e.Of, args, func(n int, valid *nullable) (arrow.Array, error) {
			x, all := itemsOf(f, []byte("L"), args[:1])
			defer all.Release()
			flag := func(k, i int, otherwise bool) bool {
				if k >= len(args) {
					return otherwise
				}
				return flagsOf(args[k]).at(i)
			}
			return x.take(f, e.Of, n, valid, all, func(i int) {
				x.each(0, i, x.pick)
				ascending := flag(1, i, true)
				first := flag(2, i, ascending)
				slices.SortStableFunc(x.picked[x.from:], func(a, b uint32) int {
					if an, bn := x.null(int(a)), x.null(int(b)); an || bn {
						d := int(bit(bn)) - int(bit(an))
						if first {
							return d
						}
						return -d
					}
					if ascending {
						return x.compare(int(a), x.column, int(b))
					}
					return x.compare(int(b), x.column, int(a))
				})
			}), nil
		})
	}, args...)
}

// mapEntries is map_entries(map): its own arrays as a list of rows.
func mapEntries(c *compiler, e *Call) (node, error) {
	t, ok := e.Of.(*arrow.ListType)
	if !ok || len(e.Args) != 1 || e.Args[0].Type().ID() != arrow.MAP || t.Elem().ID() != arrow.STRUCT {
		return nil, nil
	}
	return c.call(e, func(_ *frame, args []value) (value, error) {
		old := args[0].Data()
		entries := old.Children()[0]
		rows := array.NewData(t.Elem(), entries.Len(), entries.Buffers(), entries.Children(), entries.NullN(), entries.Offset())
		defer rows.Release()
		d := array.NewData(t, old.Len(), old.Buffers(), []arrow.ArrayData{rows}, args[0].NullN(), old.Offset())
		defer d.Release()
		return value{Array: array.MakeFromData(d), scalar: args[0].scalar}, nil
	}, e.Args[0])
}

// mapFromArrays is map_from_arrays(keys, values).
func mapFromArrays(c *compiler, e *Call) (node, error) {
	t, ok := e.Of.(*arrow.MapType)
	if !ok || len(e.Args) != 2 {
		return nil, nil
	}
	args := []Expr{as(e.Args[0], arrow.ListOfField(keyField(t))), as(e.Args[1], arrow.ListOfField(t.ItemField()))}
	return c.call(e, func(f *frame, args []value) (value, error) {
		args, done := expandMixed(f, args)
		defer done()
		return strict(f, t, args, func(n int, valid *nullable) (arrow.Array, error) {
			keys, allKeys := itemsOf(f, []byte("L"), args[:1])
			defer allKeys.Release()
			vals, allVals := itemsOf(f, []byte("L"), args[1:])
			defer allVals.Release()
			m := &entryPicks{keys: keys, vals: vals}
			return m.take(f, t, n, valid, allKeys, allVals, func(i int) error {
				a, aEnd := keys.lists[0].items(keys.lists[0].row(i))
				b, bEnd := vals.lists[0].items(vals.lists[0].row(i))
				if aEnd-a != bEnd-b {
					return fmt.Errorf("MAP_FROM_ARRAYS of %d keys and %d values", aEnd-a, bEnd-b)
				}
				for ; a < aEnd; a, b = a+1, b+1 {
					if err := m.put(a, b); err != nil {
						return err
					}
				}
				return nil
			})
		})
	}, args...)
}

// keyField is the field of a map's keys, as items of a list may be NULL.
func keyField(t *arrow.MapType) arrow.Field {
	f := t.KeyField()
	f.Name, f.Nullable = "item", true
	return f
}

// entryPicks are the entries of maps that are made of items of others. Of equal
// keys the last value counts, in the place of the first.
type entryPicks struct {
	keys, vals *items
}

func (m *entryPicks) put(key, val int) error {
	if m.keys.null(key) {
		return fmt.Errorf("a key of a MAP is NULL")
	}
	for p := m.keys.from; p < len(m.keys.picked); p++ {
		if m.keys.equal(key, m.keys.column, int(m.keys.picked[p])) {
			m.vals.picked[p] = uint32(val)
			return nil
		}
	}
	m.keys.pick(key)
	m.vals.pick(val)
	return nil
}

func (m *entryPicks) take(f *frame, t *arrow.MapType, n int, valid *nullable, keys, vals arrow.Array, row func(i int) error) (arrow.Array, error) {
	offsets, buf := fixed[int32](f.alloc, n+1)
	offsets[0] = 0
	v := validity{mask: -1}
	if valid.buf != nil {
		v.bits = valid.buf.Bytes()
	}
	for i := range n {
		m.keys.from = len(m.keys.picked)
		if !v.null(i) {
			if err := row(i); err != nil {
				buf.Release()
				return nil, err
			}
		}
		offsets[i+1] = int32(len(m.keys.picked))
	}
	k := vector.Take(f.alloc, keys, m.keys.picked)
	defer k.Release()
	x := vector.Take(f.alloc, vals, m.vals.picked)
	defer x.Release()
	d := array.NewData(t.Elem(), k.Len(), []*memory.Buffer{nil}, []arrow.ArrayData{k.Data(), x.Data()}, 0, 0)
	defer d.Release()
	entries := array.MakeFromData(d)
	defer entries.Release()
	return listArray(t, n, valid.take(), buf, entries), nil
}

// mapUnion is map_union(map, …): of equal keys the last map's value.
func mapUnion(c *compiler, e *Call) (node, error) {
	t, ok := e.Of.(*arrow.MapType)
	if !ok || len(e.Args) == 0 {
		return nil, nil
	}
	args := make([]Expr, len(e.Args))
	for i, a := range e.Args {
		args[i] = as(a, t)
	}
	return c.call(e, func(f *frame, args []value) (value, error) {
		args, done := expandMixed(f, args)
		defer done()
		return strict(f, t, args, func(n int, valid *nullable) (arrow.Array, error) {
			m := &entryPicks{keys: &items{picked: vector.Sel{}}, vals: &items{picked: vector.Sel{}}}
			var keys, vals []arrow.Array
			base := 0
			for _, a := range args {
				entries := array.NewStructData(a.Data().Children()[0])
				defer entries.Release()
				keys, vals = append(keys, entries.Field(0)), append(vals, entries.Field(1))
				m.keys.base, m.keys.lists = append(m.keys.base, base), append(m.keys.lists, cells(a))
				base += entries.Len()
			}
			k, v := vector.Concat(f.alloc, keys), vector.Concat(f.alloc, vals)
			defer k.Release()
			defer v.Release()
			m.keys.column, m.vals.column = cells(value{Array: k}), cells(value{Array: v})
			return m.take(f, t, n, valid, k, v, func(i int) error {
				for a, list := range m.keys.lists {
					begin, end := list.items(list.row(i))
					for at := begin; at < end; at++ {
						if err := m.put(m.keys.base[a]+at, m.keys.base[a]+at); err != nil {
							return err
						}
					}
				}
				return nil
			})
		})
	}, args...)
}

// regexpExtractAll is regexp_extract_all(string, pattern [, group, by default 1]):
// a group that took no part in a match is NULL.
func regexpExtractAll(c *compiler, e *Call) (node, error) {
	args, ok := match("ss?i", e.Args)
	if !ok || e.Of.ID() != arrow.LIST {
		return nil, nil
	}
	return c.call(e, func(f *frame, args []value) (value, error) {
		s, re, valid := viewsOf(args[0]), newExpressions(args[1]), readValid(args)
		group := vec[int64]{v: []int64{1}}
		if len(args) == 3 {
			group = integers(f, args[2])
		}
		b := array.NewListBuilder(f.alloc, arrow.BinaryTypes.StringView)
		defer b.Release()
		for i := range rows(f.n, args) {
			if slices.ContainsFunc(valid, func(v validity) bool { return v.null(i) }) {
				b.AppendNull()
				continue
			}
			r, err := re.at(i)
			switch g := group.at(i); {
			case err == errNull || err == nil && (g < 0 || g > int64(r.NumSubexp())): //nolint:errorlint // never wrapped
				b.AppendNull()
			case err != nil:
				return value{}, err
			default:
				appendGroups(b, r.Regexp, s.at(i), int(g))
			}
		}
		arr := b.NewArray()
		defer arr.Release()
		d := array.NewData(e.Of, arr.Len(), arr.Data().Buffers(), arr.Data().Children(), arr.NullN(), 0)
		defer d.Release()
		return value{Array: array.MakeFromData(d), scalar: allScalar(args)}, nil
	}, args...)
}

func appendGroups(b *array.ListBuilder, r *regexp.Regexp, s string, group int) {
	b.Append(true)
	items := b.ValueBuilder().(*array.StringViewBuilder)
	for _, at := range matches(r, s) {
		if from := at[2*group]; from >= 0 {
			items.Append(s[from:at[2*group+1]])
		} else {
			items.AppendNull()
		}
	}
}
