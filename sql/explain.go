package sql

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/sql/lower"
)

func (s *Session) explain(ctx context.Context, q *ast.Explain) (Result, error) {
	inserts := func(list ...*ast.Insert) (Result, error) {
		do := func() (Result, error) {
			b, err := s.bindInserts(ctx, list)
			return s.explained(ctx, b, q.Details, err)
		}
		if overwrites(list) {
			return s.inBatch(do)
		}
		return do()
	}
	switch stmt := q.Statement.(type) {
	case ast.Query:
		b, err := s.bindQuery(ctx, stmt)
		return s.explained(ctx, b, q.Details, err)
	case *ast.Insert:
		return inserts(stmt)
	case *ast.StatementSet:
		return inserts(stmt.Inserts...)
	case *ast.Update, *ast.Delete:
		r, err := s.rewritten(ctx, stmt)
		if err != nil {
			return nil, err
		}
		return s.rewriting(r, func(i *ast.Insert) (Result, error) { return inserts(i) })
	}
	return nil, diag.Unsupported(q.Statement.Position(), "EXPLAIN of this statement")
}

// explained is the answer of EXPLAIN for what was bound.
func (s *Session) explained(ctx context.Context, b *bound, details []ast.ExplainDetail, err error) (Result, error) {
	if err != nil {
		return nil, err
	}
	text, err := s.explainBound(ctx, b, details)
	if err != nil {
		return nil, err
	}
	return list("result", []string{text})
}

// Explain describes the plan of a query or of INSERTs, as EXPLAIN does.
func (s *Session) Explain(ctx context.Context, stmt ast.Statement) (string, error) {
	r, err := s.explain(ctx, &ast.Explain{Statement: stmt, Details: []ast.ExplainDetail{ast.ChangelogMode}})
	if err != nil {
		return "", err
	}
	rec := r.(*Rows).Record
	defer rec.Release()
	return rec.Column(0).ValueStr(0), nil
}

func (s *Session) explainBound(ctx context.Context, b *bound, details []ast.ExplainDetail) (string, error) {
	var out strings.Builder
	out.WriteString("== Abstract Syntax Tree ==\n")
	for i, r := range b.roots {
		if i > 0 {
			out.WriteString("\n")
		}
		if b.query != nil { // the sink of a SELECT is not in the query
			r = r.Inputs()[0]
		}
		out.WriteString(logical.Tree(r))
	}
	res, err := s.lower(ctx, b)
	if err != nil {
		return "", err
	}
	advised := slices.Contains(details, ast.PlanAdvice)
	out.WriteString(map[bool]string{false: "\n== Optimized Physical Plan ==\n", true: "\n== Optimized Physical Plan With Advice ==\n"}[advised])
	out.WriteString(graphText(res, b.query != nil, slices.Contains(details, ast.ChangelogMode), false))
	if advised {
		out.WriteString("\n" + advice(res, s.config.Batch()))
	}
	if slices.Contains(details, ast.EstimatedCost) {
		out.WriteString("\n== Estimated Rows ==\n" + s.costs(ctx, b))
	}
	out.WriteString("\n== Optimized Execution Plan ==\n" + graphText(res, b.query != nil, false, true))
	if slices.Contains(details, ast.JSONExecutionPlan) {
		text, err := executionJSON(&res.Graph)
		if err != nil {
			return "", err
		}
		out.WriteString("\n== Physical Execution Plan ==\n" + text)
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}

// printer writes a graph as trees that begin at the sinks.
type printer struct {
	out   strings.Builder
	res   *lower.Result
	modes bool
	reuse bool // print a vertex that several read once, and refer to it

	ids map[job.VertexID]int // of reused vertices that were printed
}

func graphText(res *lower.Result, query, modes, reuse bool) string {
	p := &printer{res: res, modes: modes, reuse: reuse, ids: map[job.VertexID]int{}}
	for i, sink := range res.Sinks {
		if i > 0 {
			p.out.WriteString("\n")
		}
		if query {
			for _, e := range res.Graph.Inputs(sink) {
				p.edge(e, "", "")
			}
			continue
		}
		p.vertex(sink, "", "")
	}
	return p.out.String()
}

func (p *printer) vertex(id job.VertexID, first, rest string) {
	v := p.res.Graph.Vertices[id]
	if p.reuse && len(p.res.Graph.Outputs(id)) > 1 {
		if n, ok := p.ids[id]; ok {
			fmt.Fprintf(&p.out, "%sReused(reference_id=[%d])\n", first, n)
			return
		}
		p.ids[id] = len(p.ids) + 1
		p.line(first, fmt.Sprintf("%s(reuse_id=[%d])", v.Name, p.ids[id]), id)
	} else {
		p.line(first, v.Name, id)
	}
	in := p.res.Graph.Inputs(id)
	for i, e := range in {
		if i < len(in)-1 {
			p.edge(e, rest+":- ", rest+":  ")
		} else {
			p.edge(e, rest+"+- ", rest+"   ")
		}
	}
}

// line writes one node, with the changes that it emits when asked for.
func (p *printer) line(first, name string, id job.VertexID) {
	if p.modes {
		mode := p.res.Modes[id].String()
		if p.res.Graph.Vertices[id].Kind == job.KindSink {
			mode = "NONE"
		}
		name = strings.TrimSuffix(name, ")") + ", changelogMode=[" + mode + "])"
	}
	p.out.WriteString(first + name + "\n")
}

// edge writes the exchange on an edge, if there is one, and what feeds it.
func (p *printer) edge(e job.Edge, first, rest string) {
	text := ""
	switch e.Partitioning {
	case job.ByKey:
		fields := p.res.Graph.Vertices[e.From].Output.Fields()
		names := make([]string, len(e.Keys))
		for i, k := range e.Keys {
			names[i] = fields[k].Name
		}
		text = "Exchange(distribution=[hash[" + strings.Join(names, ", ") + "]])"
	case job.Gather:
		text = "Exchange(distribution=[single])"
	case job.Custom:
		text = "Exchange(distribution=[" + e.How + "])"
	case job.Rebalance:
		text = "Exchange(distribution=[rebalance])"
	case job.Broadcast:
		text = "Exchange(distribution=[broadcast])"
	case job.Forward:
	}
	if text == "" {
		p.vertex(e.From, first, rest)
		return
	}
	p.line(first, text, e.From)
	p.vertex(e.From, rest+"+- ", rest+"   ")
}
