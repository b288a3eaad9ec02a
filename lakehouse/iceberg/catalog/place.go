package catalog

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
)

// Place is where a table is: in a catalog, or at a path without one.
type Place struct {
	Catalog, Database, Table string
	// Options are those of the table's declaration, with which its catalog is
	// opened.
	Options map[string]string
	Path    string // of a table without a catalog
	moved   bool   // its files are below path, whatever the metadata say
}

// PlaceOf reads the options of a table.
func PlaceOf(t job.Table) (Place, error) {
	get := func(key, fallback string) string {
		if v := t.Options[key]; v != "" {
			return v
		}
		return fallback
	}
	p := Place{
		Catalog:  get(OptCatalogName, t.Ident.Catalog),
		Database: get(OptCatalogDatabase, DefaultDatabase),
		Table:    get(OptCatalogTable, t.Ident.Name),
		Options:  t.Options,
		Path:     t.Options[OptPath],
	}
	var err error
	if p.moved, err = strconv.ParseBool(get(OptMoved, "false")); err != nil {
		return p, fmt.Errorf("table %s: %w: option %q is %q; want true or false", t.Ident, job.ErrInvalid, OptMoved, t.Options[OptMoved])
	}
	return p, nil
}

// String names the table in messages.
func (p Place) String() string {
	if p.Path != "" {
		return objstore.Redact(p.Path)
	}
	return p.Catalog + "." + p.Database + "." + p.Table
}

// OpenCatalog opens the catalog of the table, which is the caller's to close.
func (p Place) OpenCatalog(ctx context.Context, env Env) (*Catalog, error) {
	return Open(ctx, p.Catalog, p.Options, env)
}

// Load opens the table; the catalog, which is nil for a table at a path, is the
// caller's to close.
func (p Place) Load(ctx context.Context, env Env) (*Catalog, *table.Table, error) {
	if p.Path != "" {
		there, err := loadPath(ctx, p.Path, p.moved, objstore.Properties(p.Options), env)
		if err != nil {
			err = fmt.Errorf("open the Iceberg table at %s: %w", p, err)
		}
		return nil, there, err
	}
	c, err := p.OpenCatalog(ctx, env)
	if err != nil {
		return nil, nil, err
	}
	there, err := c.Load(ctx, p.Database, p.Table)
	if err != nil {
		return nil, nil, errors.Join(err, c.Close())
	}
	return c, there, nil
}
