package wadi

import (
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/function"
	"github.com/wadi-engine/wadi/vector/expr"
)

// Function is a scalar function in Go that SQL can call by its name.
type Function struct {
	Name string
	// Args and Result are types of SQL, such as "BIGINT" or "ARRAY<STRING>".
	// An argument of another type is cast where SQL does so by itself.
	Args   []string
	Result string
	// Call computes whole arrays: every argument has rows values, and so has
	// the result. Strings and bytes are views; NULL is the arrays' own. It may
	// be called by several goroutines at once. A panic fails the job, with the
	// function's name.
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

// userFunctions are the kernels of the options' functions.
func userFunctions(list []Function) map[string]expr.UserFunc {
	out := make(map[string]expr.UserFunc, len(list))
	for _, f := range list {
		out[expr.UserPrefix+strings.ToUpper(f.Name)] = f.Call
	}
	return out
}

// defineFunctions tells the session about the options' functions.
func (e *Env) defineFunctions() error {
	for _, f := range e.o.Functions {
		var u function.User
		for _, a := range f.Args {
			t, err := datatype.Parse(a)
			if err != nil {
				return fmt.Errorf("%w: function %s: argument of type %q: %w", job.ErrInvalid, f.Name, a, err)
			}
			u.Args = append(u.Args, t)
		}
		var err error
		if u.Result, err = datatype.Parse(f.Result); err != nil {
			return fmt.Errorf("%w: function %s: result of type %q: %w", job.ErrInvalid, f.Name, f.Result, err)
		}
		if err := e.session.Define(f.Name, u); err != nil {
			return fmt.Errorf("%w: %w", job.ErrInvalid, err)
		}
	}
	return nil
}
