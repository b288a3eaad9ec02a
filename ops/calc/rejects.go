package calc

import (
	"context"
	"errors"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/expr"
)

// rejects are the rows for which a function of the user fails, or which a sink does not
// allow.
type rejects struct {
	table string // they are of
	count ops.Counter
}

// rejected reports that a function of the user has failed, or that a column of a sink
// does not allow a value.
func rejected(err error) bool {
	var f *expr.FunctionError
	var c *expr.ConstraintError
	return errors.As(err, &f) || errors.As(err, &c)
}

// sift finds the rows of a batch for which a function of the user fails, sends
// the others on and those to the port Errors. It halves the batch until a row
// fails alone, so functions are called again.
func (c *Calc) sift(ctx context.Context, b *stream.Batch, out ops.Output) error {
	var good, bad vector.Sel
	var why []string
	var halve func(from, to int) error
	halve = func(from, to int) error {
		part := b.Rows.NewSlice(int64(from), int64(to))
		defer part.Release()
		cols, _, err := c.eval(part)
		for _, col := range cols {
			col.Release()
		}
		switch {
		case err == nil:
			for i := from; i < to; i++ {
				good = append(good, uint32(i))
			}
			return nil
		case !rejected(err):
			return err
		case to-from == 1:
			bad, why = append(bad, uint32(from)), append(why, err.Error())
			return nil
		}
		mid := (from + to) / 2
		if err := halve(from, mid); err != nil {
			return err
		}
		return halve(mid, to)
	}
	if err := halve(0, b.Len()); err != nil {
		return err
	}
	c.rejects.count.Add(int64(len(bad)))
	if err := out.Emit(ctx, ops.Errors, letters(c.alloc, c.rejects.table, c.in, b, bad, why)); err != nil || len(good) == 0 {
		return err
	}
	rest := &stream.Batch{Rows: c.rows(b.Rows, good), Kinds: selectKinds(b.Kinds, good), Marks: stream.SelectMarks(b.Marks, good)}
	defer rest.Release()
	return c.process(ctx, rest, out)
}

// rows are the rows sel of rec.
func (c *Calc) rows(rec arrow.RecordBatch, sel vector.Sel) arrow.RecordBatch {
	cols := make([]arrow.Array, rec.NumCols())
	for i := range cols {
		cols[i] = vector.Take(c.alloc, rec.Column(i), sel)
		defer cols[i].Release()
	}
	return array.NewRecordBatch(rec.Schema(), cols, int64(len(sel)))
}
