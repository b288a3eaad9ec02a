package over

import (
	"math"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/wadi-engine/wadi/vector"
)

// span is the sorted rows [lo, hi) of one partition; results are wanted of
// [from, hi).
type span struct{ lo, from, hi int }

// rows are the rows of some partitions, one after the other, sorted.
type rows struct {
	cols  []arrow.Array
	n     int
	spans []span
	outs  int // rows of which results are wanted

	// first and last are, for each row, the first and the one behind the last of
	// its peers: the rows of its partition that are equal in the order.
	first, last []int32
	values      []int64   // of the order's only column, negated where it descends
	floats      []float64 // the same of floating-point numbers
	nulls       arrow.Array
}

func (w *window) newRows(cols []arrow.Array, n int, spans []span) *rows {
	r := &rows{cols: cols, n: n, spans: spans}
	for _, s := range spans {
		r.outs += s.hi - s.from
	}
	w.peers(r)
	return r
}

// peers finds the peers of every row.
func (w *window) peers(r *rows) {
	keys := make([]arrow.Array, len(w.c.Order))
	for i, k := range w.c.Order {
		keys[i] = r.cols[k.Column]
	}
	tails := w.keys.Tails(keys, r.n)
	words := w.keys.Words(nil, keys, r.n, tails)
	width := w.keys.Width()
	same := func(a, b int) bool {
		if tails != nil {
			return tails[a] == tails[b]
		}
		return slices.Equal(words[a*width:(a+1)*width], words[b*width:(b+1)*width])
	}
	r.first, r.last = make([]int32, r.n), make([]int32, r.n)
	for _, s := range r.spans {
		for i := s.lo; i < s.hi; {
			j := i + 1
			for j < s.hi && !w.c.Arrival && same(i, j) {
				j++
			}
			for k := i; k < j; k++ {
				r.first[k], r.last[k] = int32(i), int32(j)
			}
			i = j
		}
	}
}

// order reads the values of the order's only column, for ranges with a distance.
func (w *window) order(r *rows) {
	if r.values != nil {
		return
	}
	k := w.c.Order[0]
	col := r.cols[k.Column]
	r.values, r.nulls = make([]int64, r.n), col
	if r.n == 0 {
		return
	}
	switch col.DataType().ID() {
	case arrow.DECIMAL128:
		for i, v := range vector.Values[decimal128.Num](col) {
			r.values[i] = int64(v.LowBits())
		}
	case arrow.FLOAT32, arrow.FLOAT64:
		r.floats = make([]float64, r.n)
		buf := make([]uint64, r.n)
		vector.Words(buf, col, 0)
		for i, v := range buf {
			if r.floats[i] = math.Float64frombits(v); k.Desc {
				r.floats[i] = -r.floats[i]
			}
		}
	default:
		buf := make([]uint64, r.n)
		vector.Words(buf, col, 0)
		for i, v := range buf {
			r.values[i] = int64(v)
		}
	}
	if k.Desc {
		for i, v := range r.values {
			r.values[i] = -v
		}
	}
}

// frames are the rows [lo, hi) of each frame; both grow within a partition.
type frames struct{ lo, hi []int32 }

// frames computes the frame f of each row of which results are wanted.
func (w *window) frames(r *rows, f Frame) frames {
	out := frames{lo: make([]int32, 0, r.outs), hi: make([]int32, 0, r.outs)}
	for _, s := range r.spans {
		out.lo = w.bounds(out.lo, r, s, f, f.Start, false)
		out.hi = w.bounds(out.hi, r, s, f, f.End, true)
	}
	for i, lo := range out.lo {
		out.hi[i] = max(out.hi[i], lo)
	}
	return out
}

// bounds appends one end of the frame of each row of s: the first row of it or,
// with end, the one behind the last.
func (w *window) bounds(dst []int32, r *rows, s span, f Frame, b Bound, end bool) []int32 {
	lo, hi := int32(s.lo), int32(s.hi)
	one := int32(0)
	if end {
		one = 1
	}
	switch b.Kind {
	case UnboundedPreceding, UnboundedFollowing:
		at := lo
		if b.Kind == UnboundedFollowing {
			at = hi
		}
		for range s.hi - s.from {
			dst = append(dst, at)
		}
		return dst
	case CurrentRow:
		for i := s.from; i < s.hi; i++ {
			switch {
			case !f.Range:
				dst = append(dst, int32(i)+one)
			case end:
				dst = append(dst, r.last[i])
			default:
				dst = append(dst, r.first[i])
			}
		}
		return dst
	case Preceding, Following:
	}
	if f.Range {
		return w.distances(dst, r, s, b, end)
	}
	n := b.Offset
	if b.Kind == Preceding {
		n = -n
	}
	for i := s.from; i < s.hi; i++ {
		dst = append(dst, int32(min(max(int64(i)+n+int64(one), int64(lo)), int64(hi))))
	}
	return dst
}

// distances are ends of frames at a distance of the row's own value. A NULL is
// at no distance of anything: its frame ends with its peers.
func (w *window) distances(dst []int32, r *rows, s span, b Bound, end bool) []int32 {
	w.order(r)
	lo, hi := s.lo, s.hi // of the rows that are not NULL
	for lo < hi && r.nulls.IsNull(lo) {
		lo++
	}
	for hi > lo && r.nulls.IsNull(hi-1) {
		hi--
	}
	at := len(dst)
	for i := s.from; i < s.hi; i++ {
		if end {
			dst = append(dst, r.last[i])
		} else {
			dst = append(dst, r.first[i])
		}
	}
	from, to := max(s.from, lo), max(min(s.hi, hi), max(s.from, lo))
	part := dst[at+from-s.from : at+to-s.from]
	d := distance(r.nulls.DataType(), b.Offset)
	if b.Kind == Preceding {
		d, b.Float = -d, -b.Float
	}
	if r.floats != nil {
		reach(part, r.floats[:hi], lo, from, b.Float, end)
	} else {
		reach(part, r.values[:hi], lo, from, d, end)
	}
	return dst
}

// reach writes, for the rows from from on, the first of the rows from lo on
// whose value is at least d behind the row's; with end, the first that is more.
func reach[T int64 | float64](dst []int32, values []T, lo, from int, d T, end bool) {
	at := lo
	for i := range dst {
		bound := values[from+i] + d
		for at < len(values) && (values[at] < bound || end && values[at] == bound) {
			at++
		}
		dst[i] = int32(at)
	}
}
