package expr

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// UserPrefix begins the Func of a Call of a user's function; its name follows.
const UserPrefix = "user:"

// UserFunc is a function of the user over whole arrays: all of them, and its
// result, have rows values. It does not take over its arguments, and the result
// is the caller's. Strings and bytes are views.
type UserFunc func(alloc memory.Allocator, rows int, args []arrow.Array) (arrow.Array, error)

// FunctionError is what became of a call of a function of the user.
type FunctionError struct {
	Name string
	At   string // where the call stands in the query, or ""
	// Panic is what the function panicked with, or nil where it gave Err.
	Panic any
	Err   error
}

func (e *FunctionError) Error() string {
	s := "function " + e.Name
	if e.At != "" {
		s += " at " + e.At
	}
	if e.Err == nil {
		return fmt.Sprintf("%s panicked: %v", s, e.Panic)
	}
	return s + ": " + e.Err.Error()
}

// Unwrap gives what the function gave.
func (e *FunctionError) Unwrap() error { return e.Err }

// userCall compiles a call of a function of the Env.
func (c *compiler) userCall(e *Call) (node, error) {
	fn, ok := c.env.Functions[e.Func]
	if !ok {
		return nil, nil
	}
	n, err := c.call(e, func(f *frame, args []value) (value, error) {
		n := rows(f.n, args)
		arrs := make([]arrow.Array, len(args))
		for i, a := range args {
			if a.scalar && !allScalar(args) {
				a.Retain()
				arrs[i] = a.expand(f.alloc, n)
				defer arrs[i].Release()
				continue
			}
			arrs[i] = a.Array
		}
		out, err := safely(fn, f.alloc, n, arrs)
		if err == nil {
			return fitted(e, out, n, allScalar(args))
		}
		err.Name, err.At = e.Func[len(UserPrefix):], e.At
		return value{}, err
	}, e.Args...)
	if err != nil {
		return nil, err
	}
	n.volatile = true
	return n, nil
}

// fitted checks what a user's function gave.
func fitted(e *Call, out arrow.Array, n int, scalar bool) (value, error) {
	bad := func(format string, args ...any) (value, error) {
		return value{}, &FunctionError{Name: e.Func[len(UserPrefix):], At: e.At, Err: fmt.Errorf(format, args...)}
	}
	switch {
	case out == nil:
		return bad("it gave no array")
	case out.Len() != n:
		defer out.Release()
		return bad("it gave %d values for %d rows", out.Len(), n)
	case !sameLayout(out.DataType(), e.Of):
		defer out.Release()
		return bad("it gave values of type %s and not %s", TypeName(out.DataType()), TypeName(e.Of))
	case arrow.TypeEqual(out.DataType(), e.Of):
		return value{Array: out, scalar: scalar}, nil
	}
	defer out.Release()
	old := out.Data()
	d := array.NewData(e.Of, n, old.Buffers(), old.Children(), old.NullN(), old.Offset())
	defer d.Release()
	return value{Array: array.MakeFromData(d), scalar: scalar}, nil
}

// safely turns a panic of the user's code into an error.
func safely(fn UserFunc, alloc memory.Allocator, n int, args []arrow.Array) (out arrow.Array, err *FunctionError) {
	defer func() {
		if p := recover(); p != nil {
			out, err = nil, &FunctionError{Panic: p}
		}
	}()
	out, failed := fn(alloc, n, args)
	if failed != nil {
		if out != nil {
			out.Release()
		}
		return nil, &FunctionError{Err: failed}
	}
	return out, nil
}
