package expr

import (
	"errors"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// kernel computes a function of whole arrays. The arguments are the caller's;
// the result is a scalar when all of them are.
type kernel func(f *frame, args []value) (value, error)

// errNull is returned for a row whose result is NULL.
var errNull = errors.New("null")

// The functions below make kernels of functions of rows, for all that is not
// hot: bind reads the arguments once per batch and returns what computes one
// row. Rows in which an argument is NULL are NULL and never computed.

// rowsOf computes a fixed-width result of type t.
func rowsOf[T any](t arrow.DataType, bind func(f *frame, args []value) (func(i int) (T, error), error)) kernel {
	return func(f *frame, args []value) (value, error) {
		return strict(f, t, args, func(n int, valid *nullable) (arrow.Array, error) {
			row, err := bind(f, args)
			if err != nil {
				return nil, err
			}
			out, buf := fixed[T](f.alloc, n)
			err = valid.each(n, func(i int) (err error) {
				out[i], err = row(i)
				return err
			})
			if err != nil {
				buf.Release()
				return nil, err
			}
			return finish(t, n, valid.take(), buf, -1), nil
		})
	}
}

// testOf computes a boolean.
func testOf(bind func(f *frame, args []value) (func(i int) (bool, error), error)) kernel {
	return func(f *frame, args []value) (value, error) {
		return strict(f, arrow.FixedWidthTypes.Boolean, args, func(n int, valid *nullable) (arrow.Array, error) {
			row, err := bind(f, args)
			if err != nil {
				return nil, err
			}
			out, buf := newBits(f.alloc, n)
			err = valid.each(n, func(i int) error {
				ok, err := row(i)
				if ok {
					bitutil.SetBit(out, i)
				}
				return err
			})
			if err != nil {
				buf.Release()
				return nil, err
			}
			return finish(arrow.FixedWidthTypes.Boolean, n, valid.take(), buf, -1), nil
		})
	}
}

// textOf computes strings or bytes: a row appends its result to dst.
func textOf(t arrow.DataType, bind func(f *frame, args []value) (func(i int, dst []byte) ([]byte, error), error)) kernel {
	return func(f *frame, args []value) (value, error) {
		return strict(f, t, args, func(n int, valid *nullable) (arrow.Array, error) {
			row, err := bind(f, args)
			if err != nil {
				return nil, err
			}
			w := newViewWriter(f.alloc, n)
			err = valid.each(n, func(i int) error {
				b, err := row(i, w.scratch())
				if err != nil {
					return err
				}
				return w.put(i, b)
			})
			if err != nil {
				w.drop()
				return nil, err
			}
			return w.finish(t, valid.take()), nil
		})
	}
}

// partOf computes strings that are parts of the first argument's: a row
// returns a substring of its argument, which is shared and not copied.
func partOf(t arrow.DataType, bind func(f *frame, args []value) (func(i int, s string) (string, error), error)) kernel {
	return func(f *frame, args []value) (value, error) {
		return strict(f, t, args, func(n int, valid *nullable) (arrow.Array, error) {
			row, err := bind(f, args)
			if err != nil {
				return nil, err
			}
			src := viewsOf(args[0])
			w := newViewWriter(f.alloc, n)
			err = valid.each(n, func(i int) error {
				s, err := row(i, src.at(i))
				if err == nil {
					w.share(i, &src, s)
				}
				return err
			})
			if err != nil {
				w.drop()
				return nil, err
			}
			return w.finish(t, valid.take()), nil
		})
	}
}

// looseText is textOf for functions that decide themselves what NULL arguments
// mean: a row is computed always, and errNull makes it NULL.
func looseText(t arrow.DataType, bind func(f *frame, args []value) func(i int, dst []byte) ([]byte, error)) kernel {
	return func(f *frame, args []value) (value, error) {
		row := bind(f, args)
		n := rows(f.n, args)
		valid := nullable{alloc: f.alloc}
		w := newViewWriter(f.alloc, n)
		err := valid.each(n, func(i int) error {
			b, err := row(i, w.scratch())
			if err != nil {
				return err
			}
			return w.put(i, b)
		})
		if err != nil {
			w.drop()
			if b := valid.take(); b != nil {
				b.Release()
			}
			return value{}, err
		}
		return value{Array: w.finish(t, valid.take()), scalar: allScalar(args)}, nil
	}
}

func readValid(args []value) []validity {
	valid := make([]validity, len(args))
	for i, a := range args {
		valid[i] = validityOf(a)
	}
	return valid
}

// nullable is the validity of a result while its rows are computed.
type nullable struct {
	alloc memory.Allocator
	buf   *memory.Buffer // nil: no row is null so far
}

// each calls row for every row that is not null; errNull makes the row null.
func (v *nullable) each(n int, row func(i int) error) error {
	if v.buf != nil {
		b := v.buf.Bytes()
		return eachSet(b, n, func(i int) error {
			err := row(i)
			if err == errNull { //nolint:errorlint // never wrapped
				bitutil.ClearBit(b, i)
				return nil
			}
			return err
		})
	}
	for i := range n {
		if err := row(i); err == errNull { //nolint:errorlint // never wrapped
			v.setNull(i, n)
		} else if err != nil {
			return err
		}
	}
	return nil
}

func (v *nullable) setNull(i, n int) {
	if v.buf == nil {
		v.buf = memory.NewResizableBuffer(v.alloc)
		v.buf.Resize(int(bitutil.BytesForBits(int64(n))))
		memory.Set(v.buf.Bytes(), 0xff)
		trim(v.buf.Bytes(), n)
	}
	bitutil.ClearBit(v.buf.Bytes(), i)
}

// take hands the bitmap over.
func (v *nullable) take() *memory.Buffer {
	b := v.buf
	v.buf = nil
	return b
}

// strict runs compute unless a scalar argument is NULL, with the validity that
// follows from the arguments.
func strict(f *frame, t arrow.DataType, args []value, compute func(n int, valid *nullable) (arrow.Array, error)) (value, error) {
	n := rows(f.n, args)
	merged, none := mergeValid(f, n, args)
	if none {
		return nullScalar(f, t), nil
	}
	valid := nullable{alloc: f.alloc, buf: merged}
	arr, err := compute(n, &valid)
	if b := valid.take(); b != nil {
		b.Release()
	}
	if err != nil {
		return value{}, err
	}
	return value{Array: arr, scalar: allScalar(args)}, nil
}

func allScalar(args []value) bool {
	for _, a := range args {
		if !a.scalar {
			return false
		}
	}
	return true
}
