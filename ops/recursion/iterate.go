package recursion

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/hashtable"
)

// Run runs a job to its end and gives the rows that reach its sink to take,
// which owns them. What a step reads is in step, which stays the caller's.
type Run func(ctx context.Context, g *job.Graph, step []arrow.RecordBatch, take func(arrow.RecordBatch) error) error

// rows runs a query to its end.
func (q *Query) rows(ctx context.Context, alloc memory.Allocator, run Run) (arrow.RecordBatch, error) {
	it := &iteration{query: q, alloc: alloc}
	defer it.release()
	if !q.All {
		types := make([]arrow.DataType, q.Schema.NumFields())
		for i, f := range q.Schema.Fields() {
			types[i] = f.Type
		}
		seen, err := hashtable.New(hashtable.Options{}, types, 0)
		if err != nil {
			return nil, fmt.Errorf("%w: the rows of %s: %w", job.ErrInvalid, q.Name, err)
		}
		it.seen = seen
	}
	if err := run(ctx, &q.Base, nil, it.take); err != nil {
		return nil, err
	}
	for n := 0; it.next(); n++ {
		if n == q.MaxIterations {
			return nil, fmt.Errorf("%w: WITH RECURSIVE %s gives new rows after %d steps; end it with a condition, or SET 'wadi.recursion.max-iterations' higher", job.ErrInvalid, q.Name, n)
		}
		if err := run(ctx, &q.Step, it.all[it.from:it.to], it.take); err != nil {
			return nil, err
		}
	}
	return it.result(), nil
}

// iteration is the rows of a query so far: those that the step reads are
// all[from:to], the ones behind them are new.
type iteration struct {
	query *Query
	alloc memory.Allocator
	seen  *hashtable.Table // nil for UNION ALL

	all      []arrow.RecordBatch
	from, to int
	bytes    int64
	gids     []uint32
}

// next makes the new rows those that the step reads, and reports whether there
// are any.
func (it *iteration) next() bool {
	it.from, it.to = it.to, len(it.all)
	return it.from < it.to
}

// take adds rows; without ALL, those that are not there yet.
func (it *iteration) take(rec arrow.RecordBatch) error {
	defer rec.Release()
	if it.seen == nil {
		return it.add(array.NewRecordBatch(it.query.Schema.Schema, rec.Columns(), rec.NumRows()))
	}
	n := int(rec.NumRows())
	if cap(it.gids) < n {
		it.gids = make([]uint32, n)
	}
	before := uint32(it.seen.Gids())
	it.seen.FindOrInsert(rec.Columns(), nil, it.gids[:n])
	taken := make([]bool, uint32(it.seen.Gids())-before)
	var fresh vector.Sel
	for i, g := range it.gids[:n] {
		if g >= before && !taken[g-before] {
			taken[g-before] = true
			fresh = append(fresh, uint32(i))
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	cols := make([]arrow.Array, rec.NumCols())
	for i, c := range rec.Columns() {
		cols[i] = vector.Take(it.alloc, c, fresh)
		defer cols[i].Release()
	}
	return it.add(array.NewRecordBatch(it.query.Schema.Schema, cols, int64(len(fresh))))
}

func (it *iteration) add(rec arrow.RecordBatch) error {
	if rec.NumRows() == 0 {
		rec.Release()
		return nil
	}
	it.all = append(it.all, rec)
	if it.bytes += vector.RecordBytes(rec); it.bytes > it.query.MaxBytes {
		return fmt.Errorf("%w: WITH RECURSIVE %s gives more than %d bytes of rows; end it with a condition, or SET 'wadi.recursion.max-size' higher", job.ErrInvalid, it.query.Name, it.query.MaxBytes)
	}
	return nil
}

// result is all rows.
func (it *iteration) result() arrow.RecordBatch {
	schema := it.query.Schema.Schema
	if len(it.all) == 0 {
		b := array.NewRecordBuilder(it.alloc, schema)
		defer b.Release()
		return b.NewRecordBatch()
	}
	cols := make([]arrow.Array, schema.NumFields())
	n := int64(0)
	for _, rec := range it.all {
		n += rec.NumRows()
	}
	for i := range cols {
		parts := make([]arrow.Array, len(it.all))
		for k, rec := range it.all {
			parts[k] = rec.Column(i)
		}
		cols[i] = vector.Concat(it.alloc, parts)
		defer cols[i].Release()
	}
	return array.NewRecordBatch(schema, cols, n)
}

func (it *iteration) release() {
	for _, rec := range it.all {
		rec.Release()
	}
	if it.seen != nil {
		it.seen.Free()
	}
}
