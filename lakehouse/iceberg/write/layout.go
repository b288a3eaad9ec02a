package write

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	ice "github.com/apache/iceberg-go"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/schemas"
	"github.com/wadi-engine/wadi/lakehouse/parquet"
	"github.com/wadi-engine/wadi/vector"
)

// Layout says how the data files of a table are written: where, divided how,
// in which order.
type Layout struct {
	ctx    context.Context // of the files
	Mem    memory.Allocator
	Table  *table.Table
	Schema *arrow.Schema // of the files
	Tag    string        // of the writing sink, in the names of the files

	options  parquet.WriterOptions
	fileSize int64
	Files    iceio.WriteFileIO
	Where    table.LocationProvider

	parts   []transformed // by field of the partition spec
	ids     []int         // of those fields
	sorted  []transformed // by field of the sort order
	orders  []vector.Order
	sortID  int   // of the order, among those of the table; 0 is none of them
	held    int64 // how many bytes a stage holds in memory
	metrics metricModes
	// equal are the ids of the columns of equality delete files; nil for data
	// files.
	equal []int
}

// NewLayout reads what the table and its properties want of its files.
func NewLayout(ctx context.Context, t *table.Table, schema *arrow.Schema, tag string, mem memory.Allocator) (*Layout, error) {
	files, err := t.FS(ctx)
	if err != nil {
		return nil, err
	}
	w, ok := files.(iceio.WriteFileIO)
	if !ok {
		panic("iceberg: the table's files cannot be written")
	}
	o, err := fileOptionsOf(t)
	if err != nil {
		return nil, err
	}
	l := &Layout{
		ctx: ctx, Mem: mem, Table: t, Schema: directSchema(schema), Tag: tag, Files: w,
		fileSize: o.fileSize, options: o.parquet, metrics: o.metrics, held: maxHeld,
	}
	if l.Where, err = t.LocationProvider(); err != nil {
		return nil, err
	}
	spec := t.Spec()
	for _, f := range spec.Fields() {
		c, err := newTransformed(f.Transform, f.SourceID(), t.Schema(), l.Schema)
		if err != nil {
			return nil, fmt.Errorf("partition field %q: %w", f.Name, err)
		}
		l.parts, l.ids = append(l.parts, c), append(l.ids, f.FieldID)
	}
	return l, l.order(t.SortOrder())
}

// order binds the sort order.
func (l *Layout) order(o table.SortOrder) error {
	for _, f := range o.Fields() {
		c, err := newTransformed(f.Transform, f.SourceID(), l.Table.Schema(), l.Schema)
		if err != nil {
			return fmt.Errorf("sort order: %w", err)
		}
		if c.path == nil {
			continue // NULL in every row
		}
		if !c.exact {
			return fmt.Errorf("%w: the table is sorted by %s of a column of type %s, by which rows cannot be sorted", job.ErrInvalid, f.Transform, c.source)
		}
		v := vector.Order{Desc: f.Direction == table.SortDESC, Nulls: vector.NullsFirst}
		if f.NullOrder == table.NullsLast {
			v.Nulls = vector.NullsLast
		}
		l.sorted, l.orders = append(l.sorted, c), append(l.orders, v)
	}
	l.sortID = o.OrderID()
	return nil
}

// Anew says that files are written anew: with about this many bytes each, and with
// their rows in an order that need not be the table's. Rows that are sorted are
// held until the stage ends, however many they are.
func (l *Layout) Anew(size int64, o table.SortOrder) error {
	l.sorted, l.orders, l.fileSize = nil, nil, size
	if err := l.order(o); err != nil {
		return err
	}
	if l.Sorts() {
		l.fileSize, l.held = math.MaxInt64, math.MaxInt64
	}
	if own := l.Table.SortOrder(); !own.Equals(o) {
		l.sortID = 0
	}
	return nil
}

// newFile names a file that is not there yet, in the directory of a partition.
func (l *Layout) newFile(dir string, id uuid.UUID, n int) *File {
	return &File{layout: l, Path: l.place(dir, fmt.Sprintf("%05d-%s-%s.parquet", n, l.Tag, id))}
}

// place is where a file goes. With write.object-storage.enabled the hash of its
// name comes first, and then the partition, unless
// write.object-storage.partitioned-paths is false.
func (l *Layout) place(dir, name string) string {
	props := l.Table.Properties()
	switch {
	case dir == "":
		return l.Where.NewDataLocation(name)
	case !props.GetBool(table.ObjectStoreEnabledKey, false):
		return l.Where.NewDataLocation(dir + "/" + name)
	case props.GetBool(table.WriteObjectStorePartitionedPathsKey, true):
		return strings.TrimSuffix(l.Where.NewDataLocation(name), name) + dir + "/" + name
	}
	return l.Where.NewDataLocation(name)
}

// File is a data file that is being written. It is created with its first
// rows.
type File struct {
	layout *Layout
	Path   string
	// Number is the watcher's, 0 at first.
	Number uint32

	out     iceio.FileWriter
	parquet *parquet.Writer
}

// write adds rows; rec stays the caller's.
func (f *File) write(rec arrow.RecordBatch) error {
	if f.parquet == nil {
		out, err := f.layout.Files.Create(f.Path)
		if err != nil {
			return err
		}
		if f.parquet, err = parquet.NewWriter(out, f.layout.Schema, f.layout.options); err != nil {
			return errors.Join(err, Abort(out))
		}
		f.out = out
	}
	return f.parquet.Write(rec)
}

// end makes the file durable.
func (f *File) end() (parquet.Metrics, error) {
	w, out := f.parquet, f.out
	f.parquet, f.out = nil, nil
	m, err := w.Close()
	if err != nil {
		return m, errors.Join(err, Abort(out))
	}
	return m, out.Close()
}

// abandon gives the file up, so that nothing of it stays.
func (f *File) abandon() {
	if f.out != nil {
		_ = Abort(f.out) // the error that led here is the one to tell
		f.parquet, f.out = nil, nil
	}
}

// Abort gives up a file, so that nothing of it stays.
func Abort(out iceio.FileWriter) error {
	if a, ok := out.(interface{ Abort() error }); ok {
		return a.Abort()
	}
	return out.Close()
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

// OfKeys says how equality delete files are written: with these columns, which
// are top-level ones of the table.
func (l *Layout) OfKeys(columns []ice.NestedField) (*Layout, error) {
	all, err := schemas.FileSchema(l.Table.Schema())
	if err != nil {
		return nil, err
	}
	var fields []arrow.Field
	var ids []int
	for _, c := range columns {
		fields = append(fields, all.Field(all.FieldIndices(c.Name)[0]))
		ids = append(ids, c.ID)
	}
	out, err := NewLayout(l.ctx, l.Table, arrow.NewSchema(fields, nil), l.Tag, l.Mem)
	if err != nil {
		return nil, err
	}
	out.equal, out.sorted, out.orders, out.sortID = ids, nil, nil, 0
	return out, nil
}

// Sorts reports whether the rows of each file are sorted.
func (l *Layout) Sorts() bool { return len(l.sorted) > 0 }
