package sweep

import (
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/hashtable"
	"github.com/wadi-engine/wadi/vector/mem"
)

// Scan yields the rows of a table of state as they are best put into a table that
// may be larger than memory: in sweeps, each in the order of the places of the
// keys, which are these columns. Rows with the same key stay in their order. When
// state does not leave memory it yields the rows as they are. Each record is valid
// until the next.
func Scan(rows iter.Seq2[arrow.RecordBatch, error], alloc memory.Allocator, keys []int) iter.Seq2[arrow.RecordBatch, error] {
	pool := mem.Default()
	if !pool.Paged() || len(keys) == 0 {
		return rows
	}
	return func(yield func(arrow.RecordBatch, error) bool) {
		c := &scan{stash: stash{cols: keys, alloc: alloc}, yield: yield}
		defer c.drop()
		for rec, err := range rows {
			if err != nil {
				yield(nil, err)
				return
			}
			rec.Retain()
			c.parts = append(c.parts, rec)
			c.bytes += vector.RecordBytes(rec)
			if c.bytes >= pool.Sweep() && !c.sweep() {
				return
			}
		}
		if len(c.parts) > 0 {
			c.sweep()
		}
	}
}

// scan is what has been gathered of a table.
type scan struct {
	stash
	yield func(arrow.RecordBatch, error) bool
}

// sweep yields what has been gathered, and reports whether more is wanted.
func (c *scan) sweep() bool {
	all := vector.ConcatRecords(c.alloc, c.parts)
	defer all.Release()
	c.drop()
	keys := c.keys(all)
	if c.order == nil {
		types := make([]arrow.DataType, len(keys))
		for i, k := range keys {
			types[i] = k.DataType()
		}
		order, err := hashtable.NewOrder(types)
		if err != nil {
			return c.yield(all, nil)
		}
		c.order = order
	}
	c.sel = c.order.Sort(c.sel, keys)
	for left := c.sel; len(left) > 0; {
		part := left[:min(slice(len(c.sel)), len(left))]
		left = left[len(part):]
		rec := vector.TakeRecord(c.alloc, all, part)
		more := c.yield(rec, nil)
		rec.Release()
		if !more {
			return false
		}
	}
	return true
}
