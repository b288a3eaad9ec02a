package wadi

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/sql"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/parse"
)

// Pipeline is a job that writes to tables, ready to be started.
type Pipeline struct {
	env  *Env
	plan *sql.Plan
	err  error
}

// Iceberg names a table of an Iceberg catalog, which is created if it is not
// there.
type Iceberg struct {
	// Catalog is the catalog's name in SQL and, for a jdbc catalog, in its
	// database; "" is "lake".
	Catalog string
	// Warehouse is the directory or URL of the tables; with URI "" the catalog
	// is that directory ('catalog-type' = 'hadoop').
	Warehouse string
	// URI is the database of a jdbc catalog, such as "jdbc:sqlite:/data/cat.db".
	URI string
	// Database is "" for "default".
	Database, Table string
	// PartitionedBy are columns; Properties are the table's.
	PartitionedBy []string
	Properties    map[string]string
}

// WriteIceberg writes the Frame to an Iceberg table.
func (f *Frame) WriteIceberg(t Iceberg) *Pipeline {
	catalog, database := t.Catalog, t.Database
	if catalog == "" {
		catalog = "lake"
	}
	if database == "" {
		database = "default"
	}
	options := map[string]string{"type": "iceberg", "catalog-type": "hadoop", "warehouse": t.Warehouse}
	if t.URI != "" {
		options["catalog-type"], options["uri"] = "jdbc", t.URI
	}
	name := ast.NewName(catalog, database, t.Table)
	return f.insert(name, t.PartitionedBy, t.Properties,
		&ast.CreateCatalog{IfNotExists: true, Name: ast.Ident{Name: catalog}, Options: optionList(options)},
		&ast.CreateDatabase{IfNotExists: true, Name: ast.NewName(catalog, database)},
	)
}

// WriteFiles writes the Frame to files below a directory or URL; format is
// parquet, csv or json.
func (f *Frame) WriteFiles(format, path string, partitionedBy ...string) *Pipeline {
	f.env.mu.Lock()
	f.env.named++
	name := ast.NewName(fmt.Sprintf("frame_%d", f.env.named))
	f.env.mu.Unlock()
	return f.insert(name, partitionedBy, map[string]string{"connector": "filesystem", "path": path, "format": format})
}

// WriteTable writes the Frame to a table that is there: "t", "database.t" or
// "catalog.database.t".
func (f *Frame) WriteTable(name string) *Pipeline {
	return f.into(ast.NewName(strings.Split(name, ".")...))
}

// insert declares a table with the Frame's columns, after other statements,
// and writes to it.
func (f *Frame) insert(table ast.Name, partitionedBy []string, options map[string]string, before ...ast.Statement) *Pipeline {
	if f.err != nil {
		return &Pipeline{err: f.err}
	}
	create := &ast.CreateTable{IfNotExists: true, Temporary: len(before) == 0, Name: table, Options: optionList(options)}
	for _, c := range partitionedBy {
		create.Partitioned = append(create.Partitioned, ast.Ident{Name: c})
	}
	e := f.env
	e.mu.Lock()
	defer e.mu.Unlock()
	schema, err := e.session.Schema(noContext(), f.query)
	if err != nil {
		return &Pipeline{err: err}
	}
	for _, field := range schema.Fields() {
		t, ok := datatype.FromField(field)
		if !ok {
			return &Pipeline{err: fmt.Errorf("column %s of type %v cannot be written to a table", field.Name, field.Type)}
		}
		dt, err := parse.DataType(t.String())
		if err != nil {
			return &Pipeline{err: err}
		}
		create.Schema.Columns = append(create.Schema.Columns, ast.ColumnDef{Name: ast.NewName(field.Name), Type: dt})
	}
	for _, stmt := range append(before, create) {
		if _, err := e.session.Execute(noContext(), stmt, ""); err != nil {
			return &Pipeline{err: err}
		}
	}
	return f.compiled(table)
}

func (f *Frame) into(table ast.Name) *Pipeline {
	if f.err != nil {
		return &Pipeline{err: f.err}
	}
	f.env.mu.Lock()
	defer f.env.mu.Unlock()
	return f.compiled(table)
}

// compiled plans INSERT INTO table. The caller holds the Env's lock.
func (f *Frame) compiled(table ast.Name) *Pipeline {
	p, err := f.env.compile(noContext(), &ast.Insert{Table: table, Query: f.query}, "")
	return &Pipeline{env: f.env, plan: p, err: err}
}

func optionList(options map[string]string) []ast.Option {
	var list []ast.Option
	for _, k := range slices.Sorted(maps.Keys(options)) {
		list = append(list, ast.Option{Key: k, Value: options[k]})
	}
	return list
}

// Named gives the job a name, by which Restore finds it; otherwise it is made
// of the tables that are written.
func (p *Pipeline) Named(name string) *Pipeline {
	c := *p
	if c.plan != nil {
		plan := *c.plan
		plan.Graph.Name = name
		c.plan = &plan
	}
	return &c
}

// Start starts the job. With a checkpoint directory configured
// (execution.checkpointing.dir), it takes checkpoints, and restore says what it
// begins with.
func (p *Pipeline) Start(ctx context.Context, restore Restore) (*Run, error) {
	if p.err != nil {
		return nil, p.err
	}
	for _, advice := range p.env.unpublished(p.plan) {
		p.env.log.WarnContext(ctx, "rows stay invisible", slog.String("job_name", p.plan.Graph.Name), slog.String("advice", advice))
	}
	return p.env.start(ctx, p.plan, launch{restore: restore, checkpoint: true})
}

// Run starts the job and waits for its end.
func (p *Pipeline) Run(ctx context.Context) (Result, error) {
	r, err := p.Start(ctx, RestoreRefuse)
	if err != nil {
		return Result{}, err
	}
	return r.Wait()
}

// Bounded reports whether the job ends by itself.
func (p *Pipeline) Bounded() bool { return p.plan != nil && p.plan.Bounded }
