package rank

import (
	"context"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

// changes are rows to be emitted.
type changes struct {
	ids   []uint32
	kinds []stream.RowKind
	ranks []int64

	before, after []int64
}

func (c *changes) put(k stream.RowKind, id uint32, rank int64) {
	c.ids, c.kinds, c.ranks = append(c.ids, id), append(c.kinds, k), append(c.ranks, rank)
}

// emitChanges writes how the touched partitions changed.
func (r *Rank) emitChanges(ctx context.Context, out ops.Output) error {
	c := &r.changes
	for _, g := range r.batch.touched {
		p := r.part(g)
		old, now := r.batch.old[p.old:p.old+p.oldRows], r.lists.Of(&p.list)
		now = now[:r.visible(now, p.to)]
		switch {
		case !r.c.Number:
			r.diffRows(old, now)
		case r.c.Function == RowNumber:
			r.diffPlaces(old, now)
		default:
			r.diffRanks(old, now)
		}
		if len(c.ids) >= maxRows {
			if err := r.emit(ctx, out); err != nil {
				return err
			}
		}
	}
	return r.emit(ctx, out)
}

// diffPlaces compares place by place: each rank is a row of the result.
func (r *Rank) diffPlaces(old, now []entry) {
	c := &r.changes
	for i := int(r.c.From - 1); i < max(len(old), len(now)); i++ {
		rank := int64(i) + 1
		switch {
		case i >= len(now):
			c.put(stream.Delete, old[i].id, rank)
		case i >= len(old):
			c.put(stream.Insert, now[i].id, rank)
		case old[i].id != now[i].id:
			if r.c.UpdateBefore {
				c.put(stream.UpdateBefore, old[i].id, rank)
			}
			c.put(stream.UpdateAfter, now[i].id, rank)
		}
	}
}

// diffRows says which rows have left and which have come.
func (r *Rank) diffRows(old, now []entry) {
	c := &r.changes
	c.before, c.after = r.ranks(c.before[:0], old), r.ranks(c.after[:0], now)
	r.merge(old, now, func(i, j int) {
		if i >= 0 && c.before[i] >= r.c.From && (j < 0 || c.after[j] < r.c.From) {
			c.put(stream.Delete, old[i].id, 0)
		}
	})
	r.merge(old, now, func(i, j int) {
		if j >= 0 && c.after[j] >= r.c.From && (i < 0 || c.before[i] < r.c.From) {
			c.put(stream.Insert, now[j].id, 0)
		}
	})
}

// diffRanks says of each row how its rank has changed.
func (r *Rank) diffRanks(old, now []entry) {
	c := &r.changes
	c.before, c.after = r.ranks(c.before[:0], old), r.ranks(c.after[:0], now)
	r.merge(old, now, func(i, j int) {
		was, is := int64(none), int64(none)
		if i >= 0 && c.before[i] >= r.c.From {
			was = c.before[i]
		}
		if j >= 0 && c.after[j] >= r.c.From {
			is = c.after[j]
		}
		switch {
		case was == is:
		case is == none:
			c.put(stream.Delete, old[i].id, was)
		case was == none:
			c.put(stream.Insert, now[j].id, is)
		default:
			c.put(stream.UpdateBefore, old[i].id, was)
			c.put(stream.UpdateAfter, now[j].id, is)
		}
	})
}

// merge visits the rows of both lists in their order: i and j are the places of
// a row, or -1 where a list lacks it.
func (r *Rank) merge(old, now []entry, visit func(i, j int)) {
	i, j := 0, 0
	for i < len(old) || j < len(now) {
		switch {
		case j == len(now):
			visit(i, -1)
			i++
		case i == len(old):
			visit(-1, j)
			j++
		case old[i].id == now[j].id:
			visit(i, j)
			i, j = i+1, j+1
		case r.total(old[i], now[j]) < 0:
			visit(i, -1)
			i++
		default:
			visit(-1, j)
			j++
		}
	}
}

// emitFinal writes the rows of partitions, which are complete.
func (r *Rank) emitFinal(ctx context.Context, partitions []uint32, out ops.Output) error {
	c := &r.changes
	for _, g := range partitions {
		p := r.part(g)
		rows := r.lists.Of(&p.list)
		rows = rows[:r.visible(rows, p.to)]
		c.after = r.ranks(c.after[:0], rows)
		for i, e := range rows {
			if c.after[i] >= r.c.From {
				c.put(stream.Insert, e.id, c.after[i])
			}
		}
		if len(c.ids) >= maxRows {
			if err := r.emit(ctx, out); err != nil {
				return err
			}
		}
	}
	return r.emit(ctx, out)
}

// emit writes the changes, and empties them.
func (r *Rank) emit(ctx context.Context, out ops.Output) error {
	c := &r.changes
	for from := 0; from < len(c.ids); from += maxRows {
		to := min(from+maxRows, len(c.ids))
		if err := out.Emit(ctx, ops.Main, r.rowsOf(from, to)); err != nil {
			return err
		}
	}
	c.ids, c.kinds, c.ranks = c.ids[:0], c.kinds[:0], c.ranks[:0]
	return nil
}

// rowsOf are the changes [from, to) as a batch.
func (r *Rank) rowsOf(from, to int) *stream.Batch {
	c := &r.changes
	cols := r.store.Take(r.alloc, c.ids[from:to])
	if r.c.Number {
		buf, values := vector.NewValues[int64](r.alloc, to-from)
		copy(values, c.ranks[from:to])
		cols = append(cols, vector.MakeArray(arrow.PrimitiveTypes.Int64, to-from, 0, nil, buf))
	}
	b := stream.NewBatch(array.NewRecordBatch(r.out, cols, int64(to-from)))
	release(cols)
	kinds := c.kinds[from:to]
	if slices.ContainsFunc(kinds, func(k stream.RowKind) bool { return k != stream.Insert }) {
		b.Kinds = slices.Clone(kinds)
	}
	return b
}

func release(cols []arrow.Array) {
	for _, c := range cols {
		c.Release()
	}
}
