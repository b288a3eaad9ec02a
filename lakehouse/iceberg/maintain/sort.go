package maintain

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"
	"github.com/apache/arrow-go/v18/arrow/memory"
	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/types"
	"github.com/wadi-engine/wadi/vector"
)

// TableSortOrder is the sort order that the table's metadata names.
const TableSortOrder = "table"

// maxSortBytes bounds the files that are sorted together: they are in memory
// at once.
const maxSortBytes = 128 << 20

// sortTerm is one column by which rows are sorted.
type sortTerm struct {
	column string
	order  vector.Order
}

// parseSortOrder reads an order such as "a DESC NULLS LAST, b". NULLs are the
// lowest values where nothing is said, as in Spark.
func parseSortOrder(text string, t *table.Table) ([]sortTerm, error) {
	switch text {
	case "":
		return nil, nil
	case TableSortOrder:
		return tableOrder(t)
	}
	var terms []sortTerm
	for _, part := range types.SplitTerms(text) {
		m := types.SortText.FindStringSubmatch(part)
		if m == nil {
			return nil, fmt.Errorf("%w: sort_order: %q is not a column, ASC or DESC, and NULLS FIRST or LAST", job.ErrInvalid, part)
		}
		if _, there := t.Schema().FindFieldByName(m[1]); !there {
			return nil, fmt.Errorf("%w: sort_order: the table has no column %q", job.ErrInvalid, m[1])
		}
		o := vector.Order{Desc: strings.EqualFold(m[2], "desc")}
		switch strings.ToLower(m[3]) {
		case "first":
			o.Nulls = vector.NullsFirst
		case "last":
			o.Nulls = vector.NullsLast
		}
		terms = append(terms, sortTerm{m[1], o})
	}
	return terms, nil
}

// tableOrder is the order in the table's metadata. Its transforms keep the
// order of what they are applied to, but for buckets.
func tableOrder(t *table.Table) ([]sortTerm, error) {
	var terms []sortTerm
	order := t.SortOrder()
	for _, f := range order.Fields() {
		name, there := t.Schema().FindColumnName(f.SourceID())
		if _, hashes := f.Transform.(ice.BucketTransform); hashes || !there {
			return nil, fmt.Errorf("%w: the table's sort order has %v of column %d, by which files cannot be sorted", job.ErrInvalid, f.Transform, f.SourceID())
		}
		o := vector.Order{Desc: f.Direction == table.SortDESC, Nulls: vector.NullsFirst}
		if f.NullOrder == table.NullsLast {
			o.Nulls = vector.NullsLast
		}
		terms = append(terms, sortTerm{name, o})
	}
	if len(terms) == 0 {
		return nil, fmt.Errorf("%w: the table has no sort order; give sort_order => 'column, …'", job.ErrInvalid)
	}
	return terms, nil
}

// sortGroup writes the rows of one group anew, in order.
func sortGroup(ctx context.Context, t *table.Table, g table.CompactionTaskGroup, order []sortTerm) (table.CompactionGroupResult, error) {
	done := table.CompactionGroupResult{PartitionKey: g.PartitionKey, BytesBefore: g.TotalSizeBytes}
	scan, write := []table.ScanOption{table.WithMaxConcurrency(1)}, []table.WriteRecordOption{table.WithClusteredWrite()}
	schema := t.Schema()
	if keepsRowIDs(t, g.Tasks) {
		schema = ice.SchemaWithRowLineage(schema)
		scan, write = append(scan, table.WithRowLineage()), append(write, table.WithPreserveRowLineage(schema))
	}
	shape, err := table.SchemaToArrowSchemaWithOptions(schema, table.ArrowSchemaOptions{
		IncludeFieldIDs: true, TableProperties: t.Properties(),
	})
	if err != nil {
		return done, err
	}
	_, records, err := t.Scan(scan...).ReadTasks(ctx, g.Tasks)
	if err != nil {
		return done, err
	}
	all, err := gather(records)
	if err != nil || all == nil {
		return done, err
	}
	defer all.Release()
	rows, err := sortRows(t.Schema(), all, order)
	if err != nil {
		return done, err
	}
	for f, err := range table.WriteRecords(ctx, t, shape, inOrder(ctx, all, rows), write...) {
		if err != nil {
			return done, err
		}
		done.NewDataFiles = append(done.NewDataFiles, f)
		done.BytesAfter += f.FileSizeBytes()
	}
	for _, task := range g.Tasks {
		done.OldDataFiles = append(done.OldDataFiles, task.File)
	}
	done.SafeDeletionVectors = table.CollectSafeDeletionVectors(g.Tasks)
	return done, nil
}

// keepsRowIDs reports that the rows of all files have ids, which stay theirs.
func keepsRowIDs(t *table.Table, tasks []table.FileScanTask) bool {
	for _, task := range tasks {
		if task.FirstRowID == nil {
			return false
		}
	}
	return t.Metadata().Version() >= 3
}

// gather makes one batch of all records; nil when there is no row.
func gather(records iter.Seq2[arrow.RecordBatch, error]) (arrow.RecordBatch, error) {
	var list []arrow.RecordBatch
	defer func() {
		for _, r := range list {
			r.Release()
		}
	}()
	for rec, err := range records {
		if err != nil {
			return nil, err
		}
		list = append(list, rec)
	}
	if len(list) == 0 {
		return nil, nil
	}
	cols := make([]arrow.Array, list[0].NumCols())
	defer func() {
		for _, c := range cols {
			if c != nil {
				c.Release()
			}
		}
	}()
	rows := int64(0)
	for i := range cols {
		parts := make([]arrow.Array, len(list))
		rows = 0
		for k, r := range list {
			parts[k] = r.Column(i)
			rows += r.NumRows()
		}
		var err error
		if cols[i], err = array.Concatenate(parts, memory.DefaultAllocator); err != nil {
			return nil, err
		}
	}
	return array.NewRecordBatch(list[0].Schema(), cols, rows), nil
}

// sortRows are the row numbers of all, in order.
func sortRows(schema *ice.Schema, all arrow.RecordBatch, order []sortTerm) (vector.Sel, error) {
	cols, orders := make([]arrow.Array, 0, len(order)), make([]vector.Order, 0, len(order))
	defer func() {
		for _, c := range cols {
			c.Release()
		}
	}()
	for _, term := range order {
		at := all.Schema().FieldIndices(term.column)
		if len(at) == 0 {
			return nil, fmt.Errorf("%w: the files have no column %q to sort by", job.ErrInvalid, term.column)
		}
		col := all.Column(at[0])
		f, _ := schema.FindFieldByName(term.column)
		to, err := types.EngineField(term.column, f.Type, true)
		if err != nil {
			return nil, fmt.Errorf("sort by column %q: %w", term.column, err)
		}
		c, err := types.Convert(memory.DefaultAllocator, col, to.Type)
		if err != nil {
			return nil, fmt.Errorf("sort by column %q: %w", term.column, err)
		}
		cols, orders = append(cols, c), append(orders, term.order)
	}
	return vector.Sort(memory.DefaultAllocator, cols, orders), nil
}

// inOrder gives the rows of all in the order of rows, in batches.
func inOrder(ctx context.Context, all arrow.RecordBatch, rows vector.Sel) iter.Seq2[arrow.RecordBatch, error] {
	const size = 1 << 15
	return func(yield func(arrow.RecordBatch, error) bool) {
		for len(rows) > 0 {
			n := min(size, len(rows))
			b := array.NewInt32Builder(memory.DefaultAllocator)
			b.Reserve(n)
			for _, r := range rows[:n] {
				b.UnsafeAppend(int32(r))
			}
			rows = rows[n:]
			at := b.NewInt32Array()
			b.Release()
			out, err := compute.Take(ctx, *compute.DefaultTakeOptions(), compute.NewDatumWithoutOwning(all), compute.NewDatumWithoutOwning(at))
			at.Release()
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(out.(*compute.RecordDatum).Value, nil) {
				return
			}
		}
	}
}
