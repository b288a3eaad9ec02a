package files

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector/expr"
)

// partSource reads a table that has columns which are not in its files: inner
// reads the files, the names of their directories give the columns that the
// table is PARTITIONED BY, and the files themselves what is METADATA.
type partSource struct {
	inner       ops.Source
	stores      *objstore.Stores
	props       map[string]string
	fileOf      func(split string) string
	schema      *arrow.Schema
	columns     []partColumn
	conditions  []expr.Expr // over the columns of partitions
	defaultName string
}

// partColumn is a column of the result: one of inner, or, where that is -1, of
// a partition, or a piece of metadata.
type partColumn struct {
	inner int
	field arrow.Field
	meta  string // its key, or ""
}

var _ ops.Updating = (*partSource)(nil)

// Beside reports whether a table has columns that are not in its files.
func Beside(t job.Table) bool {
	return len(t.PartitionedBy) > 0 || t.Schema.Schema != nil && slices.ContainsFunc(t.Schema.Fields(), func(f arrow.Field) bool { return metaKey(f) != "" })
}

// Splits says how a format's files are read.
type Splits struct {
	// Open reads the files of a table whose columns are all in them.
	Open func(context.Context, ops.Scan) (ops.Source, error)
	// File is the URL of the file that a split reads.
	File func(split string) string
}

// NewSource reads a table that has columns beside those of its files.
func NewSource(ctx context.Context, s ops.Scan, env Env, by Splits) (ops.Source, error) {
	t := s.Table
	out := &partSource{
		stores: env.Stores, props: objstore.Properties(t.Options), fileOf: by.File,
		defaultName: settings(t.Options).text("partition.default-name", "__DEFAULT_PARTITION__"),
	}
	var data []arrow.Field
	for _, f := range t.Schema.Fields() {
		if !slices.Contains(t.PartitionedBy, f.Name) && metaKey(f) == "" {
			data = append(data, f)
		}
	}
	if len(data) == 0 {
		return nil, fmt.Errorf("%w: table %s: every column is of its partitions or METADATA; declare one that is in its files", errInvalid, t.Ident)
	}
	paths := s.Columns
	if paths == nil {
		for _, f := range t.Schema.Fields() {
			paths = append(paths, []string{f.Name})
		}
	}
	inner := s
	inner.Table.PartitionedBy, inner.Filter = nil, nil // the filter is over other columns
	inner.Table.Schema.Schema = arrow.NewSchema(data, nil)
	inner.Columns = [][]string{}
	for _, p := range paths {
		c, err := columnOf(t, p)
		if err != nil {
			return nil, err
		}
		if c.inner == 0 {
			c.inner = len(inner.Columns)
			inner.Columns = append(inner.Columns, p)
		}
		out.columns = append(out.columns, c)
	}
	if s.Filter != nil && s.Filter.Expr != nil {
		out.conditions = out.partitionConditions(s.Filter.Expr)
	}
	if len(inner.Columns) == 0 {
		inner.Columns = [][]string{{data[0].Name}} // of which only the rows count
	}
	var err error
	if out.inner, err = by.Open(ctx, inner); err != nil {
		return nil, err
	}
	fields := make([]arrow.Field, len(out.columns))
	for i := range out.columns {
		c := &out.columns[i]
		if c.inner >= 0 {
			c.field = out.inner.Schema().Field(c.inner)
		}
		fields[i] = c.field
	}
	out.schema = arrow.NewSchema(fields, nil)
	return out, nil
}

// columnOf is the column at a path: of the files, with 0 for its place, or not.
func columnOf(t job.Table, path []string) (partColumn, error) {
	at := t.Schema.FieldIndices(path[0])
	if len(at) != 1 {
		return partColumn{}, nil // whoever reads the files says that it is not there
	}
	f := t.Schema.Field(at[0])
	key := metaKey(f)
	if key == "" && !slices.Contains(t.PartitionedBy, f.Name) {
		return partColumn{}, nil
	}
	if len(path) > 1 {
		return partColumn{}, fmt.Errorf("%w: table %s: column %q has no fields", errInvalid, t.Ident, f.Name)
	}
	return partColumn{inner: -1, field: f, meta: key}, nil
}

// Schema implements ops.Source.
func (s *partSource) Schema() *arrow.Schema { return s.schema }

// Bounded implements ops.Source.
func (s *partSource) Bounded() bool { return s.inner.Bounded() }

// Updating implements ops.Updating.
func (s *partSource) Updating() bool {
	u, ok := s.inner.(ops.Updating)
	return ok && u.Updating()
}

// DiscoveryInterval implements ops.Discoverer.
func (s *partSource) DiscoveryInterval() time.Duration {
	if d, ok := s.inner.(ops.Discoverer); ok {
		return d.DiscoveryInterval()
	}
	return 0
}

// Reader implements ops.Source.
func (s *partSource) Reader(ctx context.Context, rt ops.Runtime) (ops.SplitReader, error) {
	r, err := s.inner.Reader(ctx, rt)
	return &partReader{SplitReader: r, source: s, alloc: rt.Allocator()}, err
}

// partReader puts the columns of its partition beside the rows of a file.
type partReader struct {
	ops.SplitReader
	source *partSource
	alloc  memory.Allocator

	split  string // whose partition values has
	known  string // the split of whose file this is
	file   objstore.Info
	values *expr.Program
}

// Fetch implements ops.SplitReader.
func (r *partReader) Fetch(ctx context.Context) (ops.Fetched, error) {
	f, err := r.SplitReader.Fetch(ctx)
	if err != nil || f.Batch == nil {
		return f, err
	}
	batch := f.Batch
	defer batch.Release()
	f.Batch = nil
	cols, err := r.partition(ctx, f.After.ID, batch.Rows)
	if err != nil {
		return f, err
	}
	all := make([]arrow.Array, len(r.source.columns))
	at := 0
	for i, c := range r.source.columns {
		if c.inner >= 0 {
			all[i] = batch.Rows.Column(c.inner)
			continue
		}
		all[i] = cols[at]
		at++
	}
	f.Batch = &stream.Batch{Rows: array.NewRecordBatch(r.source.schema, all, batch.Rows.NumRows()), Kinds: batch.Kinds, Marks: batch.Marks}
	for _, c := range cols {
		c.Release()
	}
	return f, nil
}

// partition is the values of the columns that are not in the file, for the rows
// of a split.
func (r *partReader) partition(ctx context.Context, split string, rec arrow.RecordBatch) ([]arrow.Array, error) {
	if r.values == nil || r.split != split {
		var list []expr.Expr
		for _, c := range r.source.columns {
			if c.inner >= 0 {
				continue
			}
			v, err := r.source.value(split, c)
			if c.meta != "" {
				v, err = r.metadata(ctx, split, c)
			}
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		var err error
		if r.values, err = expr.Compile(list, rec.Schema(), expr.Env{}); err != nil {
			return nil, fmt.Errorf("%w: partition of %s: %w", errInvalid, split, err)
		}
		r.split = split
	}
	cols, err := r.values.Eval(r.alloc, rec, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: partition of %s: %w", errInvalid, split, err)
	}
	return cols, nil
}

// value is that of a column of partitions, of which a directory of the split's
// file has the name: column=value.
func (s *partSource) value(split string, c partColumn) (expr.Expr, error) {
	if c.meta != "" {
		return s.place(split, c), nil
	}
	f := c.field
	key := "/" + string(escapePath(nil, f.Name)) + "="
	at := strings.LastIndex(split, key)
	if at < 0 {
		return nil, fmt.Errorf("%w: %s is in no directory %s…, but the table is PARTITIONED BY %s", errInvalid, split, key[1:], f.Name)
	}
	text, _, _ := strings.Cut(split[at+len(key):], "/")
	if text == s.defaultName {
		return &expr.Literal{Of: f.Type}, nil
	}
	plain, err := url.PathUnescape(text)
	if err != nil {
		return nil, fmt.Errorf("%w: directory %s%s: %w", errInvalid, key[1:], text, err)
	}
	return typed(&expr.Literal{Value: plain, Of: arrow.BinaryTypes.StringView}, f.Type), nil
}
