// Package bind gives a statement its meaning: names become columns, functions
// and tables, every expression gets a type, and implicit casts become explicit.
// The result is a logical plan.
//
//	text ─parse→ ast ─bind→ logical ─optimize→ logical ─lower→ job.Graph
//
// Every error is a *diag.Error that names a place in the text. What Flink's
// dialect has and the engine cannot run yet is refused with "not supported
// yet: …" at its place.
package bind

import (
	"context"
	"time"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/catalog"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/function"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// Tables finds what FROM and INSERT INTO name.
type Tables interface {
	// Ident completes a dotted name with the current catalog and database.
	Ident(parts []string) (job.Ident, error)
	Table(ctx context.Context, id job.Ident) (*catalog.Table, error)
	// Near lists the names beside id, for suggestions.
	Near(ctx context.Context, id job.Ident) []string
	// Resolve checks the options of a table with its connector, which adds the
	// columns when the table declares none.
	Resolve(ctx context.Context, t job.Table) (job.Table, error)
	// AsOf gives t as it was at a time, a constant in milliseconds since 1970,
	// or says that its connector keeps no versions.
	AsOf(ctx context.Context, t *catalog.Table, at expr.Expr) (*catalog.Table, error)
	// InOrder reports a connector whose rows come in the order of event time.
	InOrder(connector string) bool
	// Function makes the table that a table function such as
	// read_parquet('…') stands for. ok is false when there is no such function.
	Function(name string, args []string, options map[string]string) (t *catalog.Table, ok bool)
	// FunctionNames lists those table functions.
	FunctionNames() []string
}

// Binder binds statements. The zero value of its options is a streaming
// session in UTC.
type Binder struct {
	Tables    Tables
	Functions *function.Catalogue
	// Batch says that the query runs to its end over bounded tables.
	Batch bool
	Zone  *time.Location // of literals of TIMESTAMP_LTZ; nil is UTC
	// Database is that of the session: CURRENT_DATABASE().
	Database string
	// Enforce says what is done about rows that a sink's columns do not allow.
	Enforce Enforcers
	// Kept says that the plan will be kept: tables whose options refer to what
	// may be secret are refused.
	Kept bool
	// Emits says that windows in GROUP BY may give results more than once.
	Emits bool
	// Base is the version of the table that an INSERT OVERWRITE replaces, where
	// its rows were computed from it; see job.Overwrite.
	Base string

	// Recursion makes the table of a query of WITH RECURSIVE.
	Recursion func(ctx context.Context, r Recursion) (job.Table, error)

	depth int     // of views within views
	outer []outer // the queries around the one that is being bound
	hints *blockHints
}

// maxViewDepth bounds views that read views.
const maxViewDepth = 64

// Query binds a query.
func (b *Binder) Query(ctx context.Context, q ast.Query) (logical.Node, error) {
	return b.query(ctx, q, nil)
}

// Expr binds an expression over the columns of one table, as in computed
// columns and in Go programs.
func (b *Binder) Expr(ctx context.Context, e ast.Expr, table string, in logical.Schema) (Value, error) {
	x := &exprs{b: b, ctx: ctx, scope: scopeOf(table, in)}
	return x.bind(e)
}

// ctes are the queries that WITH has named, innermost first.
type ctes struct {
	cte   ast.CTE
	outer *ctes // what the query itself sees
	next  *ctes
	// recursive says that the query may name itself; self is set where it does.
	recursive bool
	self      *self
}

func (c *ctes) find(name string) *ctes {
	for ; c != nil; c = c.next {
		if c.cte.Name == name {
			return c
		}
	}
	return nil
}

// columnOf is the column that v passes on, or -1.
func columnOf(v Value) int {
	if c, ok := v.Expr.(*expr.Column); ok {
		return c.Index
	}
	return -1
}

func unsupported(pos ast.Pos, what string) error { return diag.Unsupported(pos, what) }
