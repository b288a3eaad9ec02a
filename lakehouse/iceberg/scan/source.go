package scan

import (
	"context"
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/read"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/schemas"
	"github.com/wadi-engine/wadi/ops"
)

// Source reads a table: one snapshot of it, or, as a stream, one snapshot after
// the other. Of one snapshot, it is bounded. Its splits are runs of row
// groups of the snapshot's data files, with the delete files that apply to
// them. The snapshot is chosen when the enumerator first looks; all splits are
// of it, whatever is committed meanwhile.
type Source struct {
	env   catalog.Env
	place catalog.Place
	plan  Plan
	what  *read.Selection
}

var (
	_ ops.Discoverer = (*Source)(nil)
	_ ops.Updating   = (*Source)(nil)
)

// Open makes the source of a scan: of a table, or of what is told about it.
func Open(ctx context.Context, scan ops.Scan, env catalog.Env) (ops.Source, error) {
	if metadata := scan.Table.Options[catalog.OptMetadata]; metadata != "" {
		return newMetadataSource(ctx, metadata, scan, env)
	}
	return newSource(ctx, scan, env)
}

func newSource(ctx context.Context, scan ops.Scan, env catalog.Env) (*Source, error) {
	at, err := catalog.PlaceOf(scan.Table)
	if err != nil {
		return nil, err
	}
	plan, err := ParsePlan(scan.Table)
	if err != nil {
		return nil, err
	}
	if catalog.Dynamic(scan.Table.Options) {
		return nil, fmt.Errorf("table %s: %w: a table with '%s' is written only", scan.Table.Ident, job.ErrInvalid, catalog.OptDynamic)
	}
	s := &Source{env: env, place: at, plan: plan}
	c, t, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := s.bind(t, scan); err != nil {
		return nil, fmt.Errorf("table %s: %w", at, err)
	}
	return s, nil
}

// bind finds the columns of the scan.
func (s *Source) bind(t *table.Table, scan ops.Scan) error {
	var then *ice.Schema
	if s.plan.thenSchema {
		snapshot, err := s.plan.version.of(t)
		if err != nil {
			return err
		}
		then = schemaThen(t, snapshot)
	}
	known := read.SchemasOf(t, then)
	declared, paths := scan.Table.Schema.Schema, scan.Columns
	if declared == nil || declared.NumFields() == 0 {
		var err error
		if declared, err = schemas.ToEngine(known[0]); err != nil {
			return err
		}
	}
	if paths == nil {
		for _, f := range declared.Fields() {
			paths = append(paths, []string{f.Name})
		}
	}
	columns, err := read.ColumnsOf(known, declared, paths)
	if err != nil {
		return err
	}
	s.what = read.Select(columns)
	if scan.Filter != nil {
		s.what.Filter = scan.Filter.Expr
	}
	return nil
}

// load opens the table; the catalog is the caller's to close.
func (s *Source) load(ctx context.Context) (*catalog.Catalog, *table.Table, error) {
	return s.place.Load(ctx, s.env)
}

// Schema implements ops.Source.
func (s *Source) Schema() *arrow.Schema { return s.what.Schema }

// Bounded implements ops.Source.
func (s *Source) Bounded() bool { return !s.plan.stream.on || s.plan.stream.end != 0 }

// DiscoveryInterval implements ops.Discoverer.
func (s *Source) DiscoveryInterval() time.Duration {
	if !s.plan.stream.on {
		return time.Minute // a table that ends is looked at once
	}
	return s.plan.stream.interval
}

// Updating implements ops.Updating.
func (s *Source) Updating() bool { return s.plan.stream.on && s.plan.stream.changelog }

// Enumerator implements ops.Source.
func (s *Source) Enumerator(_ context.Context, state []byte) (ops.SplitEnumerator, error) {
	if s.plan.stream.on {
		return newFollower(s, state)
	}
	return newEnumerator(s.place.String(), s.splits, state)
}

// Reader implements ops.Source.
func (s *Source) Reader(ctx context.Context, rt ops.Runtime) (ops.SplitReader, error) {
	c, t, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	r := &reader{source: s}
	ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	files, err := t.FS(ctx)
	if err != nil {
		r.cancel()
		return nil, fmt.Errorf("%w: files of table %s: %w", job.ErrUnavailable, s.place, err)
	}
	r.files = read.NewReader(ctx, t, files, rt.Allocator())
	return r, nil
}
