package parse

import "github.com/wadi-engine/wadi/sql/ast"

// builtin gives the rule of a function that has keywords between its arguments,
// or nil. The rule begins at the function's name.
func builtin(word string) func(*parser) ast.Expr {
	switch word {
	case "EXTRACT":
		return (*parser).extract
	case "FLOOR", "CEIL", "CEILING":
		return (*parser).roundTo
	case "TIMESTAMPADD", "TIMESTAMPDIFF":
		return (*parser).timestampAdd
	case "TRIM":
		return (*parser).trim
	case "SUBSTRING":
		return (*parser).substring
	case "POSITION":
		return (*parser).position
	case "OVERLAY":
		return (*parser).overlay
	case "JSON_VALUE":
		return (*parser).jsonValue
	case "JSON_QUERY":
		return (*parser).jsonQuery
	case "JSON_EXISTS":
		return (*parser).jsonExists
	case "JSON_OBJECT", "JSON_OBJECTAGG":
		return (*parser).jsonObject
	case "JSON_ARRAY", "JSON_ARRAYAGG":
		return (*parser).jsonArray
	}
	return nil
}

// call reads the arguments of a call and what may follow them.
func (p *parser) call(name ast.Name) *ast.Call {
	p.enter()
	defer p.leave()
	c := &ast.Call{Pos: name.Pos, Name: name}
	p.expect("(")
	if !p.is(")") {
		switch {
		case p.accept("DISTINCT"):
			c.Distinct = true
		default:
			p.accept("ALL")
		}
		c.Args = list(p, p.arg)
		c.Nulls = p.nullTreatment()
		if p.acceptAll("ORDER", "BY") {
			c.OrderBy = list(p, p.orderItem)
		}
	}
	p.expect(")")
	p.afterCall(c)
	return c
}

// afterCall reads what may follow a call: null treatment, WITHIN GROUP, FILTER, OVER.
func (p *parser) afterCall(c *ast.Call) {
	if c.Nulls == ast.DefaultNulls {
		c.Nulls = p.nullTreatment()
	}
	if p.acceptAll("WITHIN", "GROUP") {
		p.expect("(", "ORDER", "BY")
		c.Within = list(p, p.orderItem)
		p.expect(")")
	}
	c.Filter, c.Over = p.filterOver()
	if c.Nulls == ast.DefaultNulls && c.Over == nil {
		c.Nulls = p.nullTreatment()
	}
}

func (p *parser) nullTreatment() ast.NullTreatment {
	switch {
	case p.acceptAll("RESPECT", "NULLS"):
		return ast.RespectNulls
	case p.acceptAll("IGNORE", "NULLS"):
		return ast.IgnoreNulls
	}
	return ast.DefaultNulls
}

func (p *parser) filterOver() (filter ast.Expr, over *ast.Window) {
	if p.accept("FILTER") {
		p.expect("(", "WHERE")
		filter = p.expr()
		p.expect(")")
	}
	if p.accept("OVER") {
		w := p.windowRef()
		over = &w
	}
	return filter, over
}

// arg reads one argument: an expression, *, a table, a model, a query, each perhaps with a name.
func (p *parser) arg() ast.Expr {
	tok := p.cur()
	switch {
	case tok.key == "*":
		p.advance()
		return &ast.Star{Pos: tok.pos}
	case (tok.kind == tokQuoted || tok.kind == tokWord) && p.ahead(1).key == "=>": // any word, such as table
		p.at += 2
		return &ast.NamedArg{Pos: tok.pos, Name: tok.text, Value: p.arg()}
	case tok.key == "TABLE":
		return p.tableArg()
	case tok.key == "MODEL" && isName(p.ahead(1)):
		p.advance()
		return &ast.ModelArg{Pos: tok.pos, Name: p.name()}
	case p.startsQuery():
		e := p.exprOrQuery()
		if sub, ok := e.(*ast.Subquery); ok && p.isAny("PARTITION", "ORDER") {
			return p.partitioned(&ast.TableArg{Pos: tok.pos, Query: sub.Query})
		}
		return e
	}
	return p.expr()
}

// tableArg reads TABLE t or TABLE (query), with its partitioning.
func (p *parser) tableArg() ast.Expr {
	t := &ast.TableArg{Pos: p.advance().pos}
	if p.is("(") {
		t.Query = p.queryInParens()
		return p.partitioned(t)
	}
	name := p.name()
	t.Table = &ast.Table{Pos: name.Pos, Name: name, Hints: p.hints()}
	return p.partitioned(t)
}

func (p *parser) partitioned(t *ast.TableArg) ast.Expr {
	if p.acceptAll("PARTITION", "BY") {
		if p.is("(") {
			t.PartitionBy = parens(p, p.expr)
		} else {
			t.PartitionBy = []ast.Expr{p.expr()}
		}
	}
	if p.acceptAll("ORDER", "BY") {
		if p.is("(") {
			t.OrderBy = parens(p, p.orderItem)
		} else {
			t.OrderBy = []ast.OrderItem{p.orderItem()}
		}
	}
	return t
}

// open reads the name of a builtin and its opening parenthesis.
func (p *parser) open() *ast.Call {
	tok := p.advance()
	p.expect("(")
	return &ast.Call{Pos: tok.pos, Name: ast.Name{Pos: tok.pos, Parts: []string{tok.text}}}
}

// close reads the closing parenthesis of a builtin.
func (p *parser) close(c *ast.Call) ast.Expr {
	p.expect(")")
	p.afterCall(c)
	return c
}

func (p *parser) unitSymbol() ast.Expr {
	pos := p.pos()
	return &ast.Symbol{Pos: pos, Keyword: string(p.timeUnit())}
}

func (p *parser) extract() ast.Expr {
	c := p.open()
	unit := p.unitSymbol()
	p.expect("FROM")
	c.Args = []ast.Expr{unit, p.expr()}
	return p.close(c)
}

func (p *parser) roundTo() ast.Expr {
	c := p.open()
	c.Args = []ast.Expr{p.expr()}
	if p.accept("TO") {
		c.Args = append(c.Args, p.unitSymbol())
	} else if p.accept(",") {
		c.Args = append(c.Args, list(p, p.expr)...)
	}
	return p.close(c)
}

func (p *parser) timestampAdd() ast.Expr {
	c := p.open()
	c.Args = []ast.Expr{p.unitSymbol()}
	for p.accept(",") {
		c.Args = append(c.Args, p.expr())
	}
	return p.close(c)
}

func (p *parser) trim() ast.Expr {
	c := p.open()
	tok := p.cur()
	side := p.acceptAny("BOTH", "LEADING", "TRAILING")
	blank := func() ast.Expr { return &ast.Text{Pos: tok.pos, Value: " "} }
	var first ast.Expr
	if !p.is("FROM") {
		first = p.expr()
	}
	switch {
	case p.accept("FROM"):
		if first == nil {
			first = blank()
		}
		if side == "" {
			side = "BOTH"
		}
		c.Args = []ast.Expr{&ast.Symbol{Pos: tok.pos, Keyword: side}, first, p.expr()}
	case side != "":
		c.Args = []ast.Expr{&ast.Symbol{Pos: tok.pos, Keyword: side}, blank(), first}
	default:
		c.Args = []ast.Expr{first}
		if p.accept(",") {
			c.Args = append(c.Args, list(p, p.expr)...)
		}
	}
	return p.close(c)
}

// words reads a, then word b for each word that follows, or a, b, … with commas.
func (p *parser) words(c *ast.Call, words ...string) ast.Expr {
	c.Args = []ast.Expr{p.exprAt(ast.BindPredicate + 1)}
	for _, w := range words {
		if !p.accept(w) && !p.accept(",") {
			break
		}
		c.Args = append(c.Args, p.exprAt(ast.BindPredicate+1))
	}
	return p.close(c)
}

func (p *parser) substring() ast.Expr {
	c := p.open()
	c.Args = []ast.Expr{p.expr()}
	for _, w := range []string{"FROM", "FOR"} {
		if p.accept(w) || p.accept(",") {
			c.Args = append(c.Args, p.expr())
		}
	}
	return p.close(c)
}

func (p *parser) position() ast.Expr { return p.words(p.open(), "IN", "FROM") }

func (p *parser) overlay() ast.Expr { return p.words(p.open(), "PLACING", "FROM", "FOR") }
