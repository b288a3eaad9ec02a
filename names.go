package wadi

import (
	"slices"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/sql/ast"
)

// Zone is the session's time zone (table.local-time-zone), in which
// TIMESTAMP_LTZ is shown.
func (e *Env) Zone() *time.Location {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.session.Config().Zone()
}

// Tables lists the tables and views of the current database.
func (e *Env) Tables() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	names, err := e.session.Space().Tables(noContext(), e.session.Space().Catalog, e.session.Space().Database)
	if err != nil {
		return nil
	}
	return slices.Clone(names)
}

// Columns lists the columns of a table: "t", "database.t" or
// "catalog.database.t". It is empty when there is no such table.
func (e *Env) Columns(table string) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	q := &ast.Select{
		Items: []ast.SelectItem{{Expr: &ast.Star{}}},
		From:  &ast.Table{Name: ast.NewName(strings.Split(table, ".")...)},
	}
	schema, err := e.session.Schema(noContext(), q)
	if err != nil {
		return nil
	}
	names := make([]string, schema.NumFields())
	for i, f := range schema.Fields() {
		names[i] = f.Name
	}
	return names
}

// Functions lists the functions that queries can call.
func (e *Env) Functions() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.session.Functions()
}
