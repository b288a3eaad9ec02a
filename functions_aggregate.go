package wadi

import (
	"encoding"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/vector/agg"
)

// States are what an AggregateFunction knows of each group: it adds, merges and
// saves whole batches of rows.
type States = agg.States

// AggregateFunction is an aggregate function in Go that SQL can call by its
// name: with GROUP BY, in windows, with OVER, DISTINCT and FILTER.
type AggregateFunction struct {
	Name string
	// Args and Result are types of SQL, as those of Function.
	Args   []string
	Result string
	// New gives the states of one table of groups, which are in one task. They
	// are saved with each checkpoint, by States.Save, as a column of the state.
	New func() States
	// Nulls says that rows with a NULL argument are given too; the functions of
	// SQL leave them out.
	Nulls bool
	// Retracts says that States.Retract works. It is needed where rows are
	// taken back, and where they leave the frame of an OVER.
	Retracts bool
	// Merges says that States.Merge works. It is needed in windows that
	// overlap, and in sessions.
	Merges bool

	err error // of a helper, found when the function is defined
}

// Agg is how Agg1 and Agg2 aggregate the values of a group, one by one, into a
// state, which begins as the zero value of S. In is the function over the
// values of a row: func(s *S, a A) error, or func(s *S, a A, b B) error.
type Agg[In, S any, R Value] struct {
	// Add adds the values of a row.
	Add In
	// Retract takes them away again; nil where that cannot be done.
	Retract In
	// Merge adds the values of other, which stays as it is; nil where that
	// cannot be done.
	Merge func(s, other *S) error
	// Result is the result, or NULL where ok is false. It is asked for groups
	// without values, too.
	Result func(s *S) (r R, ok bool)
	// Encode appends the state, for checkpoints, and Decode reads it into a zero
	// S. Nil is right for an S of numbers of fixed sizes, or arrays and structs
	// of them, and for one that is an encoding.BinaryMarshaler and
	// BinaryUnmarshaler.
	Encode func(dst []byte, s *S) ([]byte, error)
	Decode func(s *S, data []byte) error
}

// Agg1 makes an AggregateFunction of functions of rows. Rows with NULL are left
// out.
func Agg1[A Value, S any, R Value](name string, f Agg[func(*S, A) error, S, R]) AggregateFunction {
	row := func(do func(*S, A) error) func(args []arrow.Array) func(s *S, i int) error {
		return func(args []arrow.Array) func(s *S, i int) error {
			a := keeps[A](args[0])
			return func(s *S, i int) error { return do(s, a(i)) }
		}
	}
	return aggregateFunction(name, []string{sqlName[A]()}, f, row, f.Retract != nil)
}

// Agg2 is Agg1 for two arguments.
func Agg2[A, B Value, S any, R Value](name string, f Agg[func(*S, A, B) error, S, R]) AggregateFunction {
	row := func(do func(*S, A, B) error) func(args []arrow.Array) func(s *S, i int) error {
		return func(args []arrow.Array) func(s *S, i int) error {
			a, b := keeps[A](args[0]), keeps[B](args[1])
			return func(s *S, i int) error { return do(s, a(i), b(i)) }
		}
	}
	return aggregateFunction(name, []string{sqlName[A](), sqlName[B]()}, f, row, f.Retract != nil)
}

// keeps is reads, of values that may be kept.
func keeps[T Value](a arrow.Array) func(i int) T {
	read := reads[T](a)
	if _, ok := any(read).(func(int) string); !ok {
		return read
	}
	return func(i int) T {
		return any(strings.Clone(any(read(i)).(string))).(T)
	}
}

func aggregateFunction[In, S any, R Value](name string, args []string, f Agg[In, S, R], row func(In) func([]arrow.Array) func(*S, int) error, retracts bool) AggregateFunction {
	out := AggregateFunction{Name: name, Args: args, Result: sqlName[R](), Retracts: retracts, Merges: f.Merge != nil}
	k := &kind[S, R]{add: row(f.Add), merge: f.Merge, result: f.Result, encode: f.Encode, decode: f.Decode}
	if retracts {
		k.retract = row(f.Retract)
	}
	if f.Result == nil {
		out.err = fmt.Errorf("it has no Result")
	} else if (k.encode == nil) != (k.decode == nil) {
		out.err = fmt.Errorf("it has one of Encode and Decode, and needs both")
	} else if k.encode == nil {
		out.err = k.encodes()
	}
	out.New = func() States { return &states[S, R]{kind: k} }
	return out
}

// kind is what all states of a function share.
type kind[S any, R Value] struct {
	add, retract func(args []arrow.Array) func(s *S, i int) error
	merge        func(s, other *S) error
	result       func(s *S) (R, bool)
	encode       func(dst []byte, s *S) ([]byte, error)
	decode       func(s *S, data []byte) error
}

// encodes finds how an S is written.
func (k *kind[S, R]) encodes() error {
	var zero S
	_, writes := any(&zero).(encoding.BinaryMarshaler)
	_, reads := any(&zero).(encoding.BinaryUnmarshaler)
	switch {
	case writes && reads:
		k.encode = func(dst []byte, s *S) ([]byte, error) {
			b, err := any(s).(encoding.BinaryMarshaler).MarshalBinary()
			return append(dst, b...), err
		}
		k.decode = func(s *S, data []byte) error { return any(s).(encoding.BinaryUnmarshaler).UnmarshalBinary(data) }
	case binary.Size(&zero) >= 0:
		k.encode = func(dst []byte, s *S) ([]byte, error) { return binary.Append(dst, binary.LittleEndian, s) }
		k.decode = func(s *S, data []byte) error {
			_, err := binary.Decode(data, binary.LittleEndian, s)
			return err
		}
	default:
		return fmt.Errorf("its state, a %T, has no fixed size: give Encode and Decode, or methods MarshalBinary and UnmarshalBinary", zero)
	}
	return nil
}

// states are those of functions of rows: a slice by group.
type states[S any, R Value] struct {
	kind *kind[S, R]
	all  []cell[S]
}

type cell[S any] struct {
	s    S
	used bool // values were added
}

// at is the state of a group; that of one without values may be read only.
func (t *states[S, R]) at(g uint32) *cell[S] {
	for int(g) >= len(t.all) {
		t.all = append(t.all, make([]cell[S], max(int(g)+1-len(t.all), len(t.all)))...)
	}
	return &t.all[g]
}

func (t *states[S, R]) each(do func(s *S, i int) error, rows, groups []uint32) error {
	for i, g := range groups {
		row := i
		if rows != nil {
			row = int(rows[i])
		}
		c := t.at(g)
		c.used = true
		if err := do(&c.s, row); err != nil {
			return err
		}
	}
	return nil
}

// Add implements States.
func (t *states[S, R]) Add(args []arrow.Array, rows, groups []uint32) error {
	return t.each(t.kind.add(args), rows, groups)
}

// Retract implements States.
func (t *states[S, R]) Retract(args []arrow.Array, rows, groups []uint32) error {
	return t.each(t.kind.retract(args), rows, groups)
}

// Merge implements States.
func (t *states[S, R]) Merge(from States, dst, src []uint32) error {
	other := from.(*states[S, R])
	for i, g := range dst {
		c := t.at(g)
		c.used = true
		if err := t.kind.merge(&c.s, &other.at(src[i]).s); err != nil {
			return err
		}
	}
	return nil
}

// Results implements States.
func (t *states[S, R]) Results(alloc memory.Allocator, groups []uint32) (arrow.Array, error) {
	of, err := datatype.Parse(sqlName[R]())
	if err != nil {
		return nil, err
	}
	b := array.NewBuilder(alloc, of.Arrow())
	defer b.Release()
	b.Reserve(len(groups))
	into := b.(interface{ Append(v R) })
	for _, g := range groups {
		if r, ok := t.kind.result(&t.at(g).s); ok {
			into.Append(r)
		} else {
			b.AppendNull()
		}
	}
	return b.NewArray(), nil
}

// Save implements States.
func (t *states[S, R]) Save(alloc memory.Allocator, groups []uint32) (arrow.Array, error) {
	b := array.NewBinaryViewBuilder(alloc)
	defer b.Release()
	var text []byte
	var err error
	for _, g := range groups {
		c := t.at(g)
		if !c.used {
			b.AppendNull()
			continue
		}
		if text, err = t.kind.encode(text[:0], &c.s); err != nil {
			return nil, err
		}
		b.Append(text)
	}
	return b.NewArray(), nil
}

// Load implements States.
func (t *states[S, R]) Load(groups []uint32, saved arrow.Array) error {
	texts := saved.(*array.BinaryView)
	for i, g := range groups {
		if texts.IsNull(i) {
			continue
		}
		c := t.at(g)
		c.used = true
		if err := t.kind.decode(&c.s, texts.Value(i)); err != nil {
			return fmt.Errorf("read its state: %w", err)
		}
	}
	return nil
}

// Clear implements States.
func (t *states[S, R]) Clear(groups []uint32) {
	for _, g := range groups {
		if int(g) < len(t.all) {
			t.all[g] = cell[S]{}
		}
	}
}
