package parse

import "github.com/wadi-engine/wadi/sql/ast"

// expr reads an expression.
func (p *parser) expr() ast.Expr { return p.exprAt(ast.BindLowest) }

// exprAt reads an expression whose operators hold at least as tightly as loosest.
//
// This is Pratt's method: an operand, then, while the next operator holds
// tightly enough, the operator and an operand of the next higher strength.
//
//	a + b * c = d      exprAt(lowest)  a, then +
//	                   exprAt(+ 1)       b, then *
//	                   exprAt(* 1)         c, and = is too loose: back
//	                                   (a + (b * c)), then =
//	                   exprAt(= 1)       d
func (p *parser) exprAt(loosest int) ast.Expr {
	p.enter()
	defer p.leave()
	return p.infix(p.prefix(), loosest)
}

var binaryOps = map[string]ast.BinaryOp{
	"OR": ast.Or, "AND": ast.And,
	"=": ast.Eq, "<>": ast.Ne, "<": ast.Lt, "<=": ast.Le, ">": ast.Gt, ">=": ast.Ge,
	"OVERLAPS": ast.Overlaps, "CONTAINS": ast.Contains, "PRECEDES": ast.Precedes, "SUCCEEDS": ast.Succeeds,
	"EQUALS": ast.PeriodEquals,
	"||":     ast.Concat, "+": ast.Add, "-": ast.Sub, "*": ast.Mul, "/": ast.Div, "%": ast.Mod,
}

// infix goes on after an operand that has been read.
func (p *parser) infix(left ast.Expr, loosest int) ast.Expr {
	for n := 0; ; n++ {
		p.chained(n)
		tok := p.cur()
		if tok.kind != tokWord && tok.kind != tokPunct {
			return left
		}
		if op, ok := binaryOps[tok.key]; ok {
			if op.Binding() < loosest {
				return left
			}
			left = p.binary(left, op)
			continue
		}
		next := p.postfix(left, loosest)
		if next == nil {
			return left
		}
		left = next
	}
}

// binary reads an operator of one token and its right operand.
func (p *parser) binary(left ast.Expr, op ast.BinaryOp) ast.Expr {
	tok := p.advance()
	if op.IsComparison() && p.isAny("ANY", "SOME", "ALL") && p.ahead(1).key == "(" {
		q := &ast.Quantified{Pos: tok.pos, X: left, Op: op, All: p.advance().key == "ALL"}
		q.List, q.Query = p.listOrQuery()
		return q
	}
	return &ast.Binary{Pos: tok.pos, Op: op, Left: left, Right: p.exprAt(op.Binding() + 1)}
}

// postfix reads the operators that are more than a token and an operand.
// It gives nil if none stands here that holds at least as tightly as loosest.
func (p *parser) postfix(left ast.Expr, loosest int) ast.Expr {
	tok := p.cur()
	switch tok.key {
	case "[":
		p.advance()
		index := p.expr()
		p.expect("]")
		return &ast.Item{Pos: tok.pos, X: left, Index: index}
	case ".":
		p.advance()
		if p.accept("*") {
			return &ast.Field{Pos: tok.pos, X: left, Name: "*"}
		}
		return &ast.Field{Pos: tok.pos, X: left, Name: p.ident().Name}
	case "::":
		p.advance()
		return &ast.Cast{Pos: tok.pos, X: left, Type: p.dataType()}
	case "IS":
		return p.isTest(left, loosest)
	case "NOT", "BETWEEN", "IN", "LIKE", "ILIKE", "RLIKE", "SIMILAR":
		if loosest > ast.BindPredicate {
			return nil
		}
		return p.predicate(left)
	case "MEMBER", "SUBMULTISET", "IMMEDIATELY", "MULTISET":
		return p.wordy(left, loosest)
	}
	return nil
}

// wordy reads the binary operators of several words.
func (p *parser) wordy(left ast.Expr, loosest int) ast.Expr {
	pos, from := p.pos(), p.at
	var op ast.BinaryOp
	switch p.advance().key {
	case "MEMBER":
		op = ast.MemberOf
		p.accept("OF")
	case "SUBMULTISET":
		op = ast.SubmultisetOf
		p.accept("OF")
	case "IMMEDIATELY":
		switch {
		case p.accept("PRECEDES"):
			op = ast.ImmediatelyPrecedes
		case p.accept("SUCCEEDS"):
			op = ast.ImmediatelySucceeds
		default:
			p.at = from
			return nil
		}
	case "MULTISET":
		op = map[string]ast.BinaryOp{
			"UNION": ast.MultisetUnion, "INTERSECT": ast.MultisetIntersect, "EXCEPT": ast.MultisetExcept,
		}[p.expectAny("UNION", "INTERSECT", "EXCEPT")]
		// Without a word it is ALL, as in Calcite.
		if !p.accept("ALL") && p.accept("DISTINCT") {
			op++
		}
	}
	if op.Binding() < loosest {
		p.at = from
		return nil
	}
	return &ast.Binary{Pos: pos, Op: op, Left: left, Right: p.exprAt(op.Binding() + 1)}
}

// isTest reads IS [NOT] ….
func (p *parser) isTest(left ast.Expr, loosest int) ast.Expr {
	distinct := p.ahead(1).key == "DISTINCT" || p.ahead(1).key == "NOT" && p.ahead(2).key == "DISTINCT"
	if loosest > ast.BindCompare || loosest > ast.BindIs && !distinct {
		return nil
	}
	is := &ast.Is{Pos: p.advance().pos, X: left}
	is.Not = p.accept("NOT")
	switch {
	case p.accept("NULL"):
		is.What = ast.IsNull
	case p.accept("TRUE"):
		is.What = ast.IsTrue
	case p.accept("FALSE"):
		is.What = ast.IsFalse
	case p.accept("UNKNOWN"):
		is.What = ast.IsUnknown
	case p.accept("DISTINCT"):
		p.expect("FROM")
		is.What, is.Other = ast.IsDistinctFrom, p.exprAt(ast.BindCompare+1)
	case p.acceptAll("A", "SET"):
		is.What = ast.IsASet
	case p.accept("EMPTY"):
		is.What = ast.IsEmpty
	case p.accept("JSON"):
		is.What = ast.IsJSON
		switch p.acceptAny("VALUE", "OBJECT", "ARRAY", "SCALAR") {
		case "OBJECT":
			is.What = ast.IsJSONObject
		case "ARRAY":
			is.What = ast.IsJSONArray
		case "SCALAR":
			is.What = ast.IsJSONScalar
		}
	default:
		p.unexpected()
	}
	return is
}

// predicate reads [NOT] BETWEEN, IN, LIKE and their relatives.
func (p *parser) predicate(left ast.Expr) ast.Expr {
	pos := p.pos()
	not := p.accept("NOT")
	switch p.expectAny("IN", "BETWEEN", "LIKE", "ILIKE", "RLIKE", "SIMILAR") {
	case "IN":
		in := &ast.In{Pos: pos, X: left, Not: not}
		in.List, in.Query = p.listOrQuery()
		return in
	case "BETWEEN":
		b := &ast.Between{Pos: pos, X: left, Not: not, Symmetric: p.accept("SYMMETRIC")}
		if !b.Symmetric {
			p.accept("ASYMMETRIC")
		}
		b.Low = p.exprAt(ast.BindPredicate + 1)
		p.expect("AND")
		b.High = p.exprAt(ast.BindPredicate + 1)
		return b
	case "LIKE":
		return p.like(pos, left, not, ast.LikePattern)
	case "ILIKE":
		return p.like(pos, left, not, ast.ILikePattern)
	case "RLIKE":
		return p.like(pos, left, not, ast.RLikePattern)
	}
	p.expect("TO")
	return p.like(pos, left, not, ast.SimilarToPattern)
}

func (p *parser) like(pos ast.Pos, left ast.Expr, not bool, kind ast.LikeKind) ast.Expr {
	l := &ast.Like{Pos: pos, Kind: kind, X: left, Not: not, Pattern: p.exprAt(ast.BindPredicate + 1)}
	if p.accept("ESCAPE") {
		l.Escape = p.exprAt(ast.BindPredicate + 1)
	}
	return l
}

// listOrQuery reads (a, b, …) or (query).
func (p *parser) listOrQuery() ([]ast.Expr, ast.Query) {
	p.expect("(")
	if p.startsQuery() {
		e := p.exprOrQuery()
		// Anything but a lone query is the first item of a list: ((SELECT 1), 2).
		if sub, ok := e.(*ast.Subquery); ok && p.is(")") {
			p.advance()
			return nil, sub.Query
		}
		items := []ast.Expr{e}
		for p.accept(",") {
			items = append(items, p.expr())
		}
		p.expect(")")
		return items, nil
	}
	items := list(p, p.expr)
	p.expect(")")
	return items, nil
}

// startsQuery reports whether a query may begin here. After opening parentheses it is not sure.
func (p *parser) startsQuery() bool {
	switch p.cur().key {
	case "SELECT", "WITH", "VALUES":
		return true
	case "TABLE":
		return isName(p.ahead(1))
	case "(":
		// Parentheses are skipped to see what they hold; one that holds an
		// expression was opened by a caller that has looked already.
		n := 1
		for p.ahead(n).key == "(" && n <= MaxDepth {
			n++
		}
		switch p.ahead(n).key {
		case "SELECT", "WITH", "VALUES":
			return true
		case "TABLE":
			return isName(p.ahead(n + 1))
		}
	}
	return false
}

// exprOrQuery reads a query without parentheses around it, as a Subquery, or an
// expression that begins with one: ((SELECT 1) + 2). The caller has seen startsQuery.
func (p *parser) exprOrQuery() ast.Expr {
	p.enter()
	defer p.leave()
	if !p.is("(") {
		pos := p.pos()
		return p.subquery(pos, p.query())
	}
	pos := p.pos()
	left := p.paren()
	if sub, ok := left.(*ast.Subquery); ok && p.continuesQuery() {
		return p.subquery(pos, p.queryFrom(pos, sub.Query))
	}
	return p.infix(left, ast.BindLowest)
}

func (p *parser) subquery(pos ast.Pos, q ast.Query) ast.Expr {
	if p.noQuery > 0 {
		p.failf(pos, "a query is not allowed here, only an expression over the row's columns")
	}
	return &ast.Subquery{Pos: pos, Query: q}
}

// paren reads what begins with an opening parenthesis: an expression, a row or a query.
func (p *parser) paren() ast.Expr {
	p.enter()
	defer p.leave()
	pos := p.advance().pos
	var first ast.Expr
	if p.startsQuery() {
		first = p.exprOrQuery()
		if sub, ok := first.(*ast.Subquery); ok && p.is(")") {
			p.advance()
			return &ast.Subquery{Pos: pos, Query: sub.Query}
		}
	} else {
		first = p.expr()
	}
	if !p.is(",") {
		p.expect(")")
		return first
	}
	row := &ast.Row{Pos: pos, Elems: []ast.Expr{first}}
	for p.accept(",") {
		row.Elems = append(row.Elems, p.expr())
	}
	p.expect(")")
	return row
}

// prefix reads an operand with the operators before it.
func (p *parser) prefix() ast.Expr {
	tok := p.cur()
	switch tok.kind {
	case tokNumber:
		p.advance()
		return &ast.Number{Pos: tok.pos, Text: tok.text}
	case tokString:
		return p.literal()
	case tokBytes:
		p.advance()
		return &ast.Bytes{Pos: tok.pos, Value: []byte(tok.text)}
	case tokQuoted:
		return p.reference()
	case tokWord:
		return p.wordOperand()
	case tokPunct:
		switch tok.key {
		case "(":
			return p.paren()
		case "-", "+":
			p.advance()
			op := ast.Minus
			if tok.key == "+" {
				op = ast.Plus
			}
			return &ast.Unary{Pos: tok.pos, Op: op, X: p.exprAt(ast.BindSign)}
		}
	case tokEOF:
	}
	p.want("expression")
	return nil
}

// literal reads a character literal; literals side by side are one.
func (p *parser) literal() ast.Expr {
	t := p.text()
	for p.cur().kind == tokString {
		t.Value += p.advance().text
	}
	return &t
}

// reference reads a dotted reference, or a call if a parenthesis follows.
func (p *parser) reference() ast.Expr {
	first := p.ident()
	parts := []string{first.Name}
	for p.is(".") {
		if p.ahead(1).key == "*" {
			p.at += 2
			return &ast.Star{Pos: first.Pos, Qualifier: parts}
		}
		p.advance()
		if !p.isName() && p.ahead(1).key == "(" && ast.IsFunctionWord(p.cur().key) {
			parts = append(parts, p.advance().text)
			continue
		}
		parts = append(parts, p.ident().Name)
	}
	if p.is("(") {
		return p.call(ast.Name{Pos: first.Pos, Parts: parts})
	}
	return &ast.Column{Pos: first.Pos, Parts: parts}
}

// wordOperand reads an operand that begins with a bare word.
func (p *parser) wordOperand() ast.Expr {
	tok := p.cur()
	next := p.ahead(1)
	switch tok.key {
	case "NULL":
		p.advance()
		return &ast.Null{Pos: tok.pos}
	case "TRUE", "FALSE", "UNKNOWN":
		p.advance()
		return &ast.Bool{Pos: tok.pos, Value: tok.key == "TRUE", Unknown: tok.key == "UNKNOWN"}
	case "DEFAULT":
		p.advance()
		return &ast.Default{Pos: tok.pos}
	case "NOT":
		p.advance()
		return &ast.Unary{Pos: tok.pos, Op: ast.Not, X: p.exprAt(ast.BindNot)}
	case "EXISTS", "UNIQUE":
		p.advance()
		q := p.queryInParens()
		if tok.key == "UNIQUE" {
			return &ast.Unique{Pos: tok.pos, Query: q}
		}
		return &ast.Exists{Pos: tok.pos, Query: q}
	case "CASE":
		return p.caseExpr()
	case "CAST", "TRY_CAST", "SAFE_CAST":
		return p.cast()
	case "DATE", "TIME", "TIMESTAMP", "TIMESTAMP_LTZ":
		if next.kind == tokString || next.key == "WITH" && p.ahead(2).key == "LOCAL" || !ast.IsName(tok.key) {
			return p.temporal()
		}
	case "INTERVAL":
		return p.interval()
	case "ROW":
		return p.rowExpr()
	case "ARRAY", "MULTISET":
		return p.collection()
	case "MAP":
		if next.key == "[" || next.key == "(" {
			return p.collection()
		}
	case "DESCRIPTOR":
		if next.key == "(" {
			return p.descriptor()
		}
	case "RUNNING", "FINAL":
		if next.kind == tokWord && p.ahead(2).key == "(" {
			return p.measure()
		}
	}
	if next.key == "(" {
		if rule := builtin(tok.key); rule != nil {
			return rule(p)
		}
		if !ast.IsReserved(tok.key) || ast.IsFunctionWord(tok.key) {
			p.advance()
			return p.call(ast.Name{Pos: tok.pos, Parts: []string{tok.text}})
		}
	}
	if ast.IsBareFunction(tok.key) {
		p.advance()
		return &ast.Call{Pos: tok.pos, Name: ast.Name{Pos: tok.pos, Parts: []string{tok.text}}, Bare: true}
	}
	if !p.isName() {
		p.missed.add(p.at, "name")
		p.want("expression")
	}
	return p.reference()
}

func (p *parser) queryInParens() ast.Query {
	p.expect("(")
	pos := p.pos()
	q := p.query()
	p.expect(")")
	if p.noQuery > 0 {
		p.subquery(pos, q)
	}
	return q
}

func (p *parser) caseExpr() ast.Expr {
	c := &ast.Case{Pos: p.advance().pos}
	if !p.is("WHEN") {
		c.Operand = p.expr()
	}
	for {
		p.expect("WHEN")
		var w ast.When
		if c.Operand == nil {
			w.Conds = []ast.Expr{p.expr()}
		} else {
			w.Conds = list(p, p.expr)
		}
		p.expect("THEN")
		w.Then = p.expr()
		c.Whens = append(c.Whens, w)
		if !p.is("WHEN") {
			break
		}
	}
	if p.accept("ELSE") {
		c.Else = p.expr()
	}
	p.missed.add(p.at, "WHEN")
	p.expect("END")
	return c
}

func (p *parser) cast() ast.Expr {
	tok := p.advance()
	c := &ast.Cast{Pos: tok.pos, Try: tok.key != "CAST"}
	p.expect("(")
	c.X = p.expr()
	p.expect("AS")
	c.Type = p.dataType()
	p.expect(")")
	return c
}

func (p *parser) temporal() ast.Expr {
	tok := p.advance()
	t := &ast.Temporal{Pos: tok.pos}
	switch tok.key {
	case "DATE":
		t.Kind = ast.DateLiteral
	case "TIME":
		t.Kind = ast.TimeLiteral
	case "TIMESTAMP_LTZ":
		t.Kind = ast.TimestampLTZLiteral
	default:
		t.Kind = ast.TimestampLiteral
		if p.acceptAll("WITH", "LOCAL", "TIME", "ZONE") {
			t.Kind = ast.TimestampLTZLiteral
		}
	}
	t.Value = p.text().Value
	return t
}

func (p *parser) interval() ast.Expr {
	i := &ast.Interval{Pos: p.advance().pos}
	switch {
	case p.accept("-"):
		i.Negative = true
	default:
		p.accept("+")
	}
	switch tok := p.cur(); {
	case tok.kind == tokString:
		t := p.text()
		i.Value = &t
	case tok.kind == tokNumber:
		p.advance()
		i.Value = &ast.Number{Pos: tok.pos, Text: tok.text}
	case tok.key == "(":
		i.Value = p.paren()
	case p.isName():
		n := p.name()
		i.Value = &ast.Column{Pos: n.Pos, Parts: n.Parts}
	default:
		p.want("text in quotes")
	}
	i.Unit = p.intervalUnit()
	return i
}

func (p *parser) rowExpr() ast.Expr {
	r := &ast.Row{Pos: p.advance().pos, Explicit: true}
	p.expect("(")
	if !p.is(")") {
		r.Elems = list(p, p.expr)
	}
	p.expect(")")
	return r
}

// collection reads ARRAY, MAP or MULTISET with elements or a query. MAP(a, b) is a call.
func (p *parser) collection() ast.Expr {
	tok := p.advance()
	var elems []ast.Expr
	var q ast.Query
	switch {
	case p.accept("["):
		if !p.is("]") {
			elems = list(p, p.expr)
		}
		p.expect("]")
	case p.is("(") && p.ahead(1).key != ")":
		p.advance()
		if !p.startsQuery() {
			p.at--
			return p.call(ast.Name{Pos: tok.pos, Parts: []string{tok.text}})
		}
		e := p.exprOrQuery()
		sub, ok := e.(*ast.Subquery)
		if !ok {
			p.failf(e.Position(), "expected a query in %s(…); elements stand in brackets: %s[…]", tok.key, tok.key)
		}
		q = sub.Query
		p.expect(")")
	case p.is("("):
		return p.call(ast.Name{Pos: tok.pos, Parts: []string{tok.text}})
	default:
		p.unexpected()
	}
	switch tok.key {
	case "ARRAY":
		return &ast.Array{Pos: tok.pos, Elems: elems, Query: q}
	case "MAP":
		if len(elems)%2 != 0 {
			p.failf(tok.pos, "MAP[…] needs an even number of elements, keys and values in turn")
		}
		return &ast.Map{Pos: tok.pos, Entries: elems, Query: q}
	}
	return &ast.Multiset{Pos: tok.pos, Elems: elems, Query: q}
}

func (p *parser) descriptor() ast.Expr {
	d := &ast.Descriptor{Pos: p.advance().pos}
	if p.acceptAll("(", ")") {
		return d
	}
	d.Columns = parens(p, func() ast.DescriptorColumn {
		c := ast.DescriptorColumn{Ident: p.ident()}
		if !p.isAny(",", ")") {
			c.Type = p.dataType()
		}
		return c
	})
	return d
}

// measure reads RUNNING f(…) and FINAL f(…).
func (p *parser) measure() ast.Expr {
	tok := p.advance()
	e := p.prefix()
	call, ok := e.(*ast.Call)
	if !ok || call.Semantics != ast.DefaultSemantics {
		p.failf(tok.pos, "%s stands before a function of the rows of a match", tok.key)
	}
	call.Semantics = ast.RunningSemantics
	if tok.key == "FINAL" {
		call.Semantics = ast.FinalSemantics
	}
	return call
}
