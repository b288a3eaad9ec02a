package wadi

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/parse"
)

// reading is a table that a Frame reads, before other steps.
type reading struct {
	options   map[string]string
	watermark *ast.Watermark
}

// ReadParquet reads Parquet files: a path, a directory, a glob, or a URL of
// one. The columns are those of the first file.
func (e *Env) ReadParquet(path string) *Frame { return e.readFiles("parquet", path) }

// ReadCSV reads CSV files whose first line names the columns; their types are
// those that fit the first rows.
func (e *Env) ReadCSV(path string) *Frame { return e.readFiles("csv", path) }

// ReadJSON reads files with one JSON object per line.
func (e *Env) ReadJSON(path string) *Frame { return e.readFiles("json", path) }

// ReadArrow reads Arrow IPC files or streams.
func (e *Env) ReadArrow(path string) *Frame { return e.readFiles("arrow", path) }

func (e *Env) readFiles(format, path string) *Frame {
	return e.reading(reading{options: map[string]string{"connector": format, "path": path}})
}

// Read reads any connector, with the options that its tables have in SQL, such
// as {"connector": "nexmark", "events.num": "1000000"}. The connector must
// know its columns.
func (e *Env) Read(options map[string]string) *Frame {
	return e.reading(reading{options: maps.Clone(options)})
}

// reading declares a temporary table and reads it.
func (e *Env) reading(r reading) *Frame {
	e.mu.Lock()
	e.named++
	name := fmt.Sprintf("frame_%d", e.named)
	e.mu.Unlock()
	create := &ast.CreateTable{Temporary: true, Name: ast.NewName(name), Schema: ast.Schema{Watermark: r.watermark}}
	for _, k := range slices.Sorted(maps.Keys(r.options)) {
		create.Options = append(create.Options, ast.Option{Key: k, Value: r.options[k]})
	}
	f := &Frame{env: e, query: &ast.Select{Items: []ast.SelectItem{{Expr: &ast.Star{}}}, From: &ast.Table{Name: create.Name}}, read: &r}
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, err := e.session.Execute(noContext(), create, ""); err != nil {
		return f.fail(err)
	}
	return f
}

// Table reads a table of a catalog: "t", "database.t" or "catalog.database.t".
func (e *Env) Table(name string) *Frame {
	return &Frame{env: e, query: &ast.Select{
		Items: []ast.SelectItem{{Expr: &ast.Star{}}},
		From:  &ast.Table{Name: ast.NewName(strings.Split(name, ".")...)},
	}}
}

// SQL is the result of a query in Flink's dialect.
func (e *Env) SQL(query string) *Frame {
	stmt, err := parse.Statement(query)
	if err != nil {
		return &Frame{env: e, err: err}
	}
	q, ok := stmt.(ast.Query)
	if !ok {
		return &Frame{env: e, err: fmt.Errorf("%T gives no rows: use Execute", stmt)}
	}
	return &Frame{env: e, query: q, text: query}
}
