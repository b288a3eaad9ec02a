package iceberg

import (
	"context"
	"fmt"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/scan"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/schemas"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/upsert"
	"github.com/wadi-engine/wadi/ops"
)

// Connector is the value "iceberg" of the option 'connector'.
func Connector(env catalog.Env) *ops.Connector {
	return &ops.Connector{
		Name:     catalog.ConnectorName,
		Options:  options,
		Projects: true,
		Filters:  true,
		Rows:     func(ctx context.Context, s ops.Scan) ops.Estimate { return scan.Estimate(ctx, s, env) },
		Resolve:  func(ctx context.Context, t job.Table) (job.Table, error) { return resolve(ctx, t, env) },
		Source:   func(ctx context.Context, s ops.Scan) (ops.Source, error) { return source(ctx, s, env) },
		Sink:     func(ctx context.Context, t job.Table) (ops.Sink, error) { return openSink(ctx, t, env) },

		Spread:     spread,
		Changes:    upsert.TakesChanges,
		KeyDeletes: upsert.TakesChanges,
		Keyed:      upsert.Upserts,
		AsOf: func(ctx context.Context, t job.Table, millis int64) (job.Table, error) {
			if _, err := parseTarget(t); err != nil {
				return t, err
			}
			return scan.AsOf(ctx, t, millis, env)
		},
		Partitions: func(ctx context.Context, t job.Table) (keys, partitions []string, err error) {
			return scan.Partitions(ctx, t, env)
		},
		Beside:     beside,
		Overwrites: true,
		Truncate:   func(ctx context.Context, t job.Table) error { return truncate(ctx, t, env) },
		Version: func(ctx context.Context, t job.Table) (string, map[string]string, error) {
			return version(ctx, t, env)
		},
	}
}

// source opens a table to be read. Its options for writers must be good ones, too.
func source(ctx context.Context, of ops.Scan, env catalog.Env) (ops.Source, error) {
	if _, err := parseTarget(of.Table); err != nil {
		return nil, err
	}
	return scan.Open(ctx, of, env)
}

// openSink opens the sink of a table, or of all tables that rows name.
func openSink(ctx context.Context, t job.Table, env catalog.Env) (ops.Sink, error) {
	if catalog.Dynamic(t.Options) {
		return newDynamicSink(ctx, t, env)
	}
	return newSink(ctx, t, env)
}

// resolve completes a declared table with the columns of the one in the
// catalog, when that is there.
func resolve(ctx context.Context, t job.Table, env catalog.Env) (job.Table, error) {
	to, err := parseTarget(t)
	if err != nil {
		return t, err
	}
	if t.Schema.Schema != nil && t.Schema.NumFields() > 0 {
		return t, nil
	}
	if to.Metadata != "" {
		t.Schema.Schema, err = scan.MetadataSchema(ctx, t, env)
		return t, err
	}
	c, found, err := to.Load(ctx, env)
	if err != nil {
		return t, err
	}
	defer c.Close()
	schema, err := schemas.ToEngine(found.Schema())
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
