package exchange

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

// Route sends what a task emits on one edge to the channels of that edge. A
// batch goes to the channels that its rows belong to; everything else goes to
// all of them.
type Route struct {
	to     []Channel
	how    job.Partitioning
	keys   []int
	groups int
	alloc  memory.Allocator

	turn    int
	hashes  []uint64
	group   []uint16
	target  []uint16
	ofGroup []uint16 // task index of each key group
	parts   []vector.Sel
	columns []arrow.Array

	divider ops.Divider // of a Custom edge; nil deals batches out
}

// NewRoute returns the sending side of edge e for one task; to holds a channel
// per receiving task, or, for Forward and Gather, the one channel that counts.
func NewRoute(e job.Edge, groups int, to []Channel, alloc memory.Allocator) *Route {
	r := &Route{to: to, how: e.Partitioning, keys: e.Keys, groups: groups, alloc: alloc}
	if r.how == job.ByKey || r.how == job.Custom {
		r.ofGroup = make([]uint16, groups)
		for g := range r.ofGroup {
			r.ofGroup[g] = uint16(stream.TaskOf(groups, len(to), stream.KeyGroup(g)))
		}
	}
	return r
}

// Divide lets d say where the rows of a Custom edge go.
func (r *Route) Divide(d ops.Divider) { r.divider = d }

// Batch sends the rows of b. It owns b.
func (r *Route) Batch(ctx context.Context, b *stream.Batch) error {
	if len(r.to) == 1 {
		return r.to[0].Send(ctx, b)
	}
	switch r.how {
	case job.ByKey:
		return r.byKey(ctx, b)
	case job.Custom:
		if r.divider == nil {
			return r.deal(ctx, b)
		}
		return r.divide(ctx, b)
	case job.Rebalance:
		return r.deal(ctx, b)
	case job.Broadcast:
		for _, c := range r.to[1:] {
			if err := c.Send(ctx, b.Share()); err != nil {
				b.Release()
				return err
			}
		}
		return r.to[0].Send(ctx, b)
	case job.Forward, job.Gather:
	}
	panic(fmt.Sprintf("%v edge with %d channels", r.how, len(r.to)))
}

// deal sends whole batches in turn.
func (r *Route) deal(ctx context.Context, b *stream.Batch) error {
	r.turn = (r.turn + 1) % len(r.to)
	return r.to[r.turn].Send(ctx, b)
}

// All sends e, which is not a batch, to every channel.
func (r *Route) All(ctx context.Context, e stream.Element) error {
	if _, ends := e.(stream.Barrier); ends && r.divider != nil {
		r.divider.EndEpoch()
	}
	for _, c := range r.to {
		if err := c.Send(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// byKey cuts b by the hash of its key columns.
func (r *Route) byKey(ctx context.Context, b *stream.Batch) error {
	r.hash(b)
	return r.scatter(ctx, b)
}

// divide cuts b as the divider says.
func (r *Route) divide(ctx context.Context, b *stream.Batch) (err error) {
	if r.group, err = r.divider.KeyGroups(r.group, b.Rows, r.groups); err != nil {
		b.Release()
		return err
	}
	return r.scatter(ctx, b)
}

// scatter cuts b by the key group of its rows in one pass: key group → task, then
// each column is gathered for all channels while it is in the cache.
func (r *Route) scatter(ctx context.Context, b *stream.Batch) error {
	defer b.Release()
	r.split(b)
	records := vector.Scatter(r.alloc, b.Rows, r.parts)
	for i, rec := range records {
		if rec == nil {
			continue
		}
		if err := r.to[i].Send(ctx, part(b, rec, r.parts[i])); err != nil {
			for _, unsent := range records[i+1:] {
				if unsent != nil {
					unsent.Release()
				}
			}
			return err
		}
	}
	return nil
}

// hash finds the key groups of the rows of b by the hash of its key columns.
func (r *Route) hash(b *stream.Batch) {
	r.columns = r.columns[:0]
	for _, k := range r.keys {
		r.columns = append(r.columns, b.Rows.Column(k))
	}
	r.hashes = vector.KeyHash(r.hashes, r.columns)
	r.group = vector.KeyGroups(r.group, r.hashes, r.groups)
}

// split finds which rows of b, whose key groups are known, belong to which channel.
func (r *Route) split(b *stream.Batch) {
	r.target = grow(r.target, b.Len())
	for i, g := range r.group {
		r.target[i] = r.ofGroup[g]
	}
	r.parts = vector.Partition(r.parts, r.target, len(r.to))
}

// Lenders are the channels that can lend.
func (r *Route) Lenders() []Lender {
	var all []Lender
	for _, c := range r.to {
		if l, ok := c.(Lender); ok {
			all = append(all, l)
		}
	}
	return all
}

// Owned takes out of the batches the rows whose key groups are not in a range;
// batches without rows go. It owns the elements.
func Owned(elements []stream.Element, keys []int, groups int, owned stream.KeyGroupRange, alloc memory.Allocator) []stream.Element {
	r := Route{keys: keys, groups: groups, alloc: alloc, ofGroup: make([]uint16, groups), to: make([]Channel, 2)}
	for g := range r.ofGroup {
		if !owned.Contains(stream.KeyGroup(g)) {
			r.ofGroup[g] = 1
		}
	}
	kept := elements[:0]
	for _, e := range elements {
		b, ok := e.(*stream.Batch)
		if !ok {
			kept = append(kept, e)
			continue
		}
		r.hash(b)
		r.split(b)
		if rec := vector.Scatter(alloc, b.Rows, r.parts[:1])[0]; rec != nil {
			kept = append(kept, part(b, rec, r.parts[0]))
		}
		b.Release()
	}
	return kept
}

// part is a batch of the rows sel of b, which rec holds, with their kinds and
// the marks before them.
func part(b *stream.Batch, rec arrow.RecordBatch, sel vector.Sel) *stream.Batch {
	p := stream.NewBatch(rec)
	if b.Kinds != nil {
		p.Kinds = make([]stream.RowKind, len(sel))
		for i, row := range sel {
			p.Kinds[i] = b.Kinds[row]
		}
	}
	p.Marks = stream.SelectMarks(b.Marks, sel)
	return p
}

func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
