package vector

import (
	"encoding/binary"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// And is SQL's AND of two BOOLEAN arrays: FALSE wins over NULL.
func And(alloc memory.Allocator, a, b arrow.Array) arrow.Array {
	return logic(alloc, a, b, func(at, af, bt, bf uint64) (t, f uint64) { return at & bt, af | bf })
}

// Or is SQL's OR of two BOOLEAN arrays: TRUE wins over NULL.
func Or(alloc memory.Allocator, a, b arrow.Array) arrow.Array {
	return logic(alloc, a, b, func(at, af, bt, bf uint64) (t, f uint64) { return at | bt, af & bf })
}

// Not is SQL's NOT: NULL stays NULL.
func Not(alloc memory.Allocator, a arrow.Array) arrow.Array {
	return logic(alloc, a, a, func(at, af, _, _ uint64) (t, f uint64) { return af, at })
}

// IsNull returns for each row of any array whether it is NULL.
func IsNull(alloc memory.Allocator, a arrow.Array) arrow.Array { return nullness(alloc, a, 0) }

// IsNotNull returns for each row of any array whether it is not NULL.
func IsNotNull(alloc memory.Allocator, a arrow.Array) arrow.Array {
	return nullness(alloc, a, ^uint64(0))
}

// SelectNull appends to dst the rows of sel that are NULL.
func SelectNull(dst Sel, a arrow.Array, sel Sel) Sel { return selectNullness(dst, a, sel, false) }

// SelectNotNull appends to dst the rows of sel that are not NULL.
func SelectNotNull(dst Sel, a arrow.Array, sel Sel) Sel { return selectNullness(dst, a, sel, true) }

// truth returns 64 rows of a BOOLEAN array as what is true and what is false;
// in neither are NULLs and rows from n on.
func truth(values []byte, off int, valid []byte, voff, i, n int) (t, f uint64) {
	w, v := word(values, off+i), ^uint64(0)
	if valid != nil {
		v = word(valid, voff+i)
	}
	if i+64 > n {
		v &= 1<<(n-i) - 1
	}
	return w & v, ^w & v
}

// logic applies a three-valued function to words of 64 rows.
func logic(alloc memory.Allocator, a, b arrow.Array, f func(at, af, bt, bf uint64) (uint64, uint64)) arrow.Array {
	n := a.Len()
	buf, dst := newBuffer(alloc, bitBytes(n))
	vbuf, valid := newBuffer(alloc, bitBytes(n))
	ones := 0
	if n > 0 {
		da, db := a.Data(), b.Data()
		av, avoff := validBits(da)
		bv, bvoff := validBits(db)
		as, bs := da.Buffers()[1].Bytes(), db.Buffers()[1].Bytes()
		for i := 0; i < n; i += 64 {
			at, af := truth(as, da.Offset(), av, avoff, i, n)
			bt, bf := truth(bs, db.Offset(), bv, bvoff, i, n)
			t, f := f(at, af, bt, bf)
			putWord(dst, i, t)
			putWord(valid, i, t|f)
			ones += bits.OnesCount64(t | f)
		}
	}
	if ones == n {
		vbuf.Release()
		vbuf = nil
	}
	return fixed(arrow.FixedWidthTypes.Boolean, n, n-ones, vbuf, buf)
}

// putWord writes 64 bits at bit i, a multiple of 64, as far as b goes.
func putWord(b []byte, i int, w uint64) {
	b = b[i/8:]
	if len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, w)
		return
	}
	for j := range b {
		b[j] = byte(w)
		w >>= 8
	}
}

func nullness(alloc memory.Allocator, a arrow.Array, not uint64) arrow.Array {
	n := a.Len()
	buf, dst := newBuffer(alloc, bitBytes(n))
	valid, off := validBits(a.Data())
	for i := 0; i < n; i += 64 {
		w := uint64(0) // what is NULL
		switch {
		case a.DataType().ID() == arrow.NULL:
			w = ^uint64(0)
		case valid != nil:
			w = ^word(valid, off+i)
		}
		putWord(dst, i, w^not)
	}
	clearTail(dst, n)
	return fixed(arrow.FixedWidthTypes.Boolean, n, 0, nil, buf)
}

func selectNullness(dst Sel, a arrow.Array, sel Sel, want bool) Sel {
	valid, off := validBits(a.Data())
	switch {
	case a.DataType().ID() == arrow.NULL && want, a.DataType().ID() != arrow.NULL && valid == nil && !want:
		return dst
	case sel == nil && valid == nil:
		n := len(dst)
		dst = append(dst, make(Sel, a.Len())...)
		for i := range dst[n:] {
			dst[n+i] = uint32(i)
		}
		return dst
	case valid == nil:
		return append(dst, sel...)
	}
	bit := toBit(want)
	if sel == nil {
		for i := range a.Len() {
			if bitAt(valid, off+i) == bit {
				dst = append(dst, uint32(i))
			}
		}
		return dst
	}
	for _, r := range sel {
		if bitAt(valid, off+int(r)) == bit {
			dst = append(dst, r)
		}
	}
	return dst
}
