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
		out, err := safely(e.Func[len(UserPrefix):], fn, f.alloc, n, arrs)
		if err != nil {
			return value{}, err
		}
		return fitted(e, out, n, allScalar(args))
	}, e.Args...)
	if err != nil {
		return nil, err
	}
	n.volatile = true
	return n, nil
}

// fitted checks what a user's function gave.
func fitted(e *Call, out arrow.Array, n int, scalar bool) (value, error) {
	name := e.Func[len(UserPrefix):]
	switch {
	case out == nil:
		return value{}, fmt.Errorf("function %s gave no array", name)
	case out.Len() != n:
		defer out.Release()
		return value{}, fmt.Errorf("function %s gave %d values for %d rows", name, out.Len(), n)
	case !sameLayout(out.DataType(), e.Of):
		defer out.Release()
		return value{}, fmt.Errorf("function %s gave values of type %s and not %s", name, TypeName(out.DataType()), TypeName(e.Of))
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
func safely(name string, fn UserFunc, alloc memory.Allocator, n int, args []arrow.Array) (out arrow.Array, err error) {
	defer func() {
		if p := recover(); p != nil {
			out, err = nil, fmt.Errorf("function %s panicked: %v", name, p)
		}
	}()
	return fn(alloc, n, args)
}
