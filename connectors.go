package wadi

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/wadi-engine/wadi/connect/blackhole"
	"github.com/wadi-engine/wadi/connect/datagen"
	"github.com/wadi-engine/wadi/connect/files"
	"github.com/wadi-engine/wadi/connect/hybrid"
	"github.com/wadi-engine/wadi/connect/kafka"
	"github.com/wadi-engine/wadi/connect/nexmark"
	"github.com/wadi-engine/wadi/connect/print"
	"github.com/wadi-engine/wadi/connect/rowfile"
	"github.com/wadi-engine/wadi/engine/statetable"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg"
	lake "github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
	"github.com/wadi-engine/wadi/lakehouse/parquet"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/recursion"
	"github.com/wadi-engine/wadi/ops/values"
	"github.com/wadi-engine/wadi/sql/catalog"
)

// connectors are those that come with Wadi and those of the options, by name.
func (e *Env) connectors() map[string]*ops.Connector {
	all := rowfile.Connectors(e.stores)
	all["parquet"] = parquet.NewConnector(e.stores)
	all["filesystem"] = filesystem(maps.Clone(all), files.Env{Stores: e.stores, Formats: map[string]files.Format{"parquet": parquetFiles}})
	tables := iceberg.Connector(e.lake())
	tables.Publishes = func(job.Table) bool { return true }
	for _, c := range append(append(kafka.Connectors(), services()...),
		datagen.Connector(), nexmark.Connector(), blackhole.Connector(), print.Connector(e.o.Stdout, e.o.Stderr),
		tables, statetable.Connector(e.openState), values.Connector(), recursion.Connector(e.recur), recursion.StepConnector(nil),
		(&collector{}).connector(), // for plans; every run has one of its own
	) {
		all[c.Name] = c
	}
	for _, c := range e.o.Connectors {
		all[c.Name] = c
	}
	var metadata []string
	for _, c := range all {
		metadata = append(metadata, c.Metadata...)
	}
	slices.Sort(metadata)
	parts := hybrid.Connector((&ops.Registry{Connectors: all}).Connector, slices.Compact(metadata))
	all[parts.Name] = parts
	return all
}

// lake is what Iceberg's catalogs and tables need of e.
func (e *Env) lake() lake.Env {
	return lake.Env{Stores: e.stores, Catalogs: e.o.Catalogs, Log: e.component("iceberg")}
}

// openCatalog opens what CREATE CATALOG declares.
func (e *Env) openCatalog(ctx context.Context, name string, options map[string]string) (catalog.Catalog, error) {
	if options["type"] != "iceberg" {
		return nil, fmt.Errorf("%w: catalog %s: option 'type' = '%s': want iceberg or generic_in_memory", job.ErrInvalid, name, options["type"])
	}
	if err := lake.CheckOptions(options); err != nil {
		return nil, fmt.Errorf("catalog %s: %w", name, err)
	}
	c, err := lake.Open(ctx, name, options, e.lake())
	if err != nil {
		return nil, err
	}
	if err := c.Prepare(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	e.closers = append(e.closers, c.Close)
	return &lakeCatalog{c}, nil
}
