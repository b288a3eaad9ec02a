package sql

import (
	"context"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/catalog"
	"github.com/wadi-engine/wadi/sql/diag"
)

// replaceable finds the table that CREATE OR REPLACE TABLE … AS and REPLACE
// TABLE … AS put another one in place of; nil when there is none.
func (s *Session) replaceable(ctx context.Context, q *ast.CreateTable, t *catalog.Table) (*catalog.Table, error) {
	old, err := s.space.Table(ctx, t.Ident)
	switch {
	case catalog.IsNotFound(err) && q.Mode == ast.Replace:
		return nil, diag.At(q.Name.Pos, "no table %q; CREATE OR REPLACE TABLE makes one", q.Name.String())
	case catalog.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, diag.Wrap(q.Name.Pos, err)
	case old.View != nil:
		return nil, diag.At(q.Name.Pos, "%s is a view", q.Name)
	case old.Temporary && !t.Temporary:
		return nil, diag.At(q.Name.Pos, "a temporary table %s hides the table; DROP TEMPORARY TABLE it first", q.Name)
	case t.Temporary && !old.Temporary:
		return nil, nil // it will stand before the other one
	}
	c, err := s.space.Lookup(t.Ident.Catalog)
	if err != nil {
		return nil, diag.Wrap(q.Name.Pos, err)
	}
	if _, memory := c.(*catalog.Memory); !memory && !t.Temporary {
		return nil, diag.At(q.Name.Pos, "table %s keeps its rows in catalog %s, and cannot be replaced in one step; DROP TABLE it, then CREATE TABLE … AS", q.Name, t.Ident.Catalog)
	}
	if path := t.Options["path"]; path != "" && path == old.Options["path"] {
		return nil, diag.At(q.Name.Pos, "the files of table %s in '%s' stay, and would be rows of the new one; give it another 'path'", q.Name, path)
	}
	return old, nil
}

// put declares t in place of old, or anew when old is nil. undo takes it back.
func (s *Session) put(ctx context.Context, t, old *catalog.Table) (undo func() error, err error) {
	if old == nil {
		return func() error { return s.space.Drop(ctx, t.Ident, t.Temporary) }, s.space.Create(ctx, t)
	}
	return func() error { return s.space.Alter(ctx, old) }, s.space.Alter(ctx, t)
}
