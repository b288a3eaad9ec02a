package expr

import (
	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/vector/rowstore"
)

// keyOf is key_bytes(x): bytes that are equal for equal values of a nested type,
// so that arrays, maps and rows can be keys.
func keyOf(c *compiler, e *Call) (node, error) {
	if len(e.Args) != 1 || e.Of.ID() != arrow.BINARY_VIEW {
		return nil, nil
	}
	return c.call(e, func(f *frame, args []value) (value, error) {
		return value{Array: rowstore.Encode(f.alloc, args[0].Array), scalar: args[0].scalar}, nil
	}, e.Args[0])
}

// ofKey is of_key_bytes(b), the inverse.
func ofKey(c *compiler, e *Call) (node, error) {
	if len(e.Args) != 1 || e.Args[0].Type().ID() != arrow.BINARY_VIEW {
		return nil, nil
	}
	return c.call(e, func(f *frame, args []value) (value, error) {
		return value{Array: rowstore.Decode(f.alloc, e.Of, args[0].Array), scalar: args[0].scalar}, nil
	}, e.Args[0])
}
