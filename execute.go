package wadi

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/sql"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/parse"
)

// Outcome is what one statement of a script gives: exactly one field is set.
type Outcome struct {
	// Message says that something was done: CREATE, USE, SET.
	Message string
	// Record is the answer of SHOW, DESCRIBE and EXPLAIN, with strings as
	// views. It is released when the callback returns.
	Record arrow.RecordBatch
	// Query is the rows of a SELECT, not computed yet.
	Query *Query
	// Pipeline is the job of an INSERT or of a statement set, not started yet.
	Pipeline *Pipeline
}

// Execute runs a script: statements of Flink's SQL dialect, separated by
// semicolons. It calls each with the outcome of every statement, in turn; an
// error from it ends the script. A mistake in the text is reported, with its
// line and column, when everything before it has been carried out.
func (e *Env) Execute(ctx context.Context, script string, each func(Outcome) error) error {
	stmts, parseErr := parse.Script(script)
	for _, stmt := range stmts {
		o, err := e.Statement(ctx, stmt, script)
		if err != nil {
			return err
		}
		err = each(o)
		if o.Record != nil {
			o.Record.Release()
		}
		if err != nil {
			return err
		}
	}
	return parseErr
}

// Statement carries out one parsed statement, but for its rows; text is what it
// was parsed from, for errors.
func (e *Env) Statement(ctx context.Context, stmt ast.Statement, text string) (Outcome, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if q, ok := stmt.(ast.Query); ok {
		p, err := e.compile(ctx, q, text)
		if err != nil {
			return Outcome{}, err
		}
		return Outcome{Query: e.newQuery(p)}, nil
	}
	r, err := e.session.Execute(ctx, stmt, text)
	if err != nil {
		return Outcome{}, err
	}
	switch r := r.(type) {
	case *sql.Done:
		return Outcome{Message: r.Message}, nil
	case *sql.Rows:
		return Outcome{Record: r.Record}, nil
	case *sql.Plan:
		if r.Query {
			return Outcome{Query: e.newQuery(r)}, nil
		}
		return Outcome{Pipeline: &Pipeline{env: e, plan: r}}, nil
	}
	panic("unknown result of a statement")
}

// Explain is the plan of the Frame, as EXPLAIN prints it.
func (f *Frame) Explain(ctx context.Context) (string, error) {
	if f.err != nil {
		return "", f.err
	}
	f.env.mu.Lock()
	defer f.env.mu.Unlock()
	r, err := f.env.session.Execute(ctx, &ast.Explain{Statement: f.query}, f.text)
	if err != nil {
		return "", err
	}
	rec := r.(*sql.Rows).Record
	defer rec.Release()
	var text string
	for i := range int(rec.NumRows()) {
		text += rec.Column(0).ValueStr(i) + "\n"
	}
	return text, nil
}
