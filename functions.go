package wadi

import (
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/function"
	"github.com/wadi-engine/wadi/vector/agg"
	"github.com/wadi-engine/wadi/vector/expr"
)

// Function is a scalar function in Go that SQL can call by its name.
type Function struct {
	Name string
	// Args and Result are types of SQL, such as "BIGINT" or "ARRAY<STRING>".
	// An argument of another type is cast where SQL does so by itself.
	Args   []string
	Result string
	// Volatile says that two calls of equal arguments may give different
	// results. It is refused where rows change, because what it gave could not be
	// taken back.
	Volatile bool
	// Call computes whole arrays: every argument has rows values, and so has
	// the result. Strings and bytes are views; NULL is the arrays' own. It may
	// be called by several goroutines at once. A panic fails the job, with the
	// function's name and its place in the query, or sends the rows that it is
	// about where 'error.policy' of their table says.
	Call func(alloc memory.Allocator, rows int, args []arrow.Array) (arrow.Array, error)
}

// Value is the Go types of values that Func1 and Func2 take and give: BOOLEAN,
// INT, BIGINT, DOUBLE and STRING.
type Value interface {
	bool | int32 | int64 | float64 | string
}

// Func1 makes a Function of a function of rows. A NULL argument gives NULL
// without a call.
func Func1[A, R Value](name string, f func(A) (R, error)) Function {
	return Function{
		Name: name, Args: []string{sqlName[A]()}, Result: sqlName[R](),
		Call: func(alloc memory.Allocator, rows int, args []arrow.Array) (arrow.Array, error) {
			a := reads[A](args[0])
			return each(alloc, rows, args, func(i int) (R, error) { return f(a(i)) })
		},
	}
}

// Func2 is Func1 for two arguments.
func Func2[A, B, R Value](name string, f func(A, B) (R, error)) Function {
	return Function{
		Name: name, Args: []string{sqlName[A](), sqlName[B]()}, Result: sqlName[R](),
		Call: func(alloc memory.Allocator, rows int, args []arrow.Array) (arrow.Array, error) {
			a, b := reads[A](args[0]), reads[B](args[1])
			return each(alloc, rows, args, func(i int) (R, error) { return f(a(i), b(i)) })
		},
	}
}

func sqlName[T Value]() string {
	var t T
	switch any(t).(type) {
	case bool:
		return "BOOLEAN"
	case int32:
		return "INT"
	case int64:
		return "BIGINT"
	case float64:
		return "DOUBLE"
	}
	return "STRING"
}

// reads gives the values of an array of T.
func reads[T Value](a arrow.Array) func(i int) T {
	return a.(interface{ Value(i int) T }).Value
}

// each computes the rows in which no argument is NULL.
func each[R Value](alloc memory.Allocator, rows int, args []arrow.Array, f func(i int) (R, error)) (arrow.Array, error) {
	t, err := datatype.Parse(sqlName[R]())
	if err != nil {
		return nil, err
	}
	b := array.NewBuilder(alloc, t.Arrow())
	defer b.Release()
	b.Reserve(rows)
	into := b.(interface{ Append(v R) })
next:
	for i := range rows {
		for _, a := range args {
			if a.IsNull(i) {
				b.AppendNull()
				continue next
			}
		}
		v, err := f(i)
		if err != nil {
			return nil, err
		}
		into.Append(v)
	}
	return b.NewArray(), nil
}

// functionName is what expressions and vertices call a function of the user.
func functionName(name string) string { return expr.UserPrefix + strings.ToUpper(name) }

// addFunctions gives the registry the options' functions.
func addFunctions(r *ops.Registry, o Options) {
	r.Functions = make(map[string]expr.UserFunc, len(o.Functions)+len(o.TableFunctions))
	r.Volatile, r.Aggregates = map[string]bool{}, make(map[string]agg.User, len(o.Aggregates))
	for _, f := range o.Functions {
		r.Functions[functionName(f.Name)] = f.Call
		r.Volatile[functionName(f.Name)] = f.Volatile
	}
	for _, f := range o.TableFunctions {
		r.Functions[functionName(f.Name)] = f.kernel()
		r.Volatile[functionName(f.Name)] = f.Volatile
	}
	for _, f := range o.Aggregates {
		r.Aggregates[functionName(f.Name)] = agg.User{New: f.New}
	}
}

// defineFunctions tells the session about the options' functions.
func (e *Env) defineFunctions() error {
	for _, f := range e.o.Functions {
		u := function.User{Kind: function.ScalarKind, Volatile: f.Volatile}
		if err := e.define(f.Name, f.Args, f.Result, u, nil); err != nil {
			return err
		}
	}
	for _, f := range e.o.Aggregates {
		u := function.User{Kind: function.AggregateKind, Nulls: f.Nulls, NoRetract: !f.Retracts, NoMerge: !f.Merges}
		if err := e.define(f.Name, f.Args, f.Result, u, f.err); err != nil {
			return err
		}
	}
	for _, f := range e.o.TableFunctions {
		u := function.User{Kind: function.TableKind, Volatile: f.Volatile}
		if err := e.define(f.Name, f.Args, f.Result, u, f.err); err != nil {
			return err
		}
	}
	return nil
}

func (e *Env) define(name string, args []string, result string, u function.User, err error) error {
	if err != nil {
		return fmt.Errorf("%w: function %s: %w", job.ErrInvalid, name, err)
	}
	for _, a := range args {
		t, err := datatype.Parse(a)
		if err != nil {
			return fmt.Errorf("%w: function %s: argument of type %q: %w", job.ErrInvalid, name, a, err)
		}
		u.Args = append(u.Args, t)
	}
	if u.Result, err = datatype.Parse(result); err != nil {
		return fmt.Errorf("%w: function %s: result of type %q: %w", job.ErrInvalid, name, result, err)
	}
	if err := e.session.Define(name, u); err != nil {
		return fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	return nil
}
