package over

import (
	"fmt"
	"math"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/agg"
)

// evaluator computes the functions of a window over sorted rows. Aggregates
// with one frame are computed together, in steps: the n-th step moves the frames
// of all partitions to their n-th rows, adds the rows that enter and retracts
// those that leave, and reads the results of all partitions at once.
type evaluator struct {
	*window
	alloc  memory.Allocator
	groups []*group
}

// group is the aggregates with one frame.
type group struct {
	frame Frame
	calls []int
	// layout counts rows by partition: of a number, or of the partition's
	// columns where the accumulators live on from batch to batch.
	layout *agg.Layout
	table  *agg.Table
	lives  bool
}

// newEvaluator compiles the aggregates. lives says of a frame whether its
// accumulators live on.
func newEvaluator(w *window, alloc memory.Allocator, lives func(Frame) bool) (*evaluator, error) {
	e := &evaluator{window: w, alloc: alloc}
	for i, c := range w.c.Calls {
		live := lives(c.Frame)
		if c.direct() || !live && (c.ends() || w.slides(&w.c.Calls[i])) {
			continue
		}
		at := slices.IndexFunc(e.groups, func(g *group) bool { return g.frame == c.Frame })
		if at < 0 {
			at = len(e.groups)
			e.groups = append(e.groups, &group{frame: c.Frame, lives: live})
		}
		e.groups[at].calls = append(e.groups[at].calls, i)
	}
	for _, g := range e.groups {
		if err := e.compile(g); err != nil {
			e.release()
			return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
		}
	}
	return e, nil
}

func (e *evaluator) compile(g *group) error {
	var specs []agg.Spec
	for _, i := range g.calls {
		specs = append(specs, e.c.Calls[i].Spec)
	}
	o := agg.Options{Alloc: e.alloc, Retract: g.frame.Start.Kind != UnboundedPreceding, Drops: g.lives && e.c.TTLMillis > 0}
	keys := e.c.Partition
	if !g.lives {
		keys = nil
		o.Prefix = []arrow.Field{{Name: "$partition", Type: arrow.PrimitiveTypes.Int64}}
	}
	var err error
	if g.layout, err = agg.Compile(specs, e.in, keys, o); err != nil {
		return err
	}
	g.table, err = g.layout.NewTable()
	return err
}

// err is what is wrong with values that were aggregated; ask after results.
func (e *evaluator) err() error {
	for _, g := range e.groups {
		if err := g.table.Err(); err != nil {
			return fmt.Errorf("%w: %w", job.ErrInvalid, err)
		}
	}
	return nil
}

func (e *evaluator) release() {
	for _, g := range e.groups {
		if g.table != nil {
			g.table.Release()
		}
	}
}

// base is what a partition has had before the rows of which results are wanted.
type base struct {
	rows  int64 // how many
	dense int64 // how many different ones in the order
}

// results are the columns of the calls, for the rows of which results are
// wanted. bases has one element per span, or is nil.
func (e *evaluator) results(r *rows, bases []base) []arrow.Array {
	out := make([]arrow.Array, len(e.c.Calls))
	if r.outs == 0 {
		for i, c := range e.c.Calls {
			out[i] = array.MakeArrayOfNull(e.alloc, c.Of, 0)
		}
		return out
	}
	for _, g := range e.groups {
		for i, col := range e.aggregate(r, g) {
			out[g.calls[i]] = col
		}
	}
	for i := range out {
		if out[i] == nil {
			out[i] = e.direct(r, &e.c.Calls[i], bases)
		}
	}
	return out
}

// direct computes a function from the places of rows.
func (e *evaluator) direct(r *rows, c *Call, bases []base) arrow.Array {
	switch c.Func {
	case "row_number", "rank", "dense_rank":
		return e.number(r, c.Func, bases)
	case "percent_rank", "cume_dist":
		return e.share(r, c.Func)
	case "ntile":
		return e.buckets(r, c.Offset)
	case "lag", "lead":
		by := c.Offset
		if c.Shifts {
			by = 1
		}
		if c.Func == "lag" {
			by = -by
		}
		return e.shifted(r, c, by)
	}
	if c.ends() {
		return e.frameEnd(r, c)
	}
	return e.slide(r, c)
}

func (e *evaluator) number(r *rows, fn string, bases []base) arrow.Array {
	buf, v := vector.NewValues[int64](e.alloc, r.outs)
	at := 0
	for k, s := range r.spans {
		var b base
		if bases != nil {
			b = bases[k]
		}
		for i := s.from; i < s.hi; i++ {
			if int(r.first[i]) == i {
				b.dense++
			}
			switch fn {
			case "row_number":
				v[at] = b.rows + int64(i-s.from) + 1
			case "rank":
				v[at] = b.rows + int64(int(r.first[i])-s.from) + 1
			default:
				v[at] = b.dense
			}
			at++
		}
	}
	return vector.MakeArray(arrow.PrimitiveTypes.Int64, r.outs, 0, nil, buf)
}

func (e *evaluator) share(r *rows, fn string) arrow.Array {
	buf, v := vector.NewValues[float64](e.alloc, r.outs)
	at := 0
	for _, s := range r.spans {
		n := s.hi - s.lo
		for i := s.from; i < s.hi; i++ {
			switch {
			case fn == "cume_dist":
				v[at] = float64(int(r.last[i])-s.lo) / float64(n)
			case n > 1:
				v[at] = float64(int(r.first[i])-s.lo) / float64(n-1)
			default:
				v[at] = 0
			}
			at++
		}
	}
	return vector.MakeArray(arrow.PrimitiveTypes.Float64, r.outs, 0, nil, buf)
}

// buckets numbers the rows of each partition in n parts of equal size; the
// first ones are one row longer where they do not fit.
func (e *evaluator) buckets(r *rows, n int64) arrow.Array {
	buf, v := vector.NewValues[int32](e.alloc, r.outs)
	at := 0
	for _, s := range r.spans {
		size, longer := int64(s.hi-s.lo)/n, int64(s.hi-s.lo)%n
		for i := s.from; i < s.hi; i++ {
			k := int64(i - s.lo)
			if k < longer*(size+1) {
				v[at] = int32(k/(size+1)) + 1
			} else {
				v[at] = int32((k-longer)/max(size, 1)) + 1
			}
			at++
		}
	}
	return vector.MakeArray(arrow.PrimitiveTypes.Int32, r.outs, 0, nil, buf)
}

// shifted is the value by rows away, or the default beyond the partition.
func (e *evaluator) shifted(r *rows, c *Call, by int64) arrow.Array {
	idx := make(vector.Sel, 0, r.outs)
	var shifts *array.Int64
	if c.Shifts {
		shifts = r.cols[c.Args[2]].(*array.Int64)
	}
	for _, s := range r.spans {
		for i := s.from; i < s.hi; i++ {
			at := int64(i) + by
			if shifts != nil {
				at = int64(i) + by*shifts.Value(i)
				if shifts.IsNull(i) {
					at = -1
				}
			}
			if at >= int64(s.lo) && at < int64(s.hi) {
				idx = append(idx, uint32(at))
			} else {
				idx = append(idx, uint32(r.n+i)) // of the defaults
			}
		}
	}
	if len(c.Args) > 1 {
		return e.pick(r.cols[c.Args[0]], r.cols[c.Args[1]], idx)
	}
	for i, at := range idx {
		idx[i] = min(at, uint32(r.n))
	}
	return e.orNull(r.cols[c.Args[0]], idx)
}

// pick takes rows of two columns, one behind the other.
func (e *evaluator) pick(a, b arrow.Array, idx vector.Sel) arrow.Array {
	both := vector.Concat(e.alloc, []arrow.Array{a, b})
	defer both.Release()
	return vector.Take(e.alloc, both, idx)
}

// orNull takes rows of a; the one behind the last is NULL.
func (e *evaluator) orNull(a arrow.Array, idx vector.Sel) arrow.Array {
	null := array.MakeArrayOfNull(e.alloc, a.DataType(), 1)
	defer null.Release()
	return e.pick(a, null, idx)
}

// frameEnd is the first or last value of the frame that is not NULL.
func (e *evaluator) frameEnd(r *rows, c *Call) arrow.Array {
	f := e.frames(r, c.Frame)
	col := r.cols[c.Args[0]]
	counts := func(i int) bool {
		if col.IsNull(i) {
			return false
		}
		if c.Filter < 0 {
			return true
		}
		flags := r.cols[c.Filter].(*array.Boolean)
		return flags.IsValid(i) && flags.Value(i)
	}
	// near[i] is the first row at or behind i that counts, or the last before i.
	near := make([]int32, r.n+1)
	first := c.Func == "first_value"
	if first {
		near[r.n] = math.MaxInt32
		for i := r.n - 1; i >= 0; i-- {
			if near[i] = near[i+1]; counts(i) {
				near[i] = int32(i)
			}
		}
	} else {
		near[0] = -1
		for i := range r.n {
			if near[i+1] = near[i]; counts(i) {
				near[i+1] = int32(i)
			}
		}
	}
	idx := make(vector.Sel, r.outs)
	for i := range idx {
		lo, hi := f.lo[i], f.hi[i]
		at := near[hi]
		if first {
			at = near[lo]
		}
		if at < lo || at >= hi {
			at = int32(r.n)
		}
		idx[i] = uint32(at)
	}
	return e.orNull(col, idx)
}
