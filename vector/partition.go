package vector

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Partition splits rows by target: dst[c] becomes the rows i, ascending, with
// target[i] == c. It returns dst with n selections, in dst's memory where that
// fits.
func Partition(dst []Sel, target []uint16, n int) []Sel {
	dst = resize(dst, n)
	var small [256]int
	counts := small[:]
	if n > len(small) {
		counts = make([]int, n)
	}
	counts = counts[:n]
	for _, c := range target {
		counts[c]++
	}
	for c := range dst {
		dst[c] = resize(dst[c], counts[c])
		counts[c] = 0
	}
	for i, c := range target {
		k := counts[c]
		dst[c][k] = uint32(i)
		counts[c] = k + 1
	}
	return dst
}

// Scatter splits a record by Partition's selections, one record for each; nil
// where a selection is empty. The indices serve all columns, and each column is
// gathered for all channels while it is in the cache.
func Scatter(alloc memory.Allocator, rec arrow.RecordBatch, channels []Sel) []arrow.RecordBatch {
	width := int(rec.NumCols())
	cols := make([]arrow.Array, width*len(channels))
	for c := range width {
		col := rec.Column(c)
		for ch, sel := range channels {
			if len(sel) > 0 {
				cols[ch*width+c] = Take(alloc, col, sel)
			}
		}
	}
	out := make([]arrow.RecordBatch, len(channels))
	for ch, sel := range channels {
		if len(sel) > 0 {
			out[ch] = newRecord(rec.Schema(), cols[ch*width:(ch+1)*width:(ch+1)*width], len(sel))
		}
	}
	return out
}

// MinMax returns the smallest and the largest of v, which is not empty.
func MinMax[T Integer](v []T) (lo, hi T) {
	lo, hi = v[0], v[0]
	for _, x := range v {
		lo, hi = min(lo, x), max(hi, x)
	}
	return lo, hi
}
