package expr

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector"
)

// frame is the set of rows that a node computes. The outermost frame is the
// batch, or the selected part of it. Where only some rows need an argument
// (the right side of AND, a branch of CASE) the node opens a smaller frame:
//
//	batch   0 1 2 3 4 5 6 7
//	sel       1   3 4     7      CASE WHEN a = 0 THEN 10 / b …
//	sub       0   1 2     3      10 / b sees four rows of b
//
// so no kernel ever knows of selections: its rows are always 0..n-1. A column
// is gathered at most once per frame, when the first kernel asks for it.
type frame struct {
	alloc memory.Allocator
	env   *Env
	rec   arrow.RecordBatch // of the outermost frame, else nil
	from  *frame            // of a smaller frame, else nil
	sel   vector.Sel        // rows of rec or of from; nil is every row
	n     int
	now   int64 // milliseconds, the same for the whole batch

	cols  []arrow.Array    // gathered so far, by column
	temps []*memory.Buffer // scratch that lives as long as the frame
}

func newFrame(alloc memory.Allocator, env *Env, rec arrow.RecordBatch, sel vector.Sel) *frame {
	n := int(rec.NumRows())
	if sel != nil {
		n = len(sel)
	}
	return &frame{alloc: alloc, env: env, rec: rec, sel: sel, n: n, now: env.Now()}
}

// sub returns the frame of the rows sel of f. It must be released before f.
func (f *frame) sub(sel vector.Sel) *frame {
	return &frame{alloc: f.alloc, env: f.env, from: f, sel: sel, n: len(sel), now: f.now}
}

func (f *frame) release() {
	for _, c := range f.cols {
		if c != nil {
			c.Release()
		}
	}
	for _, b := range f.temps {
		b.Release()
	}
	f.cols, f.temps = nil, nil
}

// column returns a column of the frame's rows; it belongs to the frame.
func (f *frame) column(i int) arrow.Array {
	if f.rec != nil && f.sel == nil {
		return f.rec.Column(i)
	}
	for len(f.cols) <= i {
		f.cols = append(f.cols, nil)
	}
	if f.cols[i] == nil {
		var all arrow.Array
		if f.rec != nil {
			all = f.rec.Column(i)
		} else {
			all = f.from.column(i)
		}
		f.cols[i] = vector.Take(f.alloc, all, f.sel)
	}
	return f.cols[i]
}

// temp returns scratch of n values, whose content is undefined.
func temp[T any](f *frame, n int) []T {
	s, b := fixed[T](f.alloc, n)
	f.temps = append(f.temps, b)
	return s
}

// value is what a node returns: an array with a row for every row of the
// frame, or one row that stands for all of them. Whoever gets a value owns it.
type value struct {
	arrow.Array
	scalar bool
}

// rows is the number of rows to compute when these are the arguments: one
// when all of them are scalars.
func rows(n int, args []value) int {
	for _, a := range args {
		if !a.scalar {
			return n
		}
	}
	return 1
}

func release(vs []value) {
	for _, v := range vs {
		v.Release()
	}
}

// expand turns a scalar into an array of n equal rows. It consumes v.
func (v value) expand(alloc memory.Allocator, n int) arrow.Array {
	if !v.scalar {
		return v.Array
	}
	defer v.Release()
	if v.IsNull(0) {
		return nulls(alloc, v.DataType(), n)
	}
	data := v.Data()
	switch classOf(v.DataType()) {
	case int8Class:
		return repeat[int8](alloc, data, n)
	case int16Class:
		return repeat[int16](alloc, data, n)
	case int32Class, float32Class:
		return repeat[int32](alloc, data, n)
	case int64Class, float64Class:
		return repeat[int64](alloc, data, n)
	default:
	}
	return vector.Take(alloc, v.Array, make(vector.Sel, n))
}

func repeat[T any](alloc memory.Allocator, d arrow.ArrayData, n int) arrow.Array {
	out, buf := fixed[T](alloc, n)
	s := slice[T](d)[0]
	for i := range out {
		out[i] = s
	}
	return finish(d.DataType(), n, nil, buf, 0)
}
