package agg

import (
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector/expr"
)

// User is an aggregate function of the user.
type User struct {
	// New gives the states of the groups of one table, all of them empty.
	New func() States
}

// States are what an aggregate function of the user knows of each group.
// Groups are numbers; they begin empty. One goroutine uses States at a time.
//
// Rows are told by two lists: row rows[i] of the arguments, or row i when rows
// is nil, is of group groups[i]. A group may be there several times. Arguments
// are good during the call.
type States interface {
	// Add folds rows into their groups.
	Add(args []arrow.Array, rows, groups []uint32) error
	// Retract takes rows away again that were added.
	Retract(args []arrow.Array, rows, groups []uint32) error
	// Merge folds the groups src of from, which are States of the same
	// function, into the groups dst: src[i] into dst[i]. They stay as they are.
	Merge(from States, dst, src []uint32) error
	// Results gives the result of each group, also of one without rows.
	Results(alloc memory.Allocator, groups []uint32) (arrow.Array, error)
	// Save writes each group's state as BYTES, NULL for an empty one; Load
	// reads what Save wrote, perhaps in another process, into groups that are
	// empty.
	Save(alloc memory.Allocator, groups []uint32) (arrow.Array, error)
	Load(groups []uint32, saved arrow.Array) error
	// Clear makes groups empty.
	Clear(groups []uint32)
}

// Resolve gives the specs of functions of the user what computes them; it
// reports one that is not among functions, which are by their Func.
func Resolve(specs []Spec, functions map[string]User) error {
	for i, s := range specs {
		if !strings.HasPrefix(s.Func, expr.UserPrefix) {
			continue
		}
		u, ok := functions[s.Func]
		if !ok {
			return fmt.Errorf("no aggregate function %s", s.Func[len(expr.UserPrefix):])
		}
		specs[i].User = &u
	}
	return nil
}

// resultType is ResultType, or of a function of the user what the planner says.
func (s Spec) resultType(arg arrow.DataType) (arrow.DataType, error) {
	if s.User == nil {
		return ResultType(s.Func, arg)
	}
	if s.Of == nil {
		return nil, fmt.Errorf("%s has no type of result", s.Func)
	}
	return s.Of, nil
}

// user is an accumulator in the States of a table: the rows of the groups say
// only whether there was a value.
type user struct {
	base
	index int // in Layout.users and Table.states
	args  []arrow.Array
}

func (l *Layout) newUser(b base) acc {
	l.users = append(l.users, b.spec.User)
	return &user{base: b, index: len(l.users) - 1}
}

func (a *user) place(off uintptr, bit uint64) int { a.at(off, bit); return 0 }

func (a *user) columns() []arrow.Field {
	return []arrow.Field{a.column("", arrow.BinaryTypes.BinaryView)}
}

// guard runs the user's code. What goes wrong is the table's error, and nothing
// is asked of the user's code any more.
func (a *user) guard(t *Table, run func(s States) error) {
	if t.err != nil {
		return
	}
	failed := &expr.FunctionError{Name: strings.TrimPrefix(a.spec.Func, expr.UserPrefix), At: a.spec.At}
	defer func() {
		if p := recover(); p != nil {
			failed.Panic, t.err = p, failed
		}
	}()
	if err := run(t.states[a.index]); err != nil {
		failed.Err, t.err = err, failed
	}
}

// arguments are the columns of the arguments.
func (a *user) arguments(rec columns) []arrow.Array {
	a.args = a.args[:0]
	for _, i := range a.spec.Args {
		a.args = append(a.args, rec.Column(i))
	}
	return a.args
}

func (a *user) fold(t *Table, in input) {
	if len(in.gids) > 0 {
		a.guard(t, func(s States) error { return s.Add(a.arguments(in.rec), in.rows, in.gids) })
	}
}

func (a *user) retract(t *Table, in input) {
	if len(in.gids) > 0 {
		a.guard(t, func(s States) error { return s.Retract(a.arguments(in.rec), in.rows, in.gids) })
	}
}

// merge moves what goes to a group without values, as bytes, so that a function
// that merges nothing can be moved; the others are merged.
func (a *user) merge(t, from *Table, dst, src []uint32) {
	to, of := t.slab(), from.slab()
	var empty, whole, into, parts []uint32
	for i, g := range dst {
		switch {
		case *of.header(src[i])&a.bit == 0:
		case *to.header(g)&a.bit == 0:
			*to.header(g) |= a.bit
			empty, whole = append(empty, g), append(whole, src[i])
		default:
			into, parts = append(into, g), append(parts, src[i])
		}
	}
	other := from.states[a.index]
	if len(whole) > 0 {
		a.guard(t, func(s States) error {
			saved, err := other.Save(t.layout.alloc, whole)
			if err != nil {
				return err
			}
			defer saved.Release()
			return s.Load(empty, saved)
		})
	}
	if len(parts) > 0 {
		a.guard(t, func(s States) error { return s.Merge(other, into, parts) })
	}
}

func (a *user) emit(t *Table, groups []uint32) arrow.Array {
	return a.array(t, groups, a.of, States.Results)
}

func (a *user) export(t *Table, groups []uint32) []arrow.Array {
	return []arrow.Array{a.array(t, groups, arrow.BinaryTypes.BinaryView, States.Save)}
}

// array asks for one value per group. Where that fails they are NULL.
func (a *user) array(t *Table, groups []uint32, of arrow.DataType, ask func(States, memory.Allocator, []uint32) (arrow.Array, error)) arrow.Array {
	var out arrow.Array
	a.guard(t, func(s States) error {
		got, err := ask(s, t.layout.alloc, groups)
		switch {
		case err != nil:
		case got == nil:
			return fmt.Errorf("it gave no array")
		case got.Len() != len(groups) || !arrow.TypeEqual(got.DataType(), of):
			err = fmt.Errorf("it gave %d values of type %s for %d groups, not %s", got.Len(), expr.TypeName(got.DataType()), len(groups), expr.TypeName(of))
			got.Release()
		default:
			out = got
		}
		return err
	})
	if out == nil {
		out = array.MakeArrayOfNull(t.layout.alloc, of, len(groups))
	}
	return out
}

func (a *user) load(t *Table, groups []uint32, cols []arrow.Array) {
	a.guard(t, func(s States) error { return s.Load(groups, cols[0]) })
	h := t.slab()
	for i, g := range groups {
		if cols[0].IsValid(i) {
			*h.header(g) |= a.bit
		}
	}
}

func (a *user) dropBytes(t *Table, groups []uint32) {
	a.guard(t, func(s States) error { s.Clear(groups); return nil })
}
