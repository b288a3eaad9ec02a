package iceberg

import (
	"context"
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/vector/expr"
)

// Source reads a table: one snapshot of it, or, as a stream, one snapshot after
// the other. Of one snapshot, it is bounded. Its splits are runs of row
// groups of the snapshot's data files, with the delete files that apply to
// them. The snapshot is chosen when the enumerator first looks; all splits are
// of it, whatever is committed meanwhile.
type Source struct {
	env     Env
	target  target
	columns []column
	schema  *arrow.Schema // of the batches
	filter  expr.Expr     // over schema, or nil
}

var (
	_ ops.Discoverer = (*Source)(nil)
	_ ops.Updating   = (*Source)(nil)
)

// open makes the source of a scan: of a table, or of what is told about it.
func open(ctx context.Context, scan ops.Scan, env Env) (ops.Source, error) {
	to, err := parseTarget(scan.Table)
	if err != nil {
		return nil, err
	}
	if to.metadata != "" {
		return newMetadataSource(ctx, to, scan, env)
	}
	return newSource(ctx, scan, env)
}

func newSource(ctx context.Context, scan ops.Scan, env Env) (*Source, error) {
	to, err := parseTarget(scan.Table)
	if err != nil {
		return nil, err
	}
	if dynamic(scan.Table.Options) {
		return nil, fmt.Errorf("table %s: %w: a table with '%s' is written only", scan.Table.Ident, job.ErrInvalid, optDynamic)
	}
	s := &Source{env: env, target: to}
	if scan.Filter != nil {
		s.filter = scan.Filter.Expr
	}
	c, t, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := s.bind(t, scan); err != nil {
		return nil, fmt.Errorf("table %s: %w", to, err)
	}
	return s, nil
}

// bind finds the columns of the scan.
func (s *Source) bind(t *table.Table, scan ops.Scan) error {
	var then *ice.Schema
	if s.target.thenSchema {
		snapshot, err := s.target.version.of(t)
		if err != nil {
			return err
		}
		then = schemaThen(t, snapshot)
	}
	schemas := schemasOf(t, then)
	declared, paths := scan.Table.Schema.Schema, scan.Columns
	if declared == nil || declared.NumFields() == 0 {
		var err error
		if declared, err = toEngine(schemas[0]); err != nil {
			return err
		}
	}
	if paths == nil {
		for _, f := range declared.Fields() {
			paths = append(paths, []string{f.Name})
		}
	}
	var err error
	if s.columns, err = columnsOf(schemas, declared, paths); err != nil {
		return err
	}
	fields := make([]arrow.Field, len(s.columns))
	for i, c := range s.columns {
		fields[i] = c.want
	}
	s.schema = arrow.NewSchema(fields, nil)
	return nil
}

// load opens the table; the catalog is the caller's to close.
func (s *Source) load(ctx context.Context) (*Catalog, *table.Table, error) {
	return s.target.load(ctx, s.env)
}

// Schema implements ops.Source.
func (s *Source) Schema() *arrow.Schema { return s.schema }

// Bounded implements ops.Source.
func (s *Source) Bounded() bool { return !s.target.stream.on || s.target.stream.end != 0 }

// DiscoveryInterval implements ops.Discoverer.
func (s *Source) DiscoveryInterval() time.Duration {
	if !s.target.stream.on {
		return time.Minute // a table that ends is looked at once
	}
	return s.target.stream.interval
}

// Updating implements ops.Updating.
func (s *Source) Updating() bool { return s.target.stream.on && s.target.stream.changelog }

// Enumerator implements ops.Source.
func (s *Source) Enumerator(_ context.Context, state []byte) (ops.SplitEnumerator, error) {
	if s.target.stream.on {
		return newFollower(s, state)
	}
	return newEnumerator(s, state)
}

// Reader implements ops.Source.
func (s *Source) Reader(ctx context.Context, rt ops.Runtime) (ops.SplitReader, error) {
	c, t, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	r := &reader{source: s, schemas: schemasOf(t, nil), mem: rt.Allocator()}
	if r.mapping = t.Metadata().NameMapping(); r.mapping == nil {
		r.mapping = t.Schema().NameMapping()
	}
	r.ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if r.files, err = t.FS(r.ctx); err != nil {
		r.cancel()
		return nil, fmt.Errorf("%w: files of table %s: %w", job.ErrUnavailable, s.target, err)
	}
	return r, nil
}
