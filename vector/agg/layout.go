package agg

import (
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

const (
	dirtyBit = 1 << 63
	knownBit = 1 << 62
	// goneBit marks a group that was forgotten and that the state table still has.
	goneBit = 1 << 61
	// maxAccs is how many accumulators have a bit of their own in the header.
	maxAccs = 56

	headerBytes = 8
)

// Options are what a Layout needs to know beside the functions.
type Options struct {
	// Retract says that rows may be taken away again.
	Retract bool
	// Drops says that groups are dropped with all they hold; see Table.Drop.
	Drops bool
	// Prefix are key columns before those of the input: the caller gives their
	// values with GroupsOf.
	Prefix []arrow.Field
	// Alloc is where arrays and tables take their memory; nil is the Go heap.
	Alloc memory.Allocator
}

// Layout is where the accumulators of a list of functions stand in the rows of
// a table, and how they are computed.
type Layout struct {
	in      *arrow.Schema
	keys    []arrow.Field
	keyCols []int
	alloc   memory.Allocator
	retract bool
	drops   bool

	accs    []acc // distinct accumulators; equal functions share one
	results []int // index into accs for each function
	bytes   int   // of all accumulators and the header
	arenas  int   // number of slots in Table.arenas
	users   []*User
	sides   []sideSpec

	scratch scratch
}

// acc is one accumulator of a layout: it knows its place in the rows, and
// folds whole batches into it.
type acc interface {
	common() *base
	// place gives the accumulator its offset and its bit in the header; it
	// returns its size in bytes.
	place(off uintptr, bit uint64) int
	// fold adds in.rows, whose arguments are not NULL, to the groups in.gids.
	// The header's bit is set by the caller, afterwards.
	fold(t *Table, in input)
	// retract takes rows away; it is called only when Options.Retract is set.
	retract(t *Table, in input)
	// merge folds the accumulators of from's groups src into t's groups dst.
	// The header's bits are merged by the caller, afterwards.
	merge(t, from *Table, dst, src []uint32)
	// emit gives the results of groups.
	emit(t *Table, groups []uint32) arrow.Array
	// columns are those in which the accumulator is stored, export gives them
	// for groups, and load sets them.
	columns() []arrow.Field
	export(t *Table, groups []uint32) []arrow.Array
	load(t *Table, groups []uint32, cols []arrow.Array)
}

// input is a list of rows for an accumulator: gids[i] is the group of row
// rows[i], or of row i when rows is nil.
type input struct {
	rec  columns
	gids []uint32
	rows []uint32
}

// columns is what an accumulator reads: usually an arrow.RecordBatch.
type columns interface{ Column(i int) arrow.Array }

// single gives one column for any index.
type single struct{ col arrow.Array }

func (s single) Column(int) arrow.Array { return s.col }

// Compile lays out specs over rows of schema in, grouped by the columns keys.
func Compile(specs []Spec, in *arrow.Schema, keys []int, o Options) (*Layout, error) {
	if err := inRange(specs, in, keys); err != nil {
		return nil, err
	}
	l := &Layout{in: in, keyCols: keys, alloc: o.Alloc, retract: o.Retract, drops: o.Drops, bytes: headerBytes}
	if l.alloc == nil {
		l.alloc = memory.DefaultAllocator
	}
	l.keys = slices.Clone(o.Prefix)
	for _, k := range keys {
		l.keys = append(l.keys, in.Field(k))
	}
	if l.retract {
		l.bytes += 8
	}
	byName := map[string]int{}
	for _, s := range specs {
		id := fmt.Sprintf("%s %v", s.name(in), s.Of)
		at, ok := byName[id]
		if !ok {
			a, err := l.build(s)
			if err != nil {
				return nil, err
			}
			if at = len(l.accs); at == maxAccs {
				return nil, fmt.Errorf("more than %d aggregate functions in one GROUP BY", maxAccs)
			}
			l.bytes += a.place(uintptr(l.bytes), 1<<at)
			l.accs = append(l.accs, a)
			byName[id] = at
		}
		l.results = append(l.results, at)
	}
	return l, nil
}

// inRange reports a column that in does not have.
func inRange(specs []Spec, in *arrow.Schema, keys []int) error {
	cols := slices.Clone(keys)
	for _, s := range specs {
		cols = append(cols, s.Args...)
		if s.Filter >= 0 {
			cols = append(cols, s.Filter)
		}
	}
	for _, c := range cols {
		if c < 0 || c >= in.NumFields() {
			return fmt.Errorf("no column %d in an input of %d", c, in.NumFields())
		}
	}
	return nil
}

// build makes the accumulator of s.
func (l *Layout) build(s Spec) (acc, error) {
	b := base{spec: s, name: s.name(l.in), arg: -1, counted: l.retract, nullable: s.KeepNulls}
	var argType arrow.DataType
	if len(s.Args) > 0 {
		b.arg = s.Args[0]
		argType = l.in.Field(b.arg).Type
	}
	if most := maxArgs(s); len(s.Args) > most && len(s.Order) == 0 {
		return nil, fmt.Errorf("%s takes %s, not %d", s.Func, []string{"one argument", "two arguments", "three arguments"}[min(most, 3)-1], len(s.Args))
	}
	if s.Filter >= 0 && l.in.Field(s.Filter).Type.ID() != arrow.BOOL {
		return nil, fmt.Errorf("filter of %s is %v, not BOOLEAN", b.name, l.in.Field(s.Filter).Type)
	}
	of, err := s.resultType(argType)
	if err != nil {
		return nil, err
	}
	if b.of = s.Of; b.of == nil {
		b.of = of
	}
	extreme := s.Func == "min" || s.Func == "max"
	switch {
	case extreme && l.retract:
		return l.newExtremeSet(b, argType)
	case s.Distinct && !extreme:
		return l.newDistinct(b, argType)
	}
	return l.plain(b, argType)
}

// maxArgs is how many arguments a function may have.
func maxArgs(s Spec) int {
	switch {
	case s.Func == "count" && s.Distinct, s.User != nil:
		return 63
	case s.Func == "percentile":
		return 3
	case s.Func == "json_objectagg":
		return 2
	}
	return 1
}

// plain makes the accumulator of a function without DISTINCT.
func (l *Layout) plain(b base, arg arrow.DataType) (acc, error) {
	if b.spec.User != nil {
		return l.newUser(b), nil
	}
	switch b.spec.Func {
	case "count":
		return &count{base: b}, nil
	case "sum", "sum0", "avg":
		return newSum(b, arg)
	case "min", "max":
		return l.newExtreme(b, arg)
	case "first_value", "last_value":
		if _, err := classOf(arg); err != nil || l.retract || len(b.spec.Order) > 0 {
			return l.newBag(b)
		}
		return l.newFirst(b, arg)
	case "single_value", "array_agg", "collect", "listagg", "percentile", "json_arrayagg", "json_objectagg":
		return l.newBag(b)
	}
	return newMoments(b)
}

// slot reserves an arena.
func (l *Layout) slot() int {
	l.arenas++
	return l.arenas - 1
}

// Fields are the columns in which the groups' accumulators are stored, behind
// the key. Their names come from the functions and their columns, so that an
// edited query finds what it still computes.
func (l *Layout) Fields() []arrow.Field {
	var fields []arrow.Field
	if l.retract {
		fields = append(fields, arrow.Field{Name: "$rows", Type: arrow.PrimitiveTypes.Int64})
	}
	for _, a := range l.accs {
		fields = append(fields, a.columns()...)
	}
	return fields
}

// KeyFields are the key columns, those of Options.Prefix first; a table without
// keys has none.
func (l *Layout) KeyFields() []arrow.Field { return slices.Clone(l.keys) }

// Results are the result columns, in the order of the functions.
func (l *Layout) Results() []arrow.DataType {
	out := make([]arrow.DataType, len(l.results))
	for i, r := range l.results {
		out[i] = l.accs[r].common().of
	}
	return out
}

// base is what all accumulators have.
type base struct {
	spec Spec
	name string
	arg  int // input column, or -1
	of   arrow.DataType
	// counted says that the number of values is kept, because they may be
	// retracted; otherwise the header's bit says whether there was one.
	counted bool
	// nullable says that NULL is a value like others.
	nullable bool

	off uintptr
	bit uint64
}

func (b *base) common() *base { return b }

func (b *base) at(off uintptr, bit uint64) { b.off, b.bit = off, bit }

// column names a stored column of the accumulator.
func (b *base) column(part string, t arrow.DataType) arrow.Field {
	name := b.name
	if part != "" {
		name += "." + part
	}
	return arrow.Field{Name: name, Type: t, Nullable: true}
}

// input narrows in to the rows that pass the filter and whose arguments are
// not NULL.
func (b *base) input(s *scratch, in input) input {
	if b.spec.Filter >= 0 {
		in = s.narrowTrue(in, in.rec.Column(b.spec.Filter))
	}
	for _, a := range b.valid() {
		in = s.narrowValid(in, in.rec.Column(a))
	}
	return in
}

// valid are the arguments that must not be NULL in a row that counts.
func (b *base) valid() []int {
	switch {
	case b.nullable && b.spec.Func == "json_objectagg":
		return b.spec.Args[:1] // the key
	case b.nullable:
		return nil
	case b.spec.Func == "percentile" || len(b.spec.Order) > 0:
		return b.spec.Args[:1]
	}
	return b.spec.Args
}

// whole reports whether input keeps every row of rec.
func (b *base) whole(rec columns) bool {
	for _, a := range b.valid() {
		if rec.Column(a).NullN() > 0 {
			return false
		}
	}
	return b.spec.Filter < 0
}
