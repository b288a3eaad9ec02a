package wadi

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	lake "github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/catalog"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/parse"
)

// Tables lists tables and views of a database, sorted.
func (c *lakeCatalog) Tables(ctx context.Context, database string) ([]string, error) {
	names, err := c.Catalog.Tables(ctx, database)
	if err != nil {
		return nil, translate(err)
	}
	views, err := c.Views(ctx, database)
	if err != nil {
		return nil, translate(err)
	}
	names = append(names, views...)
	slices.Sort(names)
	return slices.Compact(names), nil
}

// view reads a view that the catalog keeps.
func (c *lakeCatalog) view(ctx context.Context, database, name string) (*catalog.Table, error) {
	v, err := c.View(ctx, database, name)
	if err != nil {
		return nil, translate(err)
	}
	id := job.Ident{Catalog: c.Name(), Database: database, Name: name}
	query, err := parse.Query(v.SQL)
	if err != nil {
		return nil, fmt.Errorf("%w: view %s: its query, in the dialect %q, is not one that runs here: %w", job.ErrInvalid, id, v.Dialect, err)
	}
	out := &catalog.Table{Ident: id, Comment: v.Comment, Foreign: true, View: &catalog.View{Query: query, Text: v.SQL, Catalog: id.Catalog, Database: database}}
	if v.Schema == nil {
		return out, nil
	}
	for _, f := range v.Schema.Fields() {
		dt, ok := datatype.FromField(f)
		if !ok {
			return nil, fmt.Errorf("%w: view %s: column %s has type %v, which SQL does not have", job.ErrInvalid, id, f.Name, f.Type)
		}
		out.Columns = append(out.Columns, catalog.Column{Name: f.Name, Type: dt, Kind: ast.PhysicalColumn})
		out.View.Columns = append(out.View.Columns, f.Name)
	}
	return out, nil
}

// keepView keeps a view. Others will look its names up beside it, so it must have
// been made there.
func (c *lakeCatalog) keepView(ctx context.Context, t *catalog.Table, keep func(ctx context.Context, database, name string, v lake.View) error) error {
	if t.View.Catalog != t.Ident.Catalog || t.View.Database != t.Ident.Database {
		return fmt.Errorf("%w: view %s: names in a view that an Iceberg catalog keeps are looked up in its own database; "+
			"USE %s.%s first, or CREATE TEMPORARY VIEW", job.ErrInvalid, t.Ident, t.Ident.Catalog, t.Ident.Database)
	}
	var fields []arrow.Field
	for _, col := range t.Columns {
		fields = append(fields, datatype.ArrowField(col.Name, col.Type))
	}
	return translate(keep(ctx, t.Ident.Database, t.Ident.Name,
		lake.View{SQL: ast.SQL(t.View.Query), Schema: arrow.NewSchema(fields, nil), Comment: t.Comment}))
}
