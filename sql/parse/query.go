package parse

import "github.com/wadi-engine/wadi/sql/ast"

// query reads a query with everything that may belong to it: WITH, set operations, ORDER BY, LIMIT.
func (p *parser) query() ast.Query {
	p.enter()
	defer p.leave()
	if !p.is("WITH") {
		pos := p.pos()
		return p.ordered(pos, p.setOps(p.queryTerm(), 0))
	}
	w := &ast.With{Pos: p.advance().pos, Recursive: p.accept("RECURSIVE")}
	w.CTEs = list(p, p.cte)
	pos := p.pos()
	w.Body = p.ordered(pos, p.setOps(p.queryTerm(), 0))
	return w
}

func (p *parser) cte() ast.CTE {
	c := ast.CTE{Ident: p.ident()}
	if p.is("(") {
		c.Columns = p.idents()
	}
	p.expect("AS", "(")
	c.Query = p.query()
	p.expect(")")
	return c
}

// continuesQuery reports whether what stands here goes on with a query that was in parentheses.
func (p *parser) continuesQuery() bool {
	return p.isAny("UNION", "EXCEPT", "MINUS", "SET_MINUS", "INTERSECT", "ORDER", "LIMIT", "OFFSET", "FETCH")
}

// queryFrom goes on after a query in parentheses, which began at pos.
func (p *parser) queryFrom(pos ast.Pos, left ast.Query) ast.Query {
	return p.ordered(pos, p.setOps(left, 0))
}

// setOps reads the set operations after a query; INTERSECT, of strength 1, holds tighter.
func (p *parser) setOps(left ast.Query, loosest int) ast.Query {
	for n := 0; ; n++ {
		p.chained(n)
		op, strength := ast.Union, 0
		switch p.cur().key {
		case "UNION":
		case "EXCEPT", "MINUS", "SET_MINUS":
			op = ast.Except
		case "INTERSECT":
			op, strength = ast.Intersect, 1
		default:
			return left
		}
		if strength < loosest {
			return left
		}
		s := &ast.SetOp{Pos: p.advance().pos, Op: op, Left: left}
		if s.All = p.accept("ALL"); !s.All {
			p.accept("DISTINCT")
		}
		s.Right = p.setOps(p.queryTerm(), strength+1)
		left = s
	}
}

// queryTerm reads one SELECT, VALUES, TABLE, or a query in parentheses.
func (p *parser) queryTerm() ast.Query {
	tok := p.cur()
	switch tok.key {
	case "SELECT":
		return p.selectQuery()
	case "VALUES":
		p.advance()
		return &ast.Values{Pos: tok.pos, Rows: list(p, p.expr)}
	case "TABLE":
		p.advance()
		return &ast.TableQuery{Pos: tok.pos, Name: p.name()}
	case "(":
		p.advance()
		q := p.query()
		p.expect(")")
		return q
	}
	for _, w := range []string{"SELECT", "VALUES", "WITH", "TABLE", "("} {
		p.missed.add(p.at, w)
	}
	p.unexpected()
	return nil
}

// ordered reads ORDER BY, LIMIT, OFFSET and FETCH after a query that began at pos.
func (p *parser) ordered(pos ast.Pos, body ast.Query) ast.Query {
	o := &ast.Ordered{Pos: pos, Body: body}
	limited := false
	if p.acceptAll("ORDER", "BY") {
		o.OrderBy = list(p, p.orderItem)
	}
	if p.accept("LIMIT") {
		limited = true
		if !p.accept("ALL") {
			o.Limit = p.number()
			if p.accept(",") {
				o.Offset, o.Limit = o.Limit, p.number()
			}
		}
	}
	if o.Offset == nil && p.accept("OFFSET") {
		o.Offset = p.number()
		p.acceptAny("ROW", "ROWS")
	}
	if !limited && p.accept("FETCH") {
		p.expectAny("FIRST", "NEXT")
		o.Limit = p.number()
		p.expectAny("ROWS", "ROW")
		p.expect("ONLY")
	}
	if o.OrderBy == nil && o.Limit == nil && o.Offset == nil {
		return body
	}
	return o
}

// number reads an unsigned whole number.
func (p *parser) number() ast.Expr {
	tok := p.cur()
	if tok.kind != tokNumber {
		p.want("number")
	}
	for i := range len(tok.text) {
		if !isDigit(tok.text[i]) {
			p.failf(tok.pos, "expected a whole number, got %s", clip(tok.text))
		}
	}
	p.advance()
	return &ast.Number{Pos: tok.pos, Text: tok.text}
}

func (p *parser) orderItem() ast.OrderItem {
	item := ast.OrderItem{Expr: p.expr()}
	if !p.accept("ASC") {
		item.Desc = p.accept("DESC")
	}
	switch {
	case p.acceptAll("NULLS", "FIRST"):
		item.Nulls = ast.NullsFirst
	case p.acceptAll("NULLS", "LAST"):
		item.Nulls = ast.NullsLast
	}
	return item
}

func (p *parser) selectQuery() ast.Query {
	s := &ast.Select{Pos: p.advance().pos, Hints: p.hints()}
	if p.is("STREAM") {
		p.advance() // says nothing: whether a query is a stream is a setting
	}
	if s.Distinct = p.accept("DISTINCT"); !s.Distinct {
		p.accept("ALL")
	}
	s.Items = list(p, p.selectItem)
	if p.accept("FROM") {
		s.From = p.from()
	}
	if p.accept("WHERE") {
		s.Where = p.expr()
	}
	if p.accept("GROUP") {
		s.GroupBy = p.groupBy()
	}
	if p.accept("HAVING") {
		s.Having = p.expr()
	}
	if p.accept("WINDOW") {
		s.Windows = list(p, func() ast.NamedWindow {
			w := ast.NamedWindow{Ident: p.ident()}
			p.expect("AS")
			w.Window = p.windowSpec()
			return w
		})
	}
	if p.accept("QUALIFY") {
		s.Qualify = p.expr()
	}
	return s
}

func (p *parser) selectItem() ast.SelectItem {
	if tok := p.cur(); tok.key == "*" {
		p.advance()
		return ast.SelectItem{Expr: &ast.Star{Pos: tok.pos}}
	}
	return ast.SelectItem{Expr: p.expr(), Alias: p.columnAlias()}
}

// columnAlias reads [AS] name, if it stands here.
func (p *parser) columnAlias() ast.Ident {
	if p.accept("AS") {
		return p.ident()
	}
	if !p.isName() {
		return ast.Ident{}
	}
	p.bareName = p.at
	return p.ident()
}

func (p *parser) groupBy() *ast.GroupBy {
	g := &ast.GroupBy{Pos: p.pos()}
	p.expect("BY")
	if g.Distinct = p.accept("DISTINCT"); !g.Distinct {
		p.accept("ALL")
	}
	g.Items = list(p, p.groupItem)
	return g
}

// groupItem reads an item of GROUP BY or of GROUPING SETS.
func (p *parser) groupItem() ast.Expr {
	p.enter()
	defer p.leave()
	tok := p.cur()
	g := &ast.Grouping{Pos: tok.pos}
	switch {
	case p.acceptAll("(", ")"):
		return &ast.Row{Pos: tok.pos}
	case p.acceptAll("GROUPING", "SETS"):
		g.Kind = ast.GroupingSets
	case p.acceptAll("CUBE", "("):
		g.Kind = ast.Cube
		p.at--
	case p.acceptAll("ROLLUP", "("):
		g.Kind = ast.Rollup
		p.at--
	default:
		return p.expr()
	}
	g.Items = parens(p, p.groupItem)
	return g
}

// windowRef reads what follows OVER: a name or a specification.
func (p *parser) windowRef() ast.Window {
	if p.is("(") {
		return p.windowSpec()
	}
	n := p.ident()
	return ast.Window{Pos: n.Pos, Base: n.Name, Named: true}
}

func (p *parser) windowSpec() ast.Window {
	w := ast.Window{Pos: p.pos()}
	p.expect("(")
	if p.isName() {
		w.Base = p.ident().Name
	}
	if p.acceptAll("PARTITION", "BY") {
		w.PartitionBy = list(p, p.expr)
	}
	if p.acceptAll("ORDER", "BY") {
		w.OrderBy = list(p, p.orderItem)
	}
	if p.isAny("ROWS", "RANGE") {
		w.Frame = p.frame()
	}
	if !p.acceptAll("ALLOW", "PARTIAL") {
		p.acceptAll("DISALLOW", "PARTIAL")
	}
	p.missed.add(p.at, "PARTITION BY")
	p.missed.add(p.at, "ORDER BY")
	p.expect(")")
	return w
}

func (p *parser) frame() *ast.Frame {
	tok := p.advance()
	f := &ast.Frame{Pos: tok.pos, Mode: ast.RowsFrame}
	if tok.key == "RANGE" {
		f.Mode = ast.RangeFrame
	}
	if !p.accept("BETWEEN") {
		f.Start = p.bound()
		return f
	}
	f.Start = p.bound()
	p.expect("AND")
	f.End = p.bound()
	return f
}

func (p *parser) bound() ast.Bound {
	switch {
	case p.acceptAll("CURRENT", "ROW"):
		return ast.Bound{Kind: ast.CurrentRow}
	case p.acceptAll("UNBOUNDED", "PRECEDING"):
		return ast.Bound{Kind: ast.UnboundedPreceding}
	case p.acceptAll("UNBOUNDED", "FOLLOWING"):
		return ast.Bound{Kind: ast.UnboundedFollowing}
	}
	b := ast.Bound{Offset: p.exprAt(ast.BindPredicate), Kind: ast.Preceding}
	if p.expectAny("PRECEDING", "FOLLOWING") == "FOLLOWING" {
		b.Kind = ast.Following
	}
	return b
}

// hints reads /*+ … */, if it stands here.
func (p *parser) hints() []ast.Hint {
	if !p.is("/*+") {
		return nil
	}
	p.advance()
	hints := []ast.Hint{p.hint()}
	for !p.accept("*/") {
		p.accept(",")
		hints = append(hints, p.hint())
	}
	return hints
}

func (p *parser) hint() ast.Hint {
	tok := p.cur()
	if tok.kind != tokWord && tok.kind != tokQuoted {
		p.want("name of a hint")
	}
	p.advance()
	h := ast.Hint{Pos: tok.pos, Name: tok.text}
	if !p.accept("(") {
		return h
	}
	for !p.is(")") {
		key := p.cur()
		switch {
		case key.kind == tokWord || key.kind == tokQuoted || key.kind == tokString || key.kind == tokNumber:
			p.advance()
		case p.is("-") && p.ahead(1).kind == tokNumber:
			p.at += 2
			key = &token{kind: tokNumber, text: "-" + p.toks[p.at-1].text, pos: key.pos}
		default:
			p.want("option or table of the hint")
		}
		if p.accept("=") {
			h.Options = append(h.Options, ast.Option{Pos: key.pos, Key: key.text, Value: p.text().Value})
		} else {
			h.Args = append(h.Args, ast.HintArg{Text: key.text, Quoted: key.kind == tokString})
		}
		if !p.accept(",") {
			break
		}
	}
	p.expect(")")
	if len(h.Options) > 0 && len(h.Args) > 0 {
		p.failf(h.Pos, "the hint %s mixes options ('key' = 'value') and plain arguments", h.Name)
	}
	return h
}
