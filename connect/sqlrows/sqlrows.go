// Package sqlrows turns rows that databases send as text into columns.
package sqlrows

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/vector/expr"
)

// Clean is a value of a database as SQL here writes values of the type; dst may be
// filled for that. Nil means that values are written alike.
type Clean func(dst, value []byte) ([]byte, error)

// Columns gathers rows as text and casts whole columns, as CAST does. It belongs to
// one goroutine.
type Columns struct {
	schema *arrow.Schema
	in     *arrow.Schema // the same, as text
	casts  *expr.Program
	clean  []Clean

	texts []*array.StringViewBuilder
	bytes int
	rows  int
	dst   []byte
}

// New returns columns for rows of schema. Of each column, clean gives how its
// values are read.
func New(schema *arrow.Schema, clean func(t arrow.DataType) Clean) (*Columns, error) {
	c := &Columns{schema: schema}
	fields := make([]arrow.Field, schema.NumFields())
	casts := make([]expr.Expr, schema.NumFields())
	for i, f := range schema.Fields() {
		if err := Readable(f); err != nil {
			return nil, err
		}
		fields[i] = arrow.Field{Name: f.Name, Type: arrow.BinaryTypes.StringView, Nullable: true}
		col := &expr.Column{Index: i, Name: f.Name, Of: fields[i].Type}
		if casts[i] = col; f.Type.ID() != arrow.STRING_VIEW {
			casts[i] = &expr.Call{Func: "try_cast", Args: []expr.Expr{col}, Of: f.Type}
		}
		c.clean = append(c.clean, clean(f.Type))
		c.texts = append(c.texts, array.NewStringViewBuilder(memory.DefaultAllocator))
	}
	c.in = arrow.NewSchema(fields, nil)
	var err error
	if c.casts, err = expr.Compile(casts, c.in, expr.Env{}); err != nil {
		return nil, fmt.Errorf("read text as the table's columns: %w", err)
	}
	return c, nil
}

// Readable says what cannot be read from databases.
func Readable(f arrow.Field) error {
	switch f.Type.ID() {
	case arrow.BOOL, arrow.INT8, arrow.INT16, arrow.INT32, arrow.INT64, arrow.FLOAT32, arrow.FLOAT64, arrow.DECIMAL128,
		arrow.STRING_VIEW, arrow.BINARY_VIEW, arrow.DATE32, arrow.TIME32, arrow.TIMESTAMP:
		return nil
	}
	return fmt.Errorf("%w: column %s: values of type %s are not exchanged with databases; declare it STRING to have its text",
		job.ErrInvalid, f.Name, expr.TypeName(f.Type))
}

// Append adds a row; nil is NULL. It keeps nothing of the memory of values.
func (c *Columns) Append(values [][]byte) error {
	if len(values) != len(c.texts) {
		return fmt.Errorf("the database sent %d columns, want %d", len(values), len(c.texts))
	}
	for i, v := range values {
		if v == nil {
			c.texts[i].AppendNull()
			continue
		}
		if c.clean[i] != nil {
			var err error
			if v, err = c.clean[i](c.dst[:0], v); err != nil {
				return fmt.Errorf("column %s: %w", c.schema.Field(i).Name, err)
			}
			c.dst = v
		}
		c.texts[i].Append(string(v))
		c.bytes += len(v) + 16
	}
	c.rows++
	return nil
}

// Rows is how many rows were added since the last Record.
func (c *Columns) Rows() int { return c.rows }

// Bytes is how much memory they take, about.
func (c *Columns) Bytes() int { return c.bytes }

// Record returns the rows and begins anew. A value that is none of its column's
// type is an error.
func (c *Columns) Record(alloc memory.Allocator) (arrow.RecordBatch, error) {
	texts := make([]arrow.Array, len(c.texts))
	for i, t := range c.texts {
		texts[i] = t.NewArray()
		defer texts[i].Release()
	}
	rows := c.rows
	c.rows, c.bytes = 0, 0
	in := array.NewRecordBatch(c.in, texts, int64(rows))
	defer in.Release()
	cols, err := c.casts.Eval(alloc, in, nil)
	if err != nil {
		return nil, err
	}
	rec := array.NewRecordBatch(c.schema, cols, int64(rows))
	for i, col := range cols {
		if err == nil && col.NullN() != texts[i].NullN() {
			err = c.wrong(i, texts[i].(*array.StringView), col)
		}
		col.Release()
	}
	if err != nil {
		rec.Release()
		return nil, err
	}
	return rec, nil
}

// wrong names the first value of a column that is none of its type.
func (c *Columns) wrong(i int, texts *array.StringView, col arrow.Array) error {
	f := c.schema.Field(i)
	for row := range texts.Len() {
		if texts.IsValid(row) && col.IsNull(row) {
			return fmt.Errorf("%w: column %s: the database sent %.80q, which is no %s; declare the column with the type that it has there, or STRING",
				job.ErrInvalid, f.Name, texts.Value(row), expr.TypeName(f.Type))
		}
	}
	return nil
}
