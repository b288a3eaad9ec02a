package sql

import (
	"context"
	"errors"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/catalog"
	"github.com/wadi-engine/wadi/sql/diag"
)

func (s *Session) createView(ctx context.Context, q *ast.CreateView, text string) (Result, error) {
	id, err := s.space.Ident(q.Name.Parts)
	if err != nil {
		return nil, err
	}
	t := &catalog.Table{Ident: id, Temporary: q.Temporary}
	if q.Comment != nil {
		t.Comment = q.Comment.Value
	}
	if err := s.queryAs(ctx, t, q.As, q.Columns, text); err != nil {
		return nil, err
	}
	err = s.space.Create(ctx, t)
	if q.Mode != ast.CreateOrReplace || !errors.Is(err, catalog.ErrExists) {
		return exists(err, q.IfNotExists)
	}
	old, err := s.space.Table(ctx, id)
	if err == nil && old.View == nil {
		return nil, diag.At(q.Name.Pos, "%s is a table; DROP TABLE it first", q.Name)
	}
	if err == nil {
		err = s.space.Alter(ctx, t)
	}
	return exists(err, false)
}

// queryAs makes a query, whose columns may get other names, what a view stands for.
func (s *Session) queryAs(ctx context.Context, t *catalog.Table, query ast.Query, names []ast.Ident, text string) error {
	n, err := s.binder().Query(ctx, query)
	if err != nil {
		return err
	}
	t.View = &catalog.View{Query: query, Text: text, Catalog: s.space.Catalog, Database: s.space.Database}
	for _, c := range names {
		t.View.Columns = append(t.View.Columns, c.Name)
	}
	schema := n.Schema()
	if len(names) > 0 && len(names) != len(schema) {
		return diag.At(names[0].Pos, "the view names %d columns, its query has %d", len(names), len(schema))
	}
	seen := map[string]bool{}
	t.Columns = nil
	for i, c := range schema {
		if len(names) > 0 {
			c.Name = names[i].Name
		}
		if seen[c.Name] {
			return diag.At(query.Position(), "the view has two columns named %q; give one an alias", c.Name)
		}
		seen[c.Name] = true
		t.Columns = append(t.Columns, catalog.Column{Name: c.Name, Type: c.Type, Kind: ast.PhysicalColumn})
	}
	return nil
}
