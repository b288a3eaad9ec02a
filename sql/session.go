// Package sql runs statements of Flink's SQL dialect: it keeps what a session
// knows (configuration, catalogs), answers what is about that, and turns
// queries into job graphs for the caller to run.
//
//	text ─sql/parse→ ast ─sql/bind→ logical plan ─sql/optimize→ logical plan ─sql/lower→ job.Graph
package sql

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/values"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/bind"
	"github.com/wadi-engine/wadi/sql/catalog"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/function"
	"github.com/wadi-engine/wadi/sql/parse"
)

// Error is what is wrong with a statement, and where. It wraps job.ErrInvalid.
type Error = diag.Error

// Options make a session.
type Options struct {
	// Registry has the connectors that tables can name; required.
	Registry *ops.Registry
	// OpenCatalog opens what CREATE CATALOG declares; nil allows only the type
	// generic_in_memory. secrets in options are already resolved.
	OpenCatalog func(ctx context.Context, name string, options map[string]string) (catalog.Catalog, error)
	// Catalogs keeps the definitions of catalogs beyond the session; nil keeps none.
	Catalogs catalog.Store
	// Config is set before the first statement.
	Config map[string]string
	// Collect names the connector of the sink in which a SELECT ends; the
	// caller registers it. "" is "collect".
	Collect string
	// Now is the clock, in milliseconds since 1970, for CURRENT_TIMESTAMP and
	// its kin; nil stands at 1970.
	Now func() int64
	// Notice, if not nil, is told each key that is SET.
	Notice func(key string)
	// Jobs are what SHOW JOBS and STOP JOB are about; nil are none.
	Jobs Jobs
}

// Session executes statements one after another. It is not safe for use by
// several goroutines at once.
type Session struct {
	o         Options
	registry  *ops.Registry
	functions *function.Catalogue
	space     *catalog.Space
	config    Config
	// set gathers the INSERTs between BEGIN STATEMENT SET and END.
	set   []*ast.Insert
	inSet bool
	// compiling says that the plan will be kept in a file.
	compiling bool
	// base is what a statement that replaces a table computed its rows from; see
	// bind.Binder.
	base   string
	tables tables
	// goFunctions are the functions that are registered in Go; created are
	// those that statements created, with what stands behind AS.
	goFunctions map[string]bool
	created     map[string]string
}

// New makes a session.
func New(o Options) (*Session, error) {
	if o.Now == nil {
		o.Now = func() int64 { return 0 }
	}
	if o.Collect == "" {
		o.Collect = "collect"
	}
	reg := *o.Registry
	reg.Connectors = maps.Clone(reg.Connectors)
	if reg.Connectors == nil {
		reg.Connectors = map[string]*ops.Connector{}
	}
	if reg.Connectors[values.Name] == nil {
		reg.Connectors[values.Name] = values.Connector()
	}
	s := &Session{o: o, registry: &reg, functions: function.New(), space: catalog.NewSpace(), goFunctions: map[string]bool{}, created: map[string]string{}}
	s.tables = tables{s: s}
	if o.Catalogs != nil {
		s.space.Keep(o.Catalogs, func(ctx context.Context, name string, d catalog.Definition) (catalog.Catalog, error) {
			return s.defined(ctx, ast.Pos{}, name, d)
		})
	}
	for _, k := range slices.Sorted(maps.Keys(o.Config)) {
		if err := s.config.Set(k, o.Config[k]); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Config is the session's configuration.
func (s *Session) Config() *Config { return &s.config }

// Space is the names that the session sees.
func (s *Session) Space() *catalog.Space { return s.space }

// Functions lists the functions that queries can call, sorted.
func (s *Session) Functions() []string { return s.functions.Names() }

// Script parses text and executes its statements in turn. It calls each with
// every result; an error from it ends the script. Statements after a mistake
// are not executed, those before it are.
func (s *Session) Script(ctx context.Context, text string, each func(stmt ast.Statement, r Result) error) error {
	stmts, parseErr := parse.Script(text)
	for _, stmt := range stmts {
		r, err := s.Execute(ctx, stmt, text)
		if err != nil {
			return err
		}
		if err := each(stmt, r); err != nil {
			return err
		}
	}
	if parseErr == nil && s.inSet {
		return fmt.Errorf("%w: BEGIN STATEMENT SET without END", job.ErrInvalid)
	}
	return parseErr
}

// Execute executes one statement. text is what it was parsed from, for the
// errors; it may be "". Statements that run data give a *Plan, which the
// caller runs.
func (s *Session) Execute(ctx context.Context, stmt ast.Statement, text string) (Result, error) {
	r, err := s.execute(ctx, stmt, text)
	if err == nil {
		return r, nil
	}
	var pe *parse.Error
	if !errors.As(err, &pe) {
		err = diag.InText(diag.Wrap(stmt.Position(), err), text)
	}
	return nil, err
}

func (s *Session) execute(ctx context.Context, stmt ast.Statement, text string) (Result, error) {
	if s.inSet {
		return s.gather(ctx, stmt)
	}
	switch q := stmt.(type) {
	case ast.Query:
		return s.selectPlan(ctx, q)
	case *ast.Insert:
		return s.insertPlan(ctx, []*ast.Insert{q})
	case *ast.StatementSet:
		return s.insertPlan(ctx, q.Inserts)
	case *ast.BeginStatementSet:
		s.inSet, s.set = true, nil
		return &Done{Message: "Begin a statement set."}, nil
	case *ast.EndStatementSet:
		return nil, diag.At(q.Pos, "END without BEGIN STATEMENT SET")
	case *ast.Execute:
		return s.execute(ctx, q.Statement, text)
	case *ast.Explain:
		return s.explain(ctx, q)
	case *ast.Set:
		return s.setConfig(q)
	case *ast.Reset:
		if err := s.config.Reset(q.Key); err != nil {
			return nil, diag.Wrap(q.Pos, err)
		}
		return ok()
	case *ast.Show, *ast.ShowCreate, *ast.Describe:
		return s.show(ctx, stmt)
	}
	return s.define(ctx, stmt, text)
}

// gather collects a statement set.
func (s *Session) gather(ctx context.Context, stmt ast.Statement) (Result, error) {
	switch q := stmt.(type) {
	case *ast.Insert:
		s.set = append(s.set, q)
		return &Done{Message: "Add SQL update statement to the statement set."}, nil
	case *ast.EndStatementSet:
		set := s.set
		s.inSet, s.set = false, nil
		if len(set) == 0 {
			return &Done{Message: "No statement in the statement set, skip submit."}, nil
		}
		return s.insertPlan(ctx, set)
	}
	return nil, diag.At(stmt.Position(), "only INSERT and END may stand in a statement set")
}

func ok() (Result, error) { return &Done{Message: "OK"}, nil }

// define executes the statements that change catalogs.
func (s *Session) define(ctx context.Context, stmt ast.Statement, text string) (Result, error) {
	switch q := stmt.(type) {
	case *ast.CreateTable:
		return s.createTable(ctx, q)
	case *ast.CreateView:
		return s.createView(ctx, q, text)
	case *ast.CreateCatalog:
		return s.createCatalog(ctx, q)
	case *ast.CreateDatabase:
		return s.createDatabase(ctx, q)
	case *ast.CreateFunction:
		return s.createFunction(q)
	case *ast.AlterFunction:
		return s.alterFunction(q)
	case *ast.Drop:
		return s.drop(ctx, q)
	case *ast.Alter:
		return s.alter(ctx, q, text)
	case *ast.Use:
		return s.use(ctx, q)
	case *ast.AddJar:
		return nil, noJar(q.Pos)
	case *ast.RemoveJar:
		return nil, noJar(q.Pos)
	}
	return s.administer(ctx, stmt)
}

// administer executes what is left: modules, procedures, statistics.
func (s *Session) administer(ctx context.Context, stmt ast.Statement) (Result, error) {
	switch q := stmt.(type) {
	case *ast.LoadModule:
		return loadModule(q)
	case *ast.UnloadModule:
		return unloadModule(q)
	case *ast.UseModules:
		return useModules(q)
	case *ast.CallProcedure:
		return s.call(ctx, q)
	case *ast.CompilePlan:
		return s.compilePlan(ctx, q)
	case *ast.ExecutePlan:
		return s.readPlan(q.Path)
	case *ast.Analyze:
		return s.analyze(ctx, q)
	case *ast.Update, *ast.Delete:
		return s.rewritePlan(ctx, stmt)
	case *ast.Truncate:
		return s.truncate(ctx, q)
	case *ast.StopJob:
		return s.stopJob(ctx, q)
	case *ast.ExplainStuck:
		return s.explainStuck(ctx, q)
	}
	return nil, elsewhere(stmt)
}

// binder binds with the session's present state.
func (s *Session) binder() *bind.Binder {
	return &bind.Binder{
		Kept: s.compiling, Base: s.base,
		Enforce: bind.Enforcers{
			NotNull: strings.ToUpper(s.config.Get("table.exec.sink.not-null-enforcer")),
			Length:  strings.ToUpper(s.config.Get("table.exec.sink.type-length-enforcer")),
			Nested:  strings.ToUpper(s.config.Get("table.exec.sink.nested-constraint-enforcer")),
		},
		Tables: s.tables, Functions: s.functions, Batch: s.config.Batch(), Zone: s.config.Zone(), Database: s.space.Database,
		Recursion: s.recursion, Emits: s.config.emits(),
	}
}

// Result is what a statement gives. The set is closed: *Done, *Rows, *Plan.
//
//sumtype:decl
type Result interface{ result() }

// Done says that a statement without rows was carried out.
type Done struct{ Message string }

// Rows is the answer of SHOW, DESCRIBE, EXPLAIN and SET. The caller owns the
// record.
type Rows struct{ Record arrow.RecordBatch }

// Plan is a job to be run.
type Plan struct {
	Graph job.Graph
	// Query says that the statement is a SELECT: its graph ends in a sink
	// whose connector is Options.Collect, and Schema is that of its rows. An
	// INSERT has neither.
	Query  bool
	Schema *arrow.Schema
	// Updating says that the rows of the query come with kinds.
	Updating bool
	// Bounded says that the job ends by itself.
	Bounded bool
	// Tables are what INSERTs write to.
	Tables []job.Ident
}

func (*Done) result() {}
func (*Rows) result() {}
func (*Plan) result() {}
