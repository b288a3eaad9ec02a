package iceberg

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

// Connector is the value "iceberg" of the option 'connector'.
func Connector(env Env) *ops.Connector {
	return &ops.Connector{
		Name:     ConnectorName,
		Options:  options,
		Projects: true,
		Filters:  true,
		Rows:     func(ctx context.Context, s ops.Scan) ops.Estimate { return estimate(ctx, s, env) },
		Resolve:  func(ctx context.Context, t job.Table) (job.Table, error) { return resolve(ctx, t, env) },
		Source:   func(ctx context.Context, s ops.Scan) (ops.Source, error) { return open(ctx, s, env) },
		Sink:     func(ctx context.Context, t job.Table) (ops.Sink, error) { return openSink(ctx, t, env) },

		Spread:     spread,
		Changes:    takesChanges,
		KeyDeletes: takesChanges,
		Keyed:      upserts,
		AsOf: func(ctx context.Context, t job.Table, millis int64) (job.Table, error) {
			return asOfTime(ctx, t, millis, env)
		},
		Overwrites: true,
		Truncate:   func(ctx context.Context, t job.Table) error { return truncate(ctx, t, env) },
		Version: func(ctx context.Context, t job.Table) (string, map[string]string, error) {
			return version(ctx, t, env)
		},
	}
}

// openSink opens the sink of a table, or of all tables that rows name.
func openSink(ctx context.Context, t job.Table, env Env) (ops.Sink, error) {
	if dynamic(t.Options) {
		return newDynamicSink(ctx, t, env)
	}
	return newSink(ctx, t, env)
}

// resolve completes a declared table with the columns of the one in the
// catalog, when that is there.
func resolve(ctx context.Context, t job.Table, env Env) (job.Table, error) {
	to, err := parseTarget(t)
	if err != nil {
		return t, err
	}
	if t.Schema.Schema != nil && t.Schema.NumFields() > 0 {
		return t, nil
	}
	if to.metadata != "" {
		t.Schema.Schema, err = to.metadataSchema(ctx, env)
		return t, err
	}
	c, found, err := to.load(ctx, env)
	if err != nil {
		return t, err
	}
	defer c.Close()
	schema, err := toEngine(found.Schema())
	if err != nil {
		return t, fmt.Errorf("table %s: %w", to, err)
	}
	t.Schema = job.Schema{Schema: schema}
	t.PrimaryKey = nil
	for _, id := range found.Schema().IdentifierFieldIDs {
		key, _ := found.Schema().FindColumnName(id)
		t.PrimaryKey = append(t.PrimaryKey, key)
	}
	return t, nil
}

// Sink appends rows to an Iceberg table, or replaces what is there.
type Sink struct {
	env     Env
	target  target
	columns *arrow.Schema // of the batches
	// overwrite is nil when rows are appended.
	overwrite *job.Overwrite
	aim       aim
	// key is the primary key of a table whose rows are replaced and deleted by
	// it; nil when rows are appended.
	key  []string
	mode upsertMode
}

var _ ops.Sink = (*Sink)(nil)

func newSink(ctx context.Context, t job.Table, env Env) (*Sink, error) {
	to, err := parseTarget(t)
	if err != nil {
		return nil, err
	}
	if to.path != "" || to.metadata != "" {
		return nil, fmt.Errorf("%w: table %s is only read: to write, name its catalog", job.ErrInvalid, to)
	}
	s := &Sink{env: env, target: to, columns: t.Schema.Schema, overwrite: t.Overwrite}
	if s.aim, err = aimOf(t.Options); err != nil {
		return nil, fmt.Errorf("table %s: %w", to, err)
	}
	if upserts(t) {
		s.key, s.mode = t.PrimaryKey, byPosition
		if mode := t.Options[optUpsertMode]; mode != "" {
			s.mode = upsertMode(mode)
		}
	}
	c, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := s.prepareTable(ctx, c, t); err != nil {
		return nil, err
	}
	return s, nil
}

// open opens the catalog. Whoever calls it closes it: a sink lives as long as
// its graph, and nobody closes that.
func (s *Sink) open(ctx context.Context) (*Catalog, error) {
	return Open(ctx, s.target.catalog, s.target.options, s.env)
}

// prepareTable creates the table if it may, and checks that the columns fit.
func (s *Sink) prepareTable(ctx context.Context, c *Catalog, t job.Table) error {
	there, err := c.load(ctx, s.target.database, s.target.table)
	if errors.Is(err, ErrNotFound) && s.target.create {
		if err := s.create(ctx, c, t); err != nil && !errors.Is(err, ErrExists) {
			return err
		}
		there, err = c.load(ctx, s.target.database, s.target.table)
	}
	if errors.Is(err, ErrNotFound) {
		return fmt.Errorf("%w; CREATE TABLE it in the catalog, or set 'create-table' = 'true'", err)
	}
	if err != nil {
		return err
	}
	if s.columns == nil || s.columns.NumFields() == 0 {
		if s.columns, err = toEngine(there.Schema()); err != nil {
			return fmt.Errorf("table %s: %w", s.target, err)
		}
	}
	err = s.checkAim(there)
	if err == nil {
		err = s.checkFiles(there)
	}
	if err != nil {
		return fmt.Errorf("table %s: %w", s.target, err)
	}
	if _, err = s.fileSchema(there); err != nil {
		return err
	}
	return s.checkKey(there)
}

func (s *Sink) create(ctx context.Context, c *Catalog, t job.Table) error {
	err := c.CreateDatabase(ctx, s.target.database, nil)
	if err != nil && !errors.Is(err, ErrExists) {
		return err
	}
	t.Ident = job.Ident{Catalog: s.target.catalog, Database: s.target.database, Name: s.target.table}
	return c.CreateTable(ctx, t)
}

// fileSchema is the schema of the staged files: the columns of the batches,
// in their order, with the table's types and field ids.
func (s *Sink) fileSchema(t *table.Table) (*arrow.Schema, error) {
	all, err := table.SchemaToArrowSchema(t.Schema(), nil, true, false)
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", s.target, err)
	}
	fields := make([]arrow.Field, 0, s.columns.NumFields())
	written := map[string]bool{}
	for _, f := range s.columns.Fields() {
		at := all.FieldIndices(f.Name)
		if len(at) == 0 {
			return nil, fmt.Errorf("table %s: %w: it has no column %q; it has %q", s.target, job.ErrInvalid, f.Name, names(all))
		}
		field := all.Field(at[0])
		if err := convertible(f.Type, field.Type); err != nil {
			return nil, fmt.Errorf("table %s: column %q: %w", s.target, f.Name, err)
		}
		fields = append(fields, field)
		written[f.Name] = true
	}
	for _, f := range all.Fields() {
		if !f.Nullable && !written[f.Name] {
			return nil, fmt.Errorf("table %s: %w: column %q is required and is not written", s.target, job.ErrInvalid, f.Name)
		}
	}
	return arrow.NewSchema(fields, nil), nil
}

func names(s *arrow.Schema) []string {
	out := make([]string, s.NumFields())
	for i, f := range s.Fields() {
		out[i] = f.Name
	}
	return out
}

// Writer opens the table as it is now for one task.
func (s *Sink) Writer(ctx context.Context, rt ops.Runtime) (ops.SinkWriter, error) {
	c, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	t, err := c.load(ctx, s.target.database, s.target.table)
	if err != nil {
		return nil, err
	}
	schema, err := s.fileSchema(t)
	if err != nil {
		return nil, err
	}
	if t, err = s.tuned(t); err != nil {
		return nil, err
	}
	if s.key != nil {
		return newUpserter(ctx, s, t, schema, rt)
	}
	w, err := newWriter(ctx, t, s.target.String(), schema, rt)
	if err != nil {
		return nil, err
	}
	w.ends = s.overwrite != nil
	return w, nil
}

// Committer publishes what the writers of one sink have staged.
func (s *Sink) Committer(ctx context.Context, id ops.SinkID) (ops.Committer, error) {
	catalog, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	c := &Committer{sink: s, id: id, catalog: catalog}
	c.upkeep = newUpkeep(s.target.upkeep, c)
	if _, err := c.Published(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}
