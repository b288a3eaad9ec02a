package parquet

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/vector/expr"
)

// NewConnector returns the connector that reads Parquet files: what stands
// behind read_parquet('…') and tables of the format 'parquet'. Files are
// found and opened through stores.
func NewConnector(stores *objstore.Stores) *ops.Connector {
	c := &connector{stores: stores}
	return &ops.Connector{
		Name: "parquet",
		Options: append([]ops.Option{
			{Key: optPath, Help: "A file, a directory, a glob or a URL of these."},
			{Key: optFormat, Default: "parquet", Help: "Always parquet."},
			{Key: optMonitor, Help: "How often to look for new files, such as 10 s; without it the table ends with the files that are there."},
			{Key: optRegex, Help: "A regular expression that the whole path of a file matches; others are left out."},
		}, objstore.Keys...),
		Resolve:  c.resolve,
		Source:   c.source,
		Rows:     c.rows,
		Projects: true,
		Filters:  true,
	}
}

const (
	optPath    = "path"
	optFormat  = "format"
	optMonitor = "source.monitor-interval"
	optRegex   = "source.path.regex-pattern"
)

type connector struct{ stores *objstore.Stores }

// resolve completes a table without columns with those of its first file.
func (c *connector) resolve(ctx context.Context, t job.Table) (job.Table, error) {
	if _, err := c.options(t); err != nil {
		return t, err
	}
	if t.Schema.Schema != nil {
		return t, nil
	}
	files, err := c.stores.Find(ctx, t.Options[optPath], t.Options[optRegex], objstore.Properties(t.Options))
	if err != nil {
		return t, fmt.Errorf("find files of table %s: %w", t.Ident, err)
	}
	if len(files) == 0 {
		return t, fmt.Errorf("%w: table %s: no file matches %q", job.ErrInvalid, t.Ident, t.Options[optPath])
	}
	f, err := openObject(ctx, c.stores, files[0].URL, objstore.Properties(t.Options))
	if err != nil {
		return t, fmt.Errorf("columns of table %s: %w", t.Ident, err)
	}
	defer f.close()
	fields := f.Schema().Fields()
	for i := range fields { // a later file may lack the column
		fields[i].Nullable = true
	}
	t.Schema = job.Schema{Schema: arrow.NewSchema(fields, nil)}
	return t, nil
}

// options checks the options of t and returns the interval of discovery, 0 for none.
func (c *connector) options(t job.Table) (time.Duration, error) {
	if t.Options[optPath] == "" {
		return 0, fmt.Errorf("%w: table %s: option 'path' is missing", job.ErrInvalid, t.Ident)
	}
	if f := t.Options[optFormat]; f != "" && f != "parquet" {
		return 0, fmt.Errorf("%w: table %s: format %q is not parquet", job.ErrInvalid, t.Ident, f)
	}
	text, ok := t.Options[optMonitor]
	if !ok {
		return 0, nil
	}
	d, err := time.ParseDuration(strings.ReplaceAll(text, " ", ""))
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%w: table %s: option '%s' is %q; write it as 500ms, 10 s or 1m", job.ErrInvalid, t.Ident, optMonitor, text)
	}
	return d, nil
}

func (c *connector) source(_ context.Context, scan ops.Scan) (ops.Source, error) {
	interval, err := c.options(scan.Table)
	if err != nil {
		return nil, err
	}
	if scan.Table.Schema.Schema == nil {
		return nil, fmt.Errorf("%w: table %s has no columns", job.ErrInvalid, scan.Table.Ident)
	}
	s := &Source{stores: c.stores, table: scan.Table, paths: scan.Columns, interval: interval}
	if scan.Filter != nil {
		s.filter = scan.Filter.Expr
	}
	if s.paths == nil {
		for _, f := range scan.Table.Schema.Fields() {
			s.paths = append(s.paths, []string{f.Name})
		}
	}
	fields := make([]arrow.Field, len(s.paths))
	for i, p := range s.paths {
		if fields[i], err = declared(scan.Table.Schema.Schema, p); err != nil {
			return nil, fmt.Errorf("table %s: %w", scan.Table.Ident, err)
		}
	}
	s.schema = arrow.NewSchema(fields, nil)
	return s, nil
}

// declared finds the field at a path of a schema. Its name is the whole path.
func declared(schema *arrow.Schema, path []string) (arrow.Field, error) {
	if len(path) == 0 {
		return arrow.Field{}, fmt.Errorf("%w: empty column path", job.ErrInvalid)
	}
	at := schema.FieldIndices(path[0])
	if len(at) == 0 {
		return arrow.Field{}, fmt.Errorf("%w: no column %q", job.ErrInvalid, path[0])
	}
	f := schema.Field(at[0])
	nullable := f.Nullable
	for i, name := range path[1:] {
		row, ok := f.Type.(*arrow.StructType)
		if ok {
			f, ok = row.FieldByName(name)
		}
		if !ok {
			return f, fmt.Errorf("%w: column %q is %v and has no field %q",
				job.ErrInvalid, strings.Join(path[:i+1], "."), f.Type, name)
		}
		nullable = nullable || f.Nullable
	}
	f.Name, f.Nullable = strings.Join(path, "."), nullable
	return f, nil
}

// Source reads the files of a table. Its splits are runs of row groups.
type Source struct {
	stores   *objstore.Stores
	table    job.Table
	paths    [][]string
	schema   *arrow.Schema
	filter   expr.Expr // over schema, or nil
	interval time.Duration
}

var (
	_ ops.Source     = (*Source)(nil)
	_ ops.Discoverer = (*Source)(nil)
)

// Schema implements ops.Source: one column per path, named by the path with dots.
func (s *Source) Schema() *arrow.Schema { return s.schema }

// Bounded implements ops.Source.
func (s *Source) Bounded() bool { return s.interval == 0 }

// DiscoveryInterval implements ops.Discoverer.
func (s *Source) DiscoveryInterval() time.Duration { return max(s.interval, time.Millisecond) }

// Enumerator implements ops.Source.
func (s *Source) Enumerator(_ context.Context, state []byte) (ops.SplitEnumerator, error) {
	return newEnumerator(s, state)
}

// Reader implements ops.Source.
func (s *Source) Reader(_ context.Context, rt ops.Runtime) (ops.SplitReader, error) {
	return &splitReader{source: s, alloc: rt.Allocator()}, nil
}

// object is a File with the object it was opened from.
type object struct {
	*File
	obj *objstore.Object
}

func openObject(ctx context.Context, stores *objstore.Stores, url string, props map[string]string) (*object, error) {
	b, name, err := stores.Split(ctx, url, props)
	if err != nil {
		return nil, err
	}
	obj, err := b.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	f, err := Open(ctx, obj, obj.Size(), Options{Name: objstore.Redact(url)})
	if err != nil {
		_ = obj.Close() // nothing was written
		return nil, err
	}
	return &object{File: f, obj: obj}, nil
}

func (o *object) close() { _ = o.obj.Close() } // nothing was written

// version recognises the object's content, by its tag or else its size and time.
func (o *object) version() string {
	info := o.obj.Info()
	if info.ETag != "" {
		return strings.Trim(info.ETag, `"`)
	}
	return fmt.Sprintf("%x-%x", info.ModTime.UnixNano(), info.Size)
}
