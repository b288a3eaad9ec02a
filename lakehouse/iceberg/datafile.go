package iceberg

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	ice "github.com/apache/iceberg-go"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"

	"github.com/wadi-engine/wadi/lakehouse/parquet"
)

// direct is a stage whose rows go straight to our own Parquet writer, file
// after file. It takes views as they are.
type direct struct {
	ctx      context.Context // of the files
	table    *table.Table
	schema   *arrow.Schema
	options  parquet.WriterOptions
	fileSize int64
	files    iceio.WriteFileIO
	where    table.LocationProvider
	id       uuid.UUID // in the names of the files

	path    string // of the open file
	out     iceio.FileWriter
	parquet *parquet.Writer // nil between files
	done    []ice.DataFile
}

var _ stage = (*direct)(nil)

// suits reports whether direct can write a table as its properties want it:
// unpartitioned, unsorted, and nothing said about the files that direct does
// not know.
func suits(t *table.Table) bool {
	spec, order := t.Spec(), t.SortOrder()
	if !spec.IsUnpartitioned() || !order.IsUnsorted() {
		return false
	}
	for k, v := range t.Properties() {
		switch {
		case !strings.HasPrefix(k, "write."), strings.HasPrefix(k, "write.metadata.") && !strings.HasPrefix(k, "write.metadata.metrics."),
			strings.HasPrefix(k, "write.delete."), strings.HasPrefix(k, "write.update."), strings.HasPrefix(k, "write.merge."),
			k == optFileSize, k == optCodec:
		case k == "write.format.default" && v == "parquet":
		default:
			return false
		}
	}
	return true
}

// newDirect begins a stage of a table that suits.
func newDirect(ctx context.Context, t *table.Table, schema *arrow.Schema) (*direct, error) {
	files, err := t.FS(ctx)
	if err != nil {
		return nil, err
	}
	w, ok := files.(iceio.WriteFileIO)
	if !ok {
		panic("iceberg: the table's files cannot be written")
	}
	where, err := t.LocationProvider()
	if err != nil {
		return nil, err
	}
	size := t.Properties().GetInt(optFileSize, table.WriteTargetFileSizeBytesDefault)
	return &direct{
		ctx: ctx, table: t, schema: schema, fileSize: int64(size), files: w, where: where, id: uuid.New(),
		options: parquet.WriterOptions{Compression: codecName(t.Properties()[optCodec])},
	}, nil
}

// codecName is our writer's name of a codec of Iceberg's.
func codecName(name string) string {
	switch name = strings.ToLower(name); name {
	case "lz4":
		return "lz4_raw"
	case "uncompressed":
		return "none"
	}
	return name
}

// directSchema is schema with views for strings and bytes, so that they need
// not be copied.
func directSchema(schema *arrow.Schema) *arrow.Schema {
	fields := schema.Fields()
	for i, f := range fields {
		fields[i].Type = directType(f.Type)
	}
	return arrow.NewSchema(fields, nil)
}

func directType(t arrow.DataType) arrow.DataType {
	switch t := t.(type) {
	case *arrow.StringType:
		return arrow.BinaryTypes.StringView
	case *arrow.BinaryType:
		return arrow.BinaryTypes.BinaryView
	case *arrow.ListType:
		elem := t.ElemField()
		elem.Type = directType(elem.Type)
		return arrow.ListOfField(elem)
	case *arrow.MapType:
		key, item := t.KeyField(), t.ItemField()
		key.Type, item.Type = directType(key.Type), directType(item.Type)
		return arrow.MapOfFields(key, item)
	case *arrow.StructType:
		fields := slices.Clone(t.Fields())
		for i := range fields {
			fields[i].Type = directType(fields[i].Type)
		}
		return arrow.StructOf(fields...)
	}
	return t
}

func (d *direct) write(_ context.Context, rec arrow.RecordBatch) error {
	defer rec.Release()
	if d.parquet == nil {
		if err := d.begin(); err != nil {
			return err
		}
	}
	if err := d.parquet.Write(rec); err != nil {
		return err
	}
	if d.parquet.Size() >= d.fileSize {
		return d.end()
	}
	return nil
}

func (d *direct) begin() error {
	d.path = d.where.NewDataLocation(fmt.Sprintf("%05d-0-%s.parquet", len(d.done), d.id))
	out, err := d.files.Create(d.path)
	if err != nil {
		return err
	}
	d.parquet, err = parquet.NewWriter(out, d.schema, d.options)
	if err != nil {
		return errors.Join(err, abort(out))
	}
	d.out = out
	return nil
}

// abort gives up a file, so that nothing of it stays.
func abort(out iceio.FileWriter) error {
	if a, ok := out.(interface{ Abort() error }); ok {
		return a.Abort()
	}
	return out.Close()
}

// end makes the open file durable and describes it.
func (d *direct) end() error {
	w, out := d.parquet, d.out
	d.parquet, d.out = nil, nil
	m, err := w.Close()
	if err != nil {
		return errors.Join(err, abort(out))
	}
	if err := out.Close(); err != nil {
		return err
	}
	df, err := describe(d.table, d.path, m)
	if err != nil {
		return err
	}
	d.done = append(d.done, df)
	return nil
}

func (d *direct) finish(context.Context) ([]ice.DataFile, error) {
	if d.parquet != nil {
		if err := d.end(); err != nil {
			return nil, err
		}
	}
	return d.done, nil
}

func (d *direct) abandon() []ice.DataFile {
	if d.out != nil {
		_ = abort(d.out) // the error that led here is the one to tell
		d.parquet, d.out = nil, nil
	}
	return d.done
}

// describe makes the manifest entry of a file: sizes of all columns; counts
// and bounds of those that are not inside a list or a map.
func describe(t *table.Table, path string, m parquet.Metrics) (ice.DataFile, error) {
	b, err := ice.NewDataFileBuilder(t.Spec(), ice.EntryContentData, path, ice.ParquetFile, nil, nil, nil, m.Rows, m.Bytes)
	if err != nil {
		return nil, fmt.Errorf("describe data file %s: %w", path, err)
	}
	sizes, values, nulls, nans := map[int]int64{}, map[int]int64{}, map[int]int64{}, map[int]int64{}
	lower, upper := map[int][]byte{}, map[int][]byte{}
	repeated := inLists(t.Schema())
	for _, c := range m.Columns {
		id := int(c.FieldID)
		of, ok := t.Schema().FindTypeByID(id)
		if !ok {
			panic(fmt.Sprintf("iceberg: column %v has field id %d, which the table does not have", c.Path, id))
		}
		sizes[id] = c.Bytes
		if repeated[id] {
			continue
		}
		values[id], nulls[id] = c.Values, c.Nulls
		switch of.(type) {
		case ice.Float32Type, ice.Float64Type:
			nans[id] = c.NaNs
		}
		if c.Min != nil && c.Max != nil {
			lower[id], upper[id] = bound(of, c.Min), bound(of, c.Max)
		}
	}
	return b.ColumnSizes(sizes).ValueCounts(values).NullValueCounts(nulls).NaNValueCounts(nans).
		LowerBoundValues(lower).UpperBoundValues(upper).SplitOffsets(m.Offsets).Build(), nil
}

// inLists finds the ids of fields below a list or a map.
func inLists(s *ice.Schema) map[int]bool {
	ids := map[int]bool{}
	var visit func(id int, t ice.Type, inside bool)
	visit = func(id int, t ice.Type, inside bool) {
		ids[id] = inside
		switch t := t.(type) {
		case *ice.ListType:
			visit(t.ElementID, t.Element, true)
		case *ice.MapType:
			visit(t.KeyID, t.KeyType, true)
			visit(t.ValueID, t.ValueType, true)
		case *ice.StructType:
			for _, f := range t.FieldList {
				visit(f.ID, f.Type, inside)
			}
		}
	}
	for _, f := range s.Fields() {
		visit(f.ID, f.Type, false)
	}
	return ids
}

// bound turns a bound in Parquet's plain encoding into Iceberg's single-value
// encoding. They differ for decimals, whose unscaled value is big-endian and as
// short as it can be; and a text must not end within a character.
func bound(t ice.Type, plain []byte) []byte {
	switch t := t.(type) {
	case ice.DecimalType:
		be := slices.Clone(plain)
		if t.Precision() <= 18 {
			slices.Reverse(be)
		}
		for len(be) > 1 && (be[0] == 0 && be[1] < 0x80 || be[0] == 0xff && be[1] >= 0x80) {
			be = be[1:]
		}
		return be
	case ice.StringType:
		for cut := range min(utf8.UTFMax, len(plain)) {
			if r, size := utf8.DecodeLastRune(plain[:len(plain)-cut]); r != utf8.RuneError || size != 1 {
				return plain[:len(plain)-cut]
			}
		}
	}
	return plain
}
