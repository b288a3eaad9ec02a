package columns

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
)

// Table is rows so far: a part of every decoder.
type Table struct {
	Columns []*Column

	schema *arrow.Schema
	rows   int
}

// NewTable returns a table without rows.
func NewTable(schema *arrow.Schema) (*Table, error) {
	t := &Table{schema: schema}
	for _, f := range schema.Fields() {
		c, err := New(f.Type)
		if err != nil {
			return nil, fmt.Errorf("%w: column %s: %w", job.ErrInvalid, f.Name, err)
		}
		t.Columns = append(t.Columns, c)
	}
	return t, nil
}

// Next ends a row, for which each column has a value.
func (t *Table) Next() { t.rows++ }

// AppendNull adds a row of NULLs.
func (t *Table) AppendNull() {
	for _, c := range t.Columns {
		c.Null()
	}
	t.rows++
}

// Rows is how many rows were added since the last Record.
func (t *Table) Rows() int { return t.rows }

// Undo takes back the values of a row that did not end.
func (t *Table) Undo() { t.Truncate(t.rows) }

// Truncate takes back all but the first rows.
func (t *Table) Truncate(rows int) {
	for _, c := range t.Columns {
		c.Truncate(rows)
	}
	t.rows = rows
}

// Bytes is how much memory the rows take, about.
func (t *Table) Bytes() int {
	n := 0
	for _, c := range t.Columns {
		n += c.Bytes()
	}
	return n
}

// Record returns the rows and begins anew. Its memory is of alloc.
func (t *Table) Record(alloc memory.Allocator) arrow.RecordBatch {
	cols := make([]arrow.Array, len(t.Columns))
	for i, c := range t.Columns {
		cols[i] = c.Finish(alloc)
		defer cols[i].Release()
	}
	n := t.rows
	t.rows = 0
	return array.NewRecordBatch(t.schema, cols, int64(n))
}
