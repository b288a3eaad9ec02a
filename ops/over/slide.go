package over

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector"
)

// slides reports aggregates that a loop over the rows computes: counts and sums
// of integers from running totals, extremes by keeping the rows of the frame that
// no later one beats.
func (w *window) slides(c *Call) bool {
	if c.Distinct {
		return false
	}
	switch c.Func {
	case "count":
		return len(c.Args) < 2
	case "sum", "sum0":
		return whole(w.types[c.Args[0]]) && whole(c.Of)
	case "min", "max":
		t := w.types[c.Args[0]]
		return vector.IsWord(t) && t.ID() != arrow.FLOAT32 && t.ID() != arrow.FLOAT64 && t.ID() != arrow.BOOL
	}
	return false
}

// whole reports types of integers.
func whole(t arrow.DataType) bool { return arrow.IsSignedInteger(t.ID()) }

// slide computes such an aggregate.
func (e *evaluator) slide(r *rows, c *Call) arrow.Array {
	f := e.frames(r, c.Frame)
	counts := e.counted(r, c)
	switch c.Func {
	case "count":
		return e.count(r, f, counts)
	case "min", "max":
		return e.extreme(r, c, f, counts)
	}
	return e.sum(r, c, f, counts)
}

// counted says of each row whether the aggregate counts it.
func (e *evaluator) counted(r *rows, c *Call) []bool {
	out := make([]bool, r.n)
	for i := range out {
		out[i] = true
	}
	if len(c.Args) > 0 {
		if col := r.cols[c.Args[0]]; col.NullN() > 0 {
			for i := range out {
				out[i] = col.IsValid(i)
			}
		}
	}
	if c.Filter >= 0 {
		flags := r.cols[c.Filter].(*array.Boolean)
		for i := range out {
			out[i] = out[i] && flags.IsValid(i) && flags.Value(i)
		}
	}
	return out
}

// totals are the numbers of counted rows before each row, and before the end.
func totals(counts []bool) []int32 {
	out := make([]int32, len(counts)+1)
	for i, c := range counts {
		if out[i+1] = out[i]; c {
			out[i+1]++
		}
	}
	return out
}

func (e *evaluator) count(r *rows, f frames, counts []bool) arrow.Array {
	before := totals(counts)
	buf, v := vector.NewValues[int64](e.alloc, r.outs)
	for i := range v {
		v[i] = int64(before[f.hi[i]] - before[f.lo[i]])
	}
	return vector.MakeArray(arrow.PrimitiveTypes.Int64, r.outs, 0, nil, buf)
}

// sum is the difference of two running totals; both wrap around as one sum does.
func (e *evaluator) sum(r *rows, c *Call, f frames, counts []bool) arrow.Array {
	values := make([]uint64, r.n)
	vector.Words(values, r.cols[c.Args[0]], 0)
	before := make([]uint64, r.n+1)
	for i, v := range values {
		if before[i+1] = before[i]; counts[i] {
			before[i+1] += v
		}
	}
	rows := totals(counts)
	words := make([]uint64, r.outs)
	empty := 0
	for i := range words {
		words[i] = before[f.hi[i]] - before[f.lo[i]]
		if rows[f.hi[i]] == rows[f.lo[i]] {
			empty++
		}
	}
	if empty == 0 || c.Func == "sum0" {
		return vector.FromWords(e.alloc, c.Of, words, nil, 0)
	}
	bits := memory.NewResizableBuffer(e.alloc)
	bits.Resize((r.outs + 7) / 8)
	valid := bits.Bytes()
	clear(valid)
	for i := range words {
		if rows[f.hi[i]] != rows[f.lo[i]] {
			valid[i/8] |= 1 << (i % 8)
		}
	}
	return vector.FromWords(e.alloc, c.Of, words, bits, empty)
}

// extreme keeps, for the frame as it moves, the rows that can still become its
// extreme: each is better than all behind it.
func (e *evaluator) extreme(r *rows, c *Call, f frames, counts []bool) arrow.Array {
	col := r.cols[c.Args[0]]
	values := make([]uint64, r.n)
	vector.Words(values, col, 0)
	flip := uint64(1 << 63) // makes the order of signed values that of words
	if c.Func == "max" {
		flip = ^flip
	}
	for i := range values {
		values[i] ^= flip
	}
	idx := make(vector.Sel, r.outs)
	var best []int32
	out := 0
	for _, s := range r.spans {
		best = best[:0]
		head, at := 0, int32(-1)
		for range s.hi - s.from {
			lo, hi := f.lo[out], f.hi[out]
			for at = max(at, lo); at < hi; at++ {
				if !counts[at] {
					continue
				}
				for len(best) > head && values[best[len(best)-1]] >= values[at] {
					best = best[:len(best)-1]
				}
				best = append(best, at)
			}
			for head < len(best) && best[head] < lo {
				head++
			}
			idx[out] = uint32(r.n)
			if head < len(best) {
				idx[out] = uint32(best[head])
			}
			out++
		}
	}
	return e.orNull(col, idx)
}
