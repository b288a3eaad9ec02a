package sql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/internal/nearest"
	"github.com/wadi-engine/wadi/internal/reference"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/catalog"
	"github.com/wadi-engine/wadi/sql/diag"
)

// exists turns the error of what is there already into success under IF NOT
// EXISTS, and that of what is not there under IF EXISTS.
func exists(err error, ifNot bool) (Result, error) {
	if ifNot && (errors.Is(err, catalog.ErrExists) || errors.Is(err, catalog.ErrNotFound)) {
		err = nil
	}
	if err != nil {
		return nil, err
	}
	return ok()
}

func (s *Session) createCatalog(ctx context.Context, q *ast.CreateCatalog) (Result, error) {
	names, err := s.space.Catalogs()
	if err != nil {
		return nil, err
	}
	if slices.Contains(names, q.Name.Name) {
		return exists(diag.Wrap(q.Name.Pos, fmt.Errorf("%w: catalog %s", catalog.ErrExists, q.Name.Name)), q.IfNotExists)
	}
	d := catalog.Definition{Options: optionMap(q.Options)}
	if q.Comment != nil {
		d.Comment = q.Comment.Value
	}
	if d.Options["type"] == "" {
		return nil, diag.At(q.Pos, "CREATE CATALOG needs the option 'type', such as 'iceberg' or 'generic_in_memory'")
	}
	c, err := s.defined(ctx, q.Pos, q.Name.Name, d)
	if err != nil {
		return nil, err
	}
	return exists(s.space.Add(q.Name.Name, c, d), q.IfNotExists)
}

// defined opens the catalog of a definition.
func (s *Session) defined(ctx context.Context, pos ast.Pos, name string, d catalog.Definition) (catalog.Catalog, error) {
	if d.Options["type"] != "generic_in_memory" {
		return s.openCatalog(ctx, pos, name, d.Options)
	}
	db := d.Options["default-database"]
	if db == "" {
		db = "default"
	}
	return catalog.NewMemory(db), nil
}

// openCatalog opens a catalog that is kept outside of the session.
func (s *Session) openCatalog(ctx context.Context, pos ast.Pos, name string, options map[string]string) (catalog.Catalog, error) {
	if s.o.OpenCatalog == nil {
		return nil, diag.At(pos, "no catalog type '%s'; there is 'generic_in_memory'", options["type"])
	}
	resolved, err := reference.Options(options)
	if err != nil {
		return nil, diag.Wrap(pos, fmt.Errorf("catalog %s: %w", name, err))
	}
	c, err := s.o.OpenCatalog(ctx, name, resolved)
	if err != nil {
		return nil, fmt.Errorf("open catalog %s: %w", name, err)
	}
	return c, nil
}

func optionMap(list []ast.Option) map[string]string {
	out := make(map[string]string, len(list))
	for _, o := range list {
		out[o.Key] = o.Value
	}
	return out
}

// database completes the name of a database.
func (s *Session) database(n ast.Name) (cat, db string, err error) {
	switch len(n.Parts) {
	case 1:
		return s.space.Catalog, n.Parts[0], nil
	case 2:
		return n.Parts[0], n.Parts[1], nil
	}
	return "", "", diag.At(n.Pos, "a database is named database or catalog.database, not %s", n)
}

func (s *Session) createDatabase(ctx context.Context, q *ast.CreateDatabase) (Result, error) {
	cat, db, err := s.database(q.Name)
	if err != nil {
		return nil, err
	}
	c, err := s.space.Lookup(cat)
	if err != nil {
		return nil, err
	}
	options := optionMap(q.Options)
	if q.Comment != nil {
		options[catalog.CommentKey] = q.Comment.Value
	}
	return exists(c.CreateDatabase(ctx, db, options), q.IfNotExists)
}

func (s *Session) use(ctx context.Context, q *ast.Use) (Result, error) {
	if q.Catalog {
		return exists(diag.Wrap(q.Name.Pos, s.space.UseCatalog(ctx, q.Name.Last())), false)
	}
	cat, db, err := s.database(q.Name)
	if err != nil {
		return nil, err
	}
	return exists(diag.Wrap(q.Name.Pos, s.space.UseDatabase(ctx, cat, db)), false)
}

func (s *Session) drop(ctx context.Context, q *ast.Drop) (Result, error) {
	var err error
	switch q.Object {
	case ast.TableObject, ast.ViewObject:
		err = s.dropTable(ctx, q)
	case ast.DatabaseObject:
		var cat, db string
		if cat, db, err = s.database(q.Name); err != nil {
			return nil, err
		}
		if cat == s.space.Catalog && db == s.space.Database {
			return nil, diag.At(q.Name.Pos, "database %s is in use; USE another one first", db)
		}
		c, lookupErr := s.space.Lookup(cat)
		if err = lookupErr; err == nil {
			err = c.DropDatabase(ctx, db, q.Cascade)
		}
	case ast.CatalogObject:
		err = s.space.Remove(q.Name.Last())
	case ast.FunctionObject:
		return s.dropFunction(q)
	default:
		return nil, elsewhere(q)
	}
	if q.IfExists && errors.Is(err, catalog.ErrNotFound) {
		err = nil
	}
	return exists(diag.Wrap(q.Name.Pos, err), false)
}

func (s *Session) dropTable(ctx context.Context, q *ast.Drop) error {
	id, err := s.space.Ident(q.Name.Parts)
	if err != nil {
		return err
	}
	t, err := s.space.Table(ctx, id)
	if errors.Is(err, catalog.ErrNotFound) {
		near := nearest.Hint(id.Name, s.tables.Near(ctx, id), `"`)
		return &diag.Error{Line: q.Name.Line, Col: q.Name.Col, Msg: fmt.Sprintf("no table %q%s", q.Name.String(), near), Cause: err}
	}
	if err != nil {
		return err
	}
	if isView := t.View != nil; isView != (q.Object == ast.ViewObject) {
		is := map[bool]string{true: "VIEW", false: "TABLE"}[isView]
		return diag.At(q.Name.Pos, "%s is a %s; use DROP %s", q.Name, strings.ToLower(is), is)
	}
	return s.space.Drop(ctx, id, q.Temporary)
}

func (s *Session) alter(ctx context.Context, q *ast.Alter, text string) (Result, error) {
	switch q.Object {
	case ast.TableObject, ast.ViewObject:
	case ast.DatabaseObject:
		return s.alterDatabase(ctx, q)
	case ast.CatalogObject:
		return s.alterCatalog(ctx, q)
	default:
		return nil, elsewhere(q)
	}
	id, err := s.space.Ident(q.Name.Parts)
	if err != nil {
		return nil, err
	}
	t, err := s.space.Table(ctx, id)
	if err != nil {
		return exists(diag.Wrap(q.Name.Pos, err), q.IfExists)
	}
	if isView := t.View != nil; isView != (q.Object == ast.ViewObject) {
		is := map[bool]string{true: "VIEW", false: "TABLE"}[isView]
		return nil, diag.At(q.Name.Pos, "%s is a %s; use ALTER %s", q.Name, strings.ToLower(is), is)
	}
	if a, is := q.Action.(*ast.RenameTo); is {
		to, err := s.space.Ident(a.Name.Parts)
		if err != nil {
			return nil, err
		}
		if len(a.Name.Parts) > 1 && (to.Catalog != id.Catalog || to.Database != id.Database) {
			return nil, diag.At(a.Name.Pos, "a %s is renamed within its database", strings.ToLower(q.Object.String()))
		}
		return exists(s.space.Rename(ctx, id, a.Name.Last()), false)
	}
	t = t.Clone()
	if err := s.alterTable(ctx, t, q, text); err != nil {
		return nil, err
	}
	return exists(s.space.Alter(ctx, t), false)
}

// alterTable applies an action to a copy of the table.
func (s *Session) alterTable(ctx context.Context, t *catalog.Table, q *ast.Alter, text string) error {
	switch a := q.Action.(type) {
	case *ast.SetOptions:
		for _, o := range a.Options {
			t.Options[o.Key] = o.Value
		}
	case *ast.ResetOptions:
		if len(a.Options) == 0 {
			return diag.At(a.Pos, "RESET () names no option")
		}
		for _, o := range a.Options {
			if o.Key == "connector" {
				return diag.At(o.Pos, "option 'connector' cannot be reset")
			}
			delete(t.Options, o.Key)
		}
	case *ast.SetComment:
		t.Comment = a.Comment.Value
	case *ast.DropWatermark:
		if t.Watermark == nil {
			return diag.At(a.Pos, "table %s has no watermark", q.Name)
		}
		t.Watermark = nil
	case *ast.DropPrimaryKey:
		if len(t.PrimaryKey) == 0 {
			return diag.At(a.Pos, "table %s has no primary key", q.Name)
		}
		t.PrimaryKey = nil
	case *ast.AsQuery:
		return s.queryAs(ctx, t, a.Query, nil, text)
	default:
		return s.alterColumns(ctx, t, q)
	}
	return nil
}

func (s *Session) setConfig(q *ast.Set) (Result, error) {
	if q.Key == "" {
		return s.configRows()
	}
	if err := s.config.Set(q.Key, q.Value); err != nil {
		return nil, diag.Wrap(q.Pos, err)
	}
	if s.o.Notice != nil {
		s.o.Notice(q.Key)
	}
	return ok()
}
