package iceberg

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/schemas"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/upsert"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/write"
	"github.com/wadi-engine/wadi/ops"
)

// Sink appends rows to an Iceberg table, or replaces what is there.
type Sink struct {
	env     catalog.Env
	target  target
	columns *arrow.Schema // of the batches
	// overwrite is nil when rows are appended.
	overwrite *job.Overwrite
	aim       catalog.Aim
	// key is the primary key of a table whose rows are replaced and deleted by
	// it; without names, rows are appended.
	key upsert.Key
}

var _ ops.Dividing = (*Sink)(nil)

func newSink(ctx context.Context, t job.Table, env catalog.Env) (*Sink, error) {
	to, err := parseTarget(t)
	if err != nil {
		return nil, err
	}
	if err := to.writable(); err != nil {
		return nil, err
	}
	s := &Sink{env: env, target: to, columns: t.Schema.Schema, overwrite: t.Overwrite}
	if s.aim, err = catalog.AimOf(t.Options); err != nil {
		return nil, fmt.Errorf("table %s: %w", to, err)
	}
	s.key = upsert.KeyOf(t)
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
func (s *Sink) open(ctx context.Context) (*catalog.Catalog, error) {
	return s.target.OpenCatalog(ctx, s.env)
}

// load opens the table as it is now.
func (s *Sink) load(ctx context.Context) (*table.Table, error) {
	c, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	t, err := c.Load(ctx, s.target.Database, s.target.Table)
	return t, errors.Join(err, c.Close())
}

// prepareTable creates the table if it may, and checks that the columns fit.
func (s *Sink) prepareTable(ctx context.Context, c *catalog.Catalog, t job.Table) error {
	there, err := c.Load(ctx, s.target.Database, s.target.Table)
	if errors.Is(err, catalog.ErrNotFound) && s.target.create {
		if err := s.create(ctx, c, t); err != nil && !errors.Is(err, catalog.ErrExists) {
			return err
		}
		there, err = c.Load(ctx, s.target.Database, s.target.Table)
	}
	if errors.Is(err, catalog.ErrNotFound) {
		return fmt.Errorf("%w; CREATE TABLE it in the catalog, or set 'create-table' = 'true'", err)
	}
	if err != nil {
		return err
	}
	if s.columns == nil || s.columns.NumFields() == 0 {
		if s.columns, err = schemas.ToEngine(there.Schema()); err != nil {
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
	s.key.Columns = s.columns
	if err = s.key.Check(there, s.aim); err != nil {
		return fmt.Errorf("table %s: %w", s.target, err)
	}
	return nil
}

func (s *Sink) create(ctx context.Context, c *catalog.Catalog, t job.Table) error {
	err := c.CreateDatabase(ctx, s.target.Database, nil)
	if err != nil && !errors.Is(err, catalog.ErrExists) {
		return err
	}
	t.Ident = job.Ident{Catalog: s.target.Catalog, Database: s.target.Database, Name: s.target.Table}
	return c.CreateTable(ctx, t)
}

// fileSchema is the schema of the staged files: the columns of the batches,
// in their order, with the table's types and field ids.
func (s *Sink) fileSchema(t *table.Table) (*arrow.Schema, error) {
	all, err := schemas.FileSchema(t.Schema())
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", s.target, err)
	}
	fields := make([]arrow.Field, 0, s.columns.NumFields())
	written := map[string]bool{}
	for _, f := range s.columns.Fields() {
		at := all.FieldIndices(f.Name)
		if len(at) == 0 {
			return nil, fmt.Errorf("table %s: %w: it has no column %q; it has %q", s.target, job.ErrInvalid, f.Name, schemas.Names(all))
		}
		field := all.Field(at[0])
		if err := schemas.Convertible(f.Type, field.Type); err != nil {
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

// Writer opens the table as it is now for one task.
func (s *Sink) Writer(ctx context.Context, rt ops.Runtime) (ops.SinkWriter, error) {
	t, err := s.load(ctx)
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
	if s.key.Names != nil {
		w, err := upsert.NewWriter(ctx, upsert.Table{Name: s.target.String(), Key: s.key, Aim: s.aim, Load: s.load}, t, schema, rt)
		if err != nil {
			return nil, err
		}
		return w, nil
	}
	task := rt.Task()
	tag := catalog.SinkHash(ops.SinkID{Job: string(task.Job), Sink: task.UID})
	w, err := write.NewWriter(ctx, t, s.target.String(), tag, schema, rt.Allocator())
	if err != nil {
		return nil, err
	}
	w.TellEnd = s.overwrite != nil
	return w, nil
}

// Committer publishes what the writers of one sink have staged.
func (s *Sink) Committer(ctx context.Context, id ops.SinkID) (ops.Committer, error) {
	cat, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	c := newCommitter(s, id, cat)
	c.upkeep = newUpkeep(s.target.upkeep, c)
	if _, err := c.Published(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// checkAim refuses what cannot be written where the sink's snapshots go.
func (s *Sink) checkAim(t *table.Table) error {
	if err := s.aim.Check(t, s.target.Options); err != nil {
		return err
	}
	if s.overwrite != nil && s.aim.WapID != "" && t.Metadata().Version() > 2 {
		return fmt.Errorf("%w: INSERT OVERWRITE, UPDATE and DELETE cannot be staged by %q in a table of format 3; use %q", job.ErrInvalid, catalog.OptWapID, catalog.OptWapBranch)
	}
	if s.target.upkeep.rewrite != nil && (s.aim.WapID != "" || s.aim.Branch != table.MainBranch) {
		return fmt.Errorf("%w: data files are gathered on the branch main only, and the sink writes elsewhere; leave %q out", job.ErrInvalid, rewritePrefix+"enabled")
	}
	return nil
}
