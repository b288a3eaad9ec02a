package match

import (
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/agg"
	"github.com/wadi-engine/wadi/vector/expr"
)

// formula is expressions over columns of the current row and references. It
// has only those columns that it uses.
type formula struct {
	program *expr.Program
	schema  *arrow.Schema
	columns []int // of the row
	refs    []*reference
}

// reference is a Ref and what computes it.
type reference struct {
	Ref
	of     arrow.DataType
	layout *agg.Layout // of an aggregate with an argument
	table  *agg.Table
	schema *arrow.Schema
}

// newFormula compiles expressions over in and refs.
func newFormula(list []expr.Expr, in *arrow.Schema, refs []Ref, env expr.Env) (*formula, error) {
	f := &formula{}
	used := map[int]*expr.Column{}
	for _, e := range list {
		usedColumns(e, used)
	}
	order := make([]int, 0, len(used))
	for i := range used {
		order = append(order, i)
	}
	slices.Sort(order)
	at := map[int]int{}
	var fields []arrow.Field
	n := in.NumFields()
	for _, i := range order {
		at[i] = len(fields)
		if i < n {
			f.columns = append(f.columns, i)
			fields = append(fields, in.Field(i))
			continue
		}
		if i-n >= len(refs) {
			return nil, fmt.Errorf("%w: no reference %d", job.ErrInvalid, i-n)
		}
		r := &reference{Ref: refs[i-n], of: used[i].Of}
		f.refs = append(f.refs, r)
		fields = append(fields, arrow.Field{Name: used[i].Name, Type: r.of, Nullable: true})
	}
	f.schema = arrow.NewSchema(fields, nil)
	moved := make([]expr.Expr, len(list))
	for i, e := range list {
		moved[i] = renumbered(e, at)
	}
	var err error
	f.program, err = expr.Compile(moved, f.schema, env)
	return f, err
}

func usedColumns(e expr.Expr, used map[int]*expr.Column) {
	switch e := e.(type) {
	case *expr.Column:
		used[e.Index] = e
	case *expr.Call:
		for _, a := range e.Args {
			usedColumns(a, used)
		}
	}
}

func renumbered(e expr.Expr, at map[int]int) expr.Expr {
	switch e := e.(type) {
	case *expr.Column:
		return &expr.Column{Index: at[e.Index], Name: e.Name, Of: e.Of}
	case *expr.Call:
		args := make([]expr.Expr, len(e.Args))
		for i, a := range e.Args {
			args[i] = renumbered(a, at)
		}
		return e.With(args)
	}
	return e
}

// open compiles the aggregates.
func (f *formula) open(m *Match) error {
	for _, r := range f.refs {
		if r.Agg == nil || len(r.Agg.Args) == 0 {
			continue
		}
		spec := *r.Agg
		spec.Args, spec.Filter, spec.Of = nil, -1, r.of
		var fields []arrow.Field
		for i, c := range r.Agg.Args {
			fields, spec.Args = append(fields, m.in.Field(c)), append(spec.Args, i)
		}
		r.schema = arrow.NewSchema(fields, nil)
		var err error
		r.layout, err = agg.Compile([]agg.Spec{spec}, r.schema, nil, agg.Options{
			Alloc: m.alloc, Prefix: []arrow.Field{{Name: "$match", Type: arrow.PrimitiveTypes.Int64}},
		})
		if err != nil {
			return err
		}
		if r.table, err = r.layout.NewTable(); err != nil {
			return err
		}
	}
	return nil
}

func (f *formula) release() {
	for _, r := range f.refs {
		if r.table != nil {
			r.table.Release()
			r.table = nil
		}
	}
}

// binding is the rows of a match in which a formula is computed: those of
// vars, from row first of the partition on, of which the last is the current
// row when it is being tested.
type binding struct {
	rows []uint32 // ids
	vars []uint8
}

// eval computes the formula in each of the bindings; current are the rows of
// the batch for the columns of the current row, or nil.
func (f *formula) eval(m *Match, rec arrow.RecordBatch, current vector.Sel, list []binding) ([]arrow.Array, error) {
	cols := make([]arrow.Array, 0, len(f.columns)+len(f.refs))
	for _, c := range f.columns {
		cols = append(cols, vector.Take(m.alloc, rec.Column(c), current))
	}
	for _, r := range f.refs {
		cols = append(cols, r.eval(m, list))
	}
	in := array.NewRecordBatch(f.schema, cols, int64(len(list)))
	release(cols)
	defer in.Release()
	for _, r := range f.refs {
		if r.table != nil && r.table.Err() != nil {
			return nil, fmt.Errorf("%w: %w", job.ErrInvalid, r.table.Err())
		}
	}
	return f.program.Eval(m.alloc, in, nil)
}

// eval computes the reference in each of the bindings.
func (r *reference) eval(m *Match, list []binding) arrow.Array {
	switch {
	case r.Agg == nil:
		ids := make([]uint32, len(list))
		for i, b := range list {
			ids[i] = r.target(b)
		}
		return m.store.TakeColumn(m.alloc, r.Column, ids)
	case r.table == nil:
		return r.count(m, list)
	}
	var ids, groups []uint32
	for i, b := range list {
		for k, v := range b.vars {
			if r.Vars>>v&1 == 1 {
				ids, groups = append(ids, b.rows[k]), append(groups, uint32(i))
			}
		}
	}
	r.table.Reset()
	buf, keys := vector.NewValues[int64](m.alloc, len(list))
	for i := range keys {
		keys[i] = int64(i)
	}
	key := vector.MakeArray(arrow.PrimitiveTypes.Int64, len(list), 0, nil, buf)
	defer key.Release()
	of := make([]uint32, len(list))
	r.table.GroupsOf([]arrow.Array{key}, nil, of)
	for i, g := range groups {
		groups[i] = of[g]
	}
	if len(ids) > 0 {
		var args []arrow.Array
		for _, c := range r.Agg.Args {
			args = append(args, m.store.TakeColumn(m.alloc, c, ids))
		}
		rec := array.NewRecordBatch(r.schema, args, int64(len(ids)))
		release(args)
		r.table.Add(rec, nil, groups)
		rec.Release()
	}
	return r.table.Results(of)[0]
}

// count is COUNT(*).
func (r *reference) count(m *Match, list []binding) arrow.Array {
	buf, counts := vector.NewValues[int64](m.alloc, len(list))
	for i, b := range list {
		counts[i] = 0
		for _, v := range b.vars {
			counts[i] += int64(r.Vars >> v & 1)
		}
	}
	return vector.MakeArray(arrow.PrimitiveTypes.Int64, len(list), 0, nil, buf)
}

// target is the row that the reference means, or none.
func (r *reference) target(b binding) uint32 {
	left := r.Offset
	if r.First {
		for i, v := range b.vars {
			if r.Vars>>v&1 == 1 {
				if left == 0 {
					return b.rows[i]
				}
				left--
			}
		}
		return none
	}
	for i := len(b.vars) - 1; i >= 0; i-- {
		if r.Vars>>b.vars[i]&1 == 1 {
			if left == 0 {
				return b.rows[i]
			}
			left--
		}
	}
	return none
}
