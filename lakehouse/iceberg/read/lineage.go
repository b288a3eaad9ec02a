package read

import (
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/lakehouse/iceberg/schemas"
	"github.com/wadi-engine/wadi/vector"
)

// CopySchema is the schema of files to which the rows of these files are copied:
// that of the table, and, where all rows have ids, columns that keep these.
func CopySchema(t *table.Table, tasks []table.FileScanTask) (to *arrow.Schema, rowIDs bool, err error) {
	schema := t.Schema()
	rowIDs = t.Metadata().Version() >= 3 && !slices.ContainsFunc(tasks, func(f table.FileScanTask) bool { return f.FirstRowID == nil })
	if rowIDs {
		schema = ice.SchemaWithRowLineage(schema)
	}
	to, err = schemas.FileSchema(schema)
	return to, rowIDs, err
}

// CopyTo selects everything for files of this schema, which is CopySchema's but for
// the types that rows are written from. Values are as they are stored.
func CopyTo(t *table.Table, to *arrow.Schema, rowIDs bool) *Selection {
	schema, out := t.Schema(), &Selection{Schema: to, stored: true}
	if rowIDs {
		schema, out.rowIDs = ice.SchemaWithRowLineage(schema), to.NumFields()-2
	}
	for i, f := range schema.Fields() {
		out.Columns = append(out.Columns, Column{Path: []string{f.Name}, Fields: []ice.NestedField{f}, Want: to.Field(i)})
	}
	return out
}

// inherit completes the columns of row ids and of sequence numbers: a row has
// those that the file holds, or else what the file has been given, with its
// position. sel are the rows among those that begin at first, all of them when
// nil.
func (o *Rows) inherit(cols []arrow.Array, first int64, sel vector.Sel) {
	if o.of.FirstRowID == nil || o.of.Sequence == nil {
		return
	}
	for i, base := range []int64{*o.of.FirstRowID + first, *o.of.Sequence} {
		held := cols[i].(*array.Int64)
		if held.NullN() == 0 {
			continue
		}
		buf, out := vector.NewValues[int64](o.reader.mem, held.Len())
		for row := range out {
			switch {
			case held.IsValid(row):
				out[row] = held.Value(row)
			case i == 1:
				out[row] = base
			case sel == nil:
				out[row] = base + int64(row)
			default:
				out[row] = base + int64(sel[row])
			}
		}
		held.Release()
		cols[i] = vector.MakeArray(arrow.PrimitiveTypes.Int64, len(out), 0, nil, buf)
	}
}
