package parse

import "github.com/wadi-engine/wadi/sql/ast"

// from reads tables between commas. Joins hold tighter than commas.
func (p *parser) from() ast.TableRef {
	p.enter()
	defer p.leave()
	return p.commas(p.joins(p.tableRef()))
}

func (p *parser) commas(left ast.TableRef) ast.TableRef {
	for n := 0; p.is(","); n++ {
		p.chained(n)
		j := &ast.Join{Pos: p.advance().pos, Kind: ast.CommaJoin, Left: left}
		j.Right = p.joins(p.tableRef())
		left = j
	}
	return left
}

// joins reads the joins that follow their first input.
func (p *parser) joins(left ast.TableRef) ast.TableRef {
	for n := 0; ; n++ {
		p.chained(n)
		j := p.joinKind()
		if j == nil {
			return left
		}
		j.Left = left
		j.Right = p.tableRef()
		p.joinCondition(j)
		left = j
	}
}

// joinKind reads the words of a join; nil if none stand here.
func (p *parser) joinKind() *ast.Join {
	j := &ast.Join{Pos: p.pos()}
	from := p.at
	j.Natural = p.accept("NATURAL")
	switch {
	case p.accept("JOIN"):
		j.Kind = ast.InnerJoin
		return j
	case p.acceptAll("LEFT", "SEMI"):
		j.Kind = ast.SemiJoin
	case p.acceptAll("LEFT", "ANTI"):
		j.Kind = ast.AntiJoin
	case p.acceptAll("LEFT", "ASOF"), p.acceptAll("ASOF", "LEFT"):
		j.Kind = ast.LeftAsofJoin
		p.accept("OUTER")
	case p.accept("ASOF"):
		j.Kind = ast.AsofJoin
		p.accept("INNER")
	case p.accept("INNER"):
		j.Kind = ast.InnerJoin
	case p.accept("CROSS"):
		j.Kind = ast.CrossJoin
	case p.accept("LEFT"):
		j.Kind = ast.LeftJoin
	case p.accept("RIGHT"):
		j.Kind = ast.RightJoin
	case p.accept("FULL"):
		j.Kind = ast.FullJoin
	default:
		if p.at != from {
			p.unexpected()
		}
		return nil
	}
	if j.Kind == ast.LeftJoin || j.Kind == ast.RightJoin || j.Kind == ast.FullJoin {
		p.accept("OUTER")
	}
	p.expect("JOIN")
	return j
}

func (p *parser) joinCondition(j *ast.Join) {
	if (j.Kind == ast.AsofJoin || j.Kind == ast.LeftAsofJoin) && p.accept("MATCH_CONDITION") {
		j.Match = p.expr()
	}
	switch pos := p.pos(); {
	case p.accept("ON"):
		j.On = p.expr()
		if j.Natural || j.Kind == ast.CrossJoin {
			p.failf(pos, "a %s takes no condition", joinWords(j))
		}
	case p.accept("USING"):
		j.Using = p.idents()
		if j.Natural || j.Kind == ast.CrossJoin {
			p.failf(pos, "a %s takes no condition", joinWords(j))
		}
	}
}

func joinWords(j *ast.Join) string {
	if j.Natural {
		return "NATURAL JOIN"
	}
	return j.Kind.String()
}

// tableRef reads one input of FROM, with its alias.
func (p *parser) tableRef() ast.TableRef {
	p.enter()
	defer p.leave()
	tok := p.cur()
	if tok.key == "(" {
		return p.parenRef()
	}
	lateral := p.accept("LATERAL")
	switch {
	case lateral && p.is("("):
		d := &ast.Derived{Pos: tok.pos, Lateral: true, Query: p.queryInParens()}
		d.Alias, d.Sample = p.aliasSample()
		return p.matched(d)
	case p.is("UNNEST"):
		return p.unnest(tok.pos, lateral)
	case p.is("TABLE"):
		p.advance()
		f := &ast.TableFunc{Pos: tok.pos, Lateral: lateral, Wrapped: true}
		p.expect("(")
		p.accept("SPECIFIC")
		f.Call = p.tableCall(p.callName())
		p.expect(")")
		return p.tableFunc(f)
	}
	name := p.callName()
	if p.is("(") {
		return p.tableFunc(&ast.TableFunc{Pos: tok.pos, Lateral: lateral, Call: p.tableCall(name)})
	}
	if lateral {
		p.failf(tok.pos, "LATERAL stands before a query in parentheses or a table function, not before a table")
	}
	return p.table(name)
}

// callName reads the name of a table or of a function, which may be a reserved word before a parenthesis.
func (p *parser) callName() ast.Name {
	if tok := p.cur(); !p.isName() && ast.IsFunctionWord(tok.key) && p.ahead(1).key == "(" {
		p.advance()
		return ast.Name{Pos: tok.pos, Parts: []string{tok.text}}
	}
	return p.name()
}

// tableCall reads the arguments of a table function.
func (p *parser) tableCall(name ast.Name) *ast.Call {
	c := &ast.Call{Pos: name.Pos, Name: name}
	p.expect("(")
	if !p.is(")") {
		c.Args = list(p, p.arg)
	}
	p.expect(")")
	return c
}

func (p *parser) tableFunc(f *ast.TableFunc) ast.TableRef {
	f.Hints = p.hints()
	f.Alias, f.Sample = p.aliasSample()
	return p.matched(f)
}

func (p *parser) table(name ast.Name) ast.TableRef {
	t := &ast.Table{Pos: name.Pos, Name: name, Hints: p.hints()}
	if p.accept("FOR") {
		p.expect("SYSTEM_TIME", "AS", "OF")
		t.AsOf = p.expr()
	}
	t.Alias, t.Sample = p.aliasSample()
	return p.matched(t)
}

func (p *parser) unnest(pos ast.Pos, lateral bool) ast.TableRef {
	p.advance()
	u := &ast.Unnest{Pos: pos, Lateral: lateral}
	u.Args = parens(p, p.arg)
	u.Ordinality = p.acceptAll("WITH", "ORDINALITY")
	u.Alias = p.alias()
	return p.matched(u)
}

// parenRef reads ( query ) or ( tables ). As with expressions, after ( it may
// turn out late which one it is: ((SELECT 1) UNION …) or ((SELECT 1) AS t JOIN …).
func (p *parser) parenRef() ast.TableRef {
	pos := p.pos()
	ref, q := p.parenQueryOrRef()
	if q == nil {
		return p.matched(ref)
	}
	d := &ast.Derived{Pos: pos, Query: q}
	d.Alias, d.Sample = p.aliasSample()
	return p.matched(d)
}

// parenQueryOrRef reads what stands in parentheses; exactly one result is set.
func (p *parser) parenQueryOrRef() (ast.TableRef, ast.Query) {
	p.enter()
	defer p.leave()
	p.expect("(")
	if p.isAny("SELECT", "WITH", "VALUES") || p.is("TABLE") && isName(p.ahead(1)) {
		q := p.query()
		p.expect(")")
		return nil, q
	}
	if !p.is("(") {
		ref := p.from()
		p.expect(")")
		return ref, nil
	}
	pos := p.pos()
	ref, q := p.parenQueryOrRef()
	switch {
	case q != nil && p.continuesQuery():
		q = p.queryFrom(pos, q)
		p.expect(")")
		return nil, q
	case q != nil && p.accept(")"):
		return nil, q
	case q != nil:
		d := &ast.Derived{Pos: pos, Query: q}
		d.Alias, d.Sample = p.aliasSample()
		ref = d
	}
	ref = p.commas(p.joins(p.matched(ref)))
	p.expect(")")
	return ref, nil
}

func (p *parser) aliasSample() (ast.Alias, *ast.Sample) {
	a := p.alias()
	s := p.sample()
	if s != nil && a.Name == "" {
		a = p.alias()
	}
	return a, s
}

// alias reads [AS] name [(columns)], if it stands here.
func (p *parser) alias() ast.Alias {
	as := p.accept("AS")
	if !as && !p.isName() {
		return ast.Alias{}
	}
	if !as {
		if p.is("MATCH_CONDITION") {
			return ast.Alias{}
		}
		p.bareName = p.at
	}
	n := p.ident()
	a := ast.Alias{Pos: n.Pos, Name: n.Name}
	if p.is("(") {
		a.Columns = p.idents()
	}
	return a
}

func (p *parser) sample() *ast.Sample {
	tok := p.cur()
	if !p.accept("TABLESAMPLE") {
		return nil
	}
	s := &ast.Sample{Pos: tok.pos, System: p.expectAny("BERNOULLI", "SYSTEM") == "SYSTEM"}
	p.expect("(")
	s.Percent = p.expr()
	p.expect(")")
	if p.accept("REPEATABLE") {
		p.expect("(")
		s.Repeatable = p.expr()
		p.expect(")")
	}
	return s
}
