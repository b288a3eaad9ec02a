package expr

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/vector"
)

// makeSingle compiles single(n, v): v, where n, how many rows it was taken from,
// is at most 1; otherwise an error.
func makeSingle(c *compiler, e *Call) (node, error) {
	if len(e.Args) != 2 || e.Args[0].Type().ID() != arrow.INT64 || !arrow.TypeEqual(e.Args[1].Type(), e.Of) {
		return nil, nil
	}
	return c.call(e, func(_ *frame, args []value) (value, error) {
		n := args[0]
		for i, rows := range vector.Values[int64](n.Array) {
			if n.IsValid(i) && rows > 1 {
				return value{}, fmt.Errorf("a query that stands for a value gave %d rows", rows)
			}
		}
		args[1].Retain()
		return args[1], nil
	}, e.Args...)
}
