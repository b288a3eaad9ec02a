package files

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/connect/format/text"
	"github.com/wadi-engine/wadi/vector"
)

// divider splits batches by the values of the partition columns.
type divider struct {
	names       []string
	columns     []int // of the batch, the partition columns
	data        []int // of the batch, the others
	rest        *arrow.Schema
	defaultName string

	// scratch
	cells []text.Cells
	key   []byte
	rows  map[string]vector.Sel
	order []string
}

func newDivider(schema *arrow.Schema, by []string, defaultName string) (*divider, error) {
	d := &divider{names: by, defaultName: defaultName, rows: map[string]vector.Sel{}}
	is := map[int]bool{}
	for _, name := range by {
		at := schema.FieldIndices(name)
		if len(at) == 0 {
			return nil, fmt.Errorf("%w: partition column %q is not a column of the table", errInvalid, name)
		}
		if !text.Textual(schema.Field(at[0]).Type) {
			return nil, fmt.Errorf("%w: partition column %q of type %s: only plain values can name directories",
				errInvalid, name, schema.Field(at[0]).Type)
		}
		d.columns = append(d.columns, at[0])
		is[at[0]] = true
	}
	var rest []arrow.Field
	for i, f := range schema.Fields() {
		if !is[i] {
			d.data = append(d.data, i)
			rest = append(rest, f)
		}
	}
	if len(rest) == 0 {
		return nil, fmt.Errorf("%w: every column is a partition column; nothing is left to write", errInvalid)
	}
	d.rest = arrow.NewSchema(rest, nil)
	d.cells = make([]text.Cells, len(d.columns))
	return d, nil
}

// divide calls each with the directory of a partition and its rows, without
// the partition columns, in the order in which the partitions first appear.
// each owns the rows.
func (d *divider) divide(mem memory.Allocator, rec arrow.RecordBatch, each func(dir string, rows arrow.RecordBatch) error) error {
	data := make([]arrow.Array, len(d.data))
	for i, c := range d.data {
		data[i] = rec.Column(c)
	}
	if len(d.columns) == 0 {
		rec.Retain()
		return each("", rec)
	}
	narrow := array.NewRecordBatch(d.rest, data, rec.NumRows())
	defer narrow.Release()
	d.group(rec)
	for _, key := range d.order {
		sel := d.rows[key]
		if len(sel) == int(rec.NumRows()) {
			narrow.Retain()
			return each(key, narrow)
		}
		if err := each(key, vector.TakeRecord(mem, narrow, sel)); err != nil {
			return err
		}
	}
	return nil
}

// group fills rows and order.
func (d *divider) group(rec arrow.RecordBatch) {
	clear(d.rows)
	d.order = d.order[:0]
	for i, c := range d.columns {
		d.cells[i].Fill(rec.Column(c), text.Plain)
	}
	var sel vector.Sel // rows of the partition at hand
	for row := range int(rec.NumRows()) {
		if row > 0 && d.same(row) {
			sel = append(sel, uint32(row))
			continue
		}
		if row > 0 {
			d.rows[string(d.key)] = sel
		}
		d.name(rec, row)
		known := false
		if sel, known = d.rows[string(d.key)]; !known {
			d.order = append(d.order, string(d.key))
		}
		sel = append(sel, uint32(row))
	}
	if len(sel) > 0 {
		d.rows[string(d.key)] = sel
	}
}

// same reports whether a row is in the partition of the row before it.
func (d *divider) same(row int) bool {
	for i := range d.cells {
		if !bytes.Equal(d.cells[i].At(row), d.cells[i].At(row-1)) {
			return false
		}
	}
	return true
}

// name writes the directory of a row into key.
func (d *divider) name(rec arrow.RecordBatch, row int) {
	d.key = d.key[:0]
	for i, name := range d.names {
		if i > 0 {
			d.key = append(d.key, '/')
		}
		d.key = append(escapePath(d.key, name), '=')
		value := d.cells[i].At(row)
		if rec.Column(d.columns[i]).IsNull(row) || len(value) == 0 {
			d.key = append(d.key, d.defaultName...)
		} else {
			d.key = escapePath(d.key, string(value))
		}
	}
}

// escapePath writes a name or a value as Hive and Flink do: what means
// something in a path is written as %XX.
func escapePath(dst []byte, text string) []byte {
	for i := range len(text) {
		c := text[i]
		if c < 0x20 || c == 0x7f || strings.IndexByte("\"#%'*/:=?\\{[]^", c) >= 0 {
			dst = fmt.Appendf(dst, "%%%02X", c)
		} else {
			dst = append(dst, c)
		}
	}
	return dst
}
