package expr

import (
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector"
)

// makeCopies compiles copies(n): an array of n zeros, from which a row is made n
// times; empty when n is NULL or below 1.
func makeCopies(c *compiler, e *Call) (node, error) {
	list, ok := e.Of.(*arrow.ListType)
	if !ok || list.Elem().ID() != arrow.INT8 || len(e.Args) != 1 || e.Args[0].Type().ID() != arrow.INT64 {
		return nil, nil
	}
	return c.call(e, func(f *frame, args []value) (value, error) {
		n := args[0]
		obuf, offsets := vector.NewValues[int32](f.alloc, n.Len()+1)
		defer obuf.Release()
		total := int64(0)
		for i, v := range vector.Values[int64](n.Array) {
			offsets[i] = int32(total)
			if n.IsValid(i) {
				total += max(v, 0)
			}
			if total > math.MaxInt32 {
				return value{}, fmt.Errorf("%d rows are too many at once", total)
			}
		}
		offsets[n.Len()] = int32(total)
		buf, zeros := vector.NewValues[int8](f.alloc, int(total))
		clear(zeros)
		items := vector.MakeArray(list.Elem(), int(total), 0, nil, buf)
		defer items.Release()
		d := array.NewData(list, n.Len(), []*memory.Buffer{nil, obuf}, []arrow.ArrayData{items.Data()}, 0, 0)
		defer d.Release()
		return value{Array: array.MakeFromData(d), scalar: n.scalar}, nil
	}, e.Args...)
}
