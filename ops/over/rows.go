package over

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/vector"
)

// seqColumn orders the rows of a partition as they came.
const seqColumn = "$seq"

// savedRows is a state table of rows: the partition and the sequence number are
// the key; more columns of the operator and the row follow.
type savedRows struct {
	ops.Table
	schema *arrow.Schema
	keys   int
	more   int // columns between key and row
}

func (w *window) openRows(rt ops.Runtime, more ...string) (savedRows, error) {
	fields := w.keyFields()
	fields = append(fields, arrow.Field{Name: seqColumn, Type: arrow.PrimitiveTypes.Int64})
	s := savedRows{keys: len(fields), more: len(more)}
	for _, name := range more {
		fields = append(fields, arrow.Field{Name: name, Type: arrow.PrimitiveTypes.Int64})
	}
	s.schema = arrow.NewSchema(append(fields, w.in.Fields()...), nil)
	var err error
	s.Table, err = rt.Table(ops.TableSpec{Name: "rows", Schema: s.schema, Keys: s.keys, Partition: len(w.c.Partition)})
	return s, err
}

// keyFields are the columns of the partition as state tables have them.
func (w *window) keyFields() []arrow.Field {
	var fields []arrow.Field
	for i, k := range w.c.Partition {
		f := w.in.Field(k)
		fields = append(fields, arrow.Field{Name: fmt.Sprintf("$key%d", i), Type: f.Type, Nullable: f.Nullable})
	}
	return fields
}

// row is the columns of the row in a record of the table.
func (s *savedRows) row(rec arrow.RecordBatch) []arrow.Array { return rec.Columns()[s.keys+s.more:] }

// longs is column i of those behind the partition.
func (s *savedRows) longs(rec arrow.RecordBatch, i int) []int64 {
	return vector.Values[int64](rec.Column(s.keys - 1 + i))
}

// write upserts rows or, without the row's columns, deletes them. It takes over
// the columns.
func (s *savedRows) write(cols []arrow.Array, n int) error {
	defer release(cols)
	if len(cols) == s.keys {
		rec := array.NewRecordBatch(arrow.NewSchema(s.schema.Fields()[:s.keys], nil), cols, int64(n))
		defer rec.Release()
		if err := s.Delete(rec); err != nil {
			return fmt.Errorf("delete from rows: %w", err)
		}
		return nil
	}
	rec := array.NewRecordBatch(s.schema, cols, int64(n))
	defer rec.Release()
	if err := s.Upsert(rec); err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	return nil
}
