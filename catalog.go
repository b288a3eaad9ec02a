package wadi

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	lake "github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/scan"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/catalog"
	"github.com/wadi-engine/wadi/sql/datatype"
)

var _ catalog.Catalog = (*lakeCatalog)(nil)

// lakeCatalog shows an Iceberg catalog to SQL.
type lakeCatalog struct{ *lake.Catalog }

// Table describes a table with the columns that SQL sees.
func (c *lakeCatalog) Table(ctx context.Context, database, name string) (*catalog.Table, error) {
	t, err := c.Catalog.Table(ctx, database, name)
	if errors.Is(err, lake.ErrNotFound) {
		if m, ok, merr := scan.MetadataTable(ctx, c.Catalog, database, name); ok {
			t, err = m, merr
		}
	}
	if errors.Is(err, lake.ErrNotFound) && c.KeepsViews() {
		if v, notView := c.view(ctx, database, name); !errors.Is(notView, catalog.ErrNotFound) {
			return v, notView
		}
	}
	if err != nil {
		return nil, translate(err)
	}
	options := maps.Clone(t.Options)
	if options == nil {
		options = make(map[string]string)
	}
	options["connector"] = t.Connector
	out := &catalog.Table{Ident: t.Ident, PrimaryKey: t.PrimaryKey, PartitionedBy: t.PartitionedBy, Options: options, Foreign: true}
	for _, f := range t.Schema.Fields() {
		dt, ok := datatype.FromField(f)
		if !ok {
			return nil, fmt.Errorf("%w: table %s: column %s has type %v, which SQL does not have", job.ErrInvalid, t.Ident, f.Name, f.Type)
		}
		out.Columns = append(out.Columns, catalog.Column{Name: f.Name, Type: dt, Kind: ast.PhysicalColumn})
	}
	return out, nil
}

// table is t for the lakehouse.
func (c *lakeCatalog) table(t *catalog.Table) (job.Table, error) {
	if t.Watermark != nil {
		return job.Table{}, fmt.Errorf("%w: table %s: an Iceberg table keeps no WATERMARK; declare it on a temporary table", job.ErrInvalid, t.Ident)
	}
	var fields []arrow.Field
	for _, col := range t.Columns {
		if col.Kind != ast.PhysicalColumn {
			return job.Table{}, fmt.Errorf("%w: table %s: column %s is not physical; an Iceberg table keeps no computed columns", job.ErrInvalid, t.Ident, col.Name)
		}
		fields = append(fields, datatype.ArrowField(col.Name, col.Type))
	}
	return job.Table{
		Ident: t.Ident, Connector: lake.ConnectorName, Options: t.Options, PrimaryKey: t.PrimaryKey,
		PartitionedBy: t.PartitionedBy, Schema: job.Schema{Schema: arrow.NewSchema(fields, nil)},
	}, nil
}

// CreateTable creates a table or keeps a view.
func (c *lakeCatalog) CreateTable(ctx context.Context, t *catalog.Table) error {
	if t.View != nil {
		return c.keepView(ctx, t, c.CreateView)
	}
	jt, err := c.table(t)
	if err != nil {
		return err
	}
	return translate(c.Catalog.CreateTable(ctx, jt))
}

func (c *lakeCatalog) AlterTable(ctx context.Context, t *catalog.Table) error {
	if t.View != nil {
		return c.keepView(ctx, t, c.ReplaceView)
	}
	jt, err := c.table(t)
	if err != nil {
		return err
	}
	renamed := map[string]string{}
	for _, col := range t.Columns {
		if col.Was != "" {
			renamed[col.Name] = col.Was
		}
	}
	return translate(c.Catalog.AlterTable(ctx, jt, renamed))
}

func (c *lakeCatalog) CreateDatabase(ctx context.Context, name string, options map[string]string) error {
	return translate(c.Catalog.CreateDatabase(ctx, name, options))
}

func (c *lakeCatalog) DropDatabase(ctx context.Context, name string, cascade bool) error {
	return translate(c.Catalog.DropDatabase(ctx, name, cascade))
}

// RenameTable renames a table or a view.
func (c *lakeCatalog) RenameTable(ctx context.Context, database, from, to string) error {
	if c.KeepsViews() {
		if _, err := c.View(ctx, database, from); err == nil {
			return translate(c.RenameView(ctx, database, from, to))
		}
	}
	return translate(c.Catalog.RenameTable(ctx, database, from, to))
}

// DropTable drops a table or a view.
func (c *lakeCatalog) DropTable(ctx context.Context, database, name string) error {
	err := c.Catalog.DropTable(ctx, database, name)
	if errors.Is(err, lake.ErrNotFound) && c.KeepsViews() {
		if notView := c.DropView(ctx, database, name); !errors.Is(notView, lake.ErrNotFound) {
			err = notView
		}
	}
	return translate(err)
}

// translate says in SQL's terms what the lakehouse reports.
func translate(err error) error {
	switch {
	case errors.Is(err, lake.ErrNotFound):
		return fmt.Errorf("%w: %w", catalog.ErrNotFound, err)
	case errors.Is(err, lake.ErrExists):
		return fmt.Errorf("%w: %w", catalog.ErrExists, err)
	}
	return err
}
