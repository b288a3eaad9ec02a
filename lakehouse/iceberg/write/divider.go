package write

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/lakehouse/iceberg/schemas"
	"github.com/wadi-engine/wadi/vector"
)

// Divider brings rows that belong together to one task of a sink, as
// write.distribution-mode wants it: those of a partition with hash, and with range
// those of a range of the sort order, or of the partitions where there is none.
//
//	batch ─ source columns ─ transforms ─┬─ hash ──────────────────┬─ key groups
//	                                     └─ encoded in order, ranges ┘
type Divider struct {
	mem     memory.Allocator
	columns []int         // of the batches, that keys are made of
	files   *arrow.Schema // of these columns
	keys    []transformed
	ranges  *ranges // nil with hash

	hashes []uint64
	order  *vector.OrderKeys
	orders []vector.Order
	bytes  []byte
	ends   []uint32
}

// NewDivider returns what divides rows with the columns of schema, which is that of
// files, among so many tasks. It is nil where the table says nothing about it.
func NewDivider(ctx context.Context, t *table.Table, schema *arrow.Schema, tasks int) (*Divider, error) {
	mem := memory.DefaultAllocator // for what lives as long as a batch
	l, err := NewLayout(ctx, t, schema, "", mem)
	if err != nil {
		return nil, err
	}
	d := &Divider{mem: mem}
	switch strings.ToLower(t.Properties()[propSpread]) {
	case "range":
		d.ranges = newRanges(tasks)
		d.keys, d.orders = l.sorted, l.orders
		if len(d.keys) == 0 {
			d.keys, d.orders = l.parts, make([]vector.Order, len(l.parts))
		}
	case "hash":
		d.keys = l.parts
	}
	d.bind(l.Schema)
	if len(d.keys) == 0 {
		return nil, nil
	}
	return d, nil
}

// bind keeps the columns that keys are made of, and no others. Fields that are NULL
// in every row divide nothing.
func (d *Divider) bind(schema *arrow.Schema) {
	all, orders := d.keys, d.orders
	d.keys, d.orders = nil, nil
	var fields []arrow.Field
	for i, k := range all {
		if k.path == nil {
			continue
		}
		at := slices.Index(d.columns, k.path[0])
		if at < 0 {
			at = len(d.columns)
			d.columns, fields = append(d.columns, k.path[0]), append(fields, schema.Field(k.path[0]))
		}
		k.path = append([]int{at}, k.path[1:]...)
		d.keys = append(d.keys, k)
		if orders != nil {
			d.orders = append(d.orders, orders[i])
		}
	}
	d.files = arrow.NewSchema(fields, nil)
}

// KeyGroups implements ops.Divider.
func (d *Divider) KeyGroups(dst []uint16, rows arrow.RecordBatch, groups int) ([]uint16, error) {
	cols, err := d.transform(rows)
	defer func() {
		for _, c := range cols {
			c.Release()
		}
	}()
	if err != nil {
		return dst, fmt.Errorf("divide rows: %w", err)
	}
	if d.ranges == nil {
		d.hashes = vector.KeyHash(d.hashes, cols)
		return vector.KeyGroups(dst, d.hashes, groups), nil
	}
	if d.order == nil {
		fields := make([]arrow.Field, len(cols))
		for i, c := range cols {
			fields[i] = arrow.Field{Type: c.DataType(), Nullable: true}
		}
		d.order = vector.NewOrderKeys(fields, d.orders)
	}
	d.bytes, d.ends = d.order.Append(d.bytes[:0], d.ends[:0], cols, int(rows.NumRows()))
	return d.ranges.groups(dst, d.bytes, d.ends, groups), nil
}

// transform makes the key columns of rows; the caller owns those that it gets, with
// an error too.
func (d *Divider) transform(rows arrow.RecordBatch) ([]arrow.Array, error) {
	sources := make([]arrow.Array, len(d.columns))
	for i, c := range d.columns {
		sources[i] = rows.Column(c)
	}
	fields := make([]arrow.Field, len(d.columns))
	for i, c := range d.columns {
		fields[i] = rows.Schema().Field(c)
	}
	picked := array.NewRecordBatch(arrow.NewSchema(fields, nil), sources, rows.NumRows())
	defer picked.Release()
	rec, err := schemas.ConvertRecord(d.mem, picked, d.files)
	if err != nil {
		return nil, err
	}
	defer rec.Release()
	cols := make([]arrow.Array, 0, len(d.keys))
	for i := range d.keys {
		c, err := d.keys[i].keys(d.mem, rec)
		if err != nil {
			return cols, err
		}
		cols = append(cols, c)
	}
	return cols, nil
}

// EndEpoch implements ops.Divider.
func (d *Divider) EndEpoch() {
	if d.ranges != nil {
		d.ranges.endEpoch()
	}
}
