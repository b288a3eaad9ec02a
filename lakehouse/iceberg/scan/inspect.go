package scan

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/read"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/schemas"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

// metadataTables are the tables t$name that tell about a table t.
var metadataTables = map[string]func(ctx context.Context, t *table.Table, now time.Time, mem memory.Allocator) (array.RecordReader, error){
	"snapshots":            inspected(table.InspectTable.Snapshots),
	"history":              inspected(table.InspectTable.History),
	"refs":                 inspected(table.InspectTable.Refs),
	"manifests":            inspected(table.InspectTable.Manifests),
	"all_manifests":        inspected(table.InspectTable.AllManifests),
	"files":                inspected(table.InspectTable.Files),
	"data_files":           inspected(table.InspectTable.DataFiles),
	"delete_files":         inspected(table.InspectTable.DeleteFiles),
	"all_files":            inspected(table.InspectTable.AllFiles),
	"all_delete_files":     inspected(table.InspectTable.AllDeleteFiles),
	"all_data_files":       inspected(table.InspectTable.AllDataFiles),
	"entries":              inspected(table.InspectTable.Entries),
	"all_entries":          inspected(table.InspectTable.AllEntries),
	"partitions":           inspected(table.InspectTable.Partitions),
	"position_deletes":     inspected(table.InspectTable.PositionDeletes),
	"metadata_log_entries": inspected(table.InspectTable.MetadataLogEntries),
	"health":               health,
}

func inspected(get func(table.InspectTable, context.Context) (array.RecordReader, error)) func(context.Context, *table.Table, time.Time, memory.Allocator) (array.RecordReader, error) {
	return func(ctx context.Context, t *table.Table, _ time.Time, mem memory.Allocator) (array.RecordReader, error) {
		return get(t.Inspect(table.WithInspectAllocator(mem)), ctx)
	}
}

// splitMetadataName cuts t$snapshots into t and snapshots.
func splitMetadataName(name string) (base, metadata string, ok bool) {
	at := strings.LastIndexByte(name, '$')
	if at <= 0 {
		return "", "", false
	}
	base, metadata = name[:at], strings.ToLower(name[at+1:])
	_, ok = metadataTables[metadata]
	return base, metadata, ok
}

// MetadataTable describes t$name, what name tells about the table t. ok is false
// when the name is not one of a metadata table.
func MetadataTable(ctx context.Context, c *catalog.Catalog, database, name string) (t job.Table, ok bool, err error) {
	base, metadata, ok := splitMetadataName(name)
	if !ok {
		return t, false, nil
	}
	t, err = c.Table(ctx, database, base)
	if err != nil {
		return t, true, err
	}
	t.Ident.Name = name
	t.PrimaryKey, t.PartitionedBy = nil, nil
	t.Options = maps.Clone(t.Options)
	t.Options[catalog.OptMetadata] = metadata
	there, err := c.Load(ctx, database, base)
	if err != nil {
		return t, true, err
	}
	what := inspection{metadata: metadata, of: c.Name() + "." + database + "." + base, now: c.Now}
	t.Schema.Schema, err = what.schema(ctx, there)
	return t, true, err
}

// MetadataSchema is the schema of a declared metadata table as the engine knows it.
func MetadataSchema(ctx context.Context, t job.Table, env catalog.Env) (*arrow.Schema, error) {
	at, err := catalog.PlaceOf(t)
	if err != nil {
		return nil, err
	}
	c, there, err := at.Load(ctx, env)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return inspection{metadata: t.Options[catalog.OptMetadata], of: at.String(), now: env.Time}.schema(ctx, there)
}

// inspection is a look at what is told about a table.
type inspection struct {
	metadata string // the name of the metadata table
	of       string // the table, for errors
	now      func() time.Time
}

// schema is the schema of the metadata table as the engine knows it.
func (i inspection) schema(ctx context.Context, t *table.Table) (*arrow.Schema, error) {
	rows, err := i.rows(ctx, t, memory.DefaultAllocator)
	if err != nil {
		return nil, err
	}
	defer rows.Release()
	schema, _ := metadataColumns(rows.Schema())
	return schema, nil
}

func (i inspection) rows(ctx context.Context, t *table.Table, mem memory.Allocator) (array.RecordReader, error) {
	open, ok := metadataTables[i.metadata]
	if !ok {
		return nil, fmt.Errorf("%w: there is no metadata table %q; there are %q", job.ErrInvalid, i.metadata, slices.Sorted(maps.Keys(metadataTables)))
	}
	rows, err := open(ctx, t, i.now(), mem)
	if err != nil {
		return nil, i.fail(err)
	}
	return rows, nil
}

func (i inspection) fail(err error) error {
	return fmt.Errorf("metadata table %s of %s: %w", i.metadata, i.of, read.Unavailable(err))
}

// metadataColumns gives the engine's columns of those that iceberg-go gives, and
// the places of these. A ROW without fields, such as the partition of a table
// without partitions, is left out.
func metadataColumns(s *arrow.Schema) (*arrow.Schema, []int) {
	var fields []arrow.Field
	var at []int
	for i, f := range vector.InternalSchema(s).Fields() {
		if st, ok := f.Type.(*arrow.StructType); ok && st.NumFields() == 0 {
			continue
		}
		f.Type = plainType(f.Type)
		f.Metadata = arrow.Metadata{}
		fields, at = append(fields, f), append(at, i)
	}
	return arrow.NewSchema(fields, nil), at
}

// plainType is t without the metadata of its fields and without types that SQL
// does not have.
func plainType(t arrow.DataType) arrow.DataType {
	plain := func(f arrow.Field) arrow.Field {
		return arrow.Field{Name: f.Name, Type: plainType(f.Type), Nullable: f.Nullable}
	}
	switch t := t.(type) {
	case *arrow.StructType:
		fields := make([]arrow.Field, 0, t.NumFields())
		for _, f := range t.Fields() {
			fields = append(fields, plain(f))
		}
		return arrow.StructOf(fields...)
	case *arrow.ListType:
		return arrow.ListOfField(plain(t.ElemField()))
	case *arrow.MapType:
		return arrow.MapOfFields(plain(t.KeyField()), plain(t.ItemField()))
	}
	return t
}

// metadataSource reads a metadata table: one split, whose rows are those of
// when it is read.
type metadataSource struct {
	env    catalog.Env
	place  catalog.Place
	what   inspection
	schema *arrow.Schema
	paths  [][]string
}

func newMetadataSource(ctx context.Context, metadata string, scan ops.Scan, env catalog.Env) (ops.Source, error) {
	at, err := catalog.PlaceOf(scan.Table)
	if err != nil {
		return nil, err
	}
	all, err := MetadataSchema(ctx, scan.Table, env)
	if err != nil {
		return nil, err
	}
	s := &metadataSource{env: env, place: at, what: inspection{metadata: metadata, of: at.String(), now: env.Time}, paths: scan.Columns}
	if s.paths == nil {
		for _, f := range all.Fields() {
			s.paths = append(s.paths, []string{f.Name})
		}
	}
	fields := make([]arrow.Field, len(s.paths))
	for i, p := range s.paths {
		if fields[i], err = read.FieldAt(all, p); err != nil {
			return nil, s.what.fail(err)
		}
	}
	s.schema = arrow.NewSchema(fields, nil)
	return s, nil
}

// Schema implements ops.Source.
func (s *metadataSource) Schema() *arrow.Schema { return s.schema }

// Bounded implements ops.Source.
func (s *metadataSource) Bounded() bool { return true }

// Enumerator implements ops.Source.
func (s *metadataSource) Enumerator(_ context.Context, state []byte) (ops.SplitEnumerator, error) {
	one := func(context.Context) ([]ops.Split, error) { return []ops.Split{{ID: s.what.metadata}}, nil }
	return newEnumerator(s.place.String(), one, state)
}

// Reader implements ops.Source.
func (s *metadataSource) Reader(ctx context.Context, rt ops.Runtime) (ops.SplitReader, error) {
	return &metadataReader{source: s, ctx: context.WithoutCancel(ctx), mem: rt.Allocator()}, nil
}

// metadataReader gives all rows of a split with one Fetch.
type metadataReader struct {
	source *metadataSource
	ctx    context.Context // of files, which live as long as the reader
	mem    memory.Allocator
	queue  []ops.Split
}

// Assign implements ops.SplitReader.
func (r *metadataReader) Assign(splits []ops.Split) error {
	r.queue = append(r.queue, splits...)
	return nil
}

// Fetch implements ops.SplitReader.
func (r *metadataReader) Fetch(context.Context) (ops.Fetched, error) {
	if len(r.queue) == 0 {
		return ops.Fetched{}, nil
	}
	rec, err := r.read()
	if err != nil {
		return ops.Fetched{}, err
	}
	f := ops.Fetched{Batch: stream.NewBatch(rec), After: r.queue[0], Done: true}
	r.queue = r.queue[1:]
	return f, nil
}

func (r *metadataReader) read() (arrow.RecordBatch, error) {
	s := r.source
	c, t, err := s.place.Load(r.ctx, s.env)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	rows, err := s.what.rows(r.ctx, t, r.mem)
	if err != nil {
		return nil, err
	}
	defer rows.Release()
	var parts []arrow.RecordBatch
	defer func() {
		for _, p := range parts {
			p.Release()
		}
	}()
	for rows.Next() {
		part, err := r.project(rows.RecordBatch())
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	if err := rows.Err(); err != nil {
		return nil, s.what.fail(err)
	}
	if len(parts) == 0 {
		b := array.NewRecordBuilder(r.mem, s.schema)
		defer b.Release()
		return b.NewRecordBatch(), nil
	}
	return vector.ConcatRecords(r.mem, parts), nil
}

// project takes the columns of the scan out of rec.
func (r *metadataReader) project(rec arrow.RecordBatch) (arrow.RecordBatch, error) {
	all := vector.Internalize(r.mem, rec)
	defer all.Release()
	cols := make([]arrow.Array, len(r.source.paths))
	defer func() {
		for _, c := range cols {
			if c != nil {
				c.Release()
			}
		}
	}()
	for i, path := range r.source.paths {
		at := all.Schema().FieldIndices(path[0])
		if len(at) == 0 {
			return nil, fmt.Errorf("%w: metadata table %s has no column %q", job.ErrInvalid, r.source.what.metadata, path[0])
		}
		col := all.Column(at[0])
		col.Retain()
		for _, name := range path[1:] {
			st := col.(*array.Struct)
			field, _ := st.DataType().(*arrow.StructType).FieldIdx(name)
			child := schemas.Under(r.mem, st, st.Field(field))
			col.Release()
			col = child
		}
		cols[i] = retyped(col, r.source.schema.Field(i).Type)
		col.Release()
	}
	return array.NewRecordBatch(r.source.schema, cols, rec.NumRows()), nil
}

// retyped gives an array, and those below it, a type of the same memory.
func retyped(a arrow.Array, to arrow.DataType) arrow.Array {
	d := retypedData(a.Data(), to)
	defer d.Release()
	return array.MakeFromData(d)
}

func retypedData(d arrow.ArrayData, to arrow.DataType) arrow.ArrayData {
	var below []arrow.DataType
	switch to := to.(type) {
	case *arrow.StructType:
		for _, f := range to.Fields() {
			below = append(below, f.Type)
		}
	case *arrow.ListType:
		below = []arrow.DataType{to.Elem()}
	case *arrow.MapType:
		below = []arrow.DataType{to.Elem()}
	}
	children := make([]arrow.ArrayData, len(below))
	for i, t := range below {
		children[i] = retypedData(d.Children()[i], t)
		defer children[i].Release()
	}
	return array.NewData(to, d.Len(), d.Buffers(), children, d.NullN(), d.Offset())
}

// Close implements ops.SplitReader.
func (r *metadataReader) Close() error { return nil }
