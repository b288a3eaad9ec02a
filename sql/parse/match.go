package parse

import "github.com/wadi-engine/wadi/sql/ast"

// matched reads MATCH_RECOGNIZE after a table, if it stands here.
func (p *parser) matched(input ast.TableRef) ast.TableRef {
	if !p.is("MATCH_RECOGNIZE") {
		return input
	}
	m := &ast.MatchRecognize{Pos: p.advance().pos, Input: input}
	p.expect("(")
	if p.acceptAll("PARTITION", "BY") {
		m.PartitionBy = list(p, p.expr)
	}
	if p.acceptAll("ORDER", "BY") {
		m.OrderBy = list(p, p.orderItem)
	}
	if p.accept("MEASURES") {
		m.Measures = list(p, func() ast.SelectItem {
			item := ast.SelectItem{Expr: p.expr()}
			p.expect("AS")
			item.Alias = p.ident()
			return item
		})
	}
	p.rowsPerMatch(m)
	if p.acceptAll("AFTER", "MATCH") {
		p.expect("SKIP")
		m.After = p.afterMatch()
	}
	p.expect("PATTERN", "(")
	m.AnchorStart = p.accept("^")
	m.Pattern = p.pattern()
	m.AnchorEnd = p.accept("$")
	p.expect(")")
	if p.accept("WITHIN") {
		if !p.is("INTERVAL") {
			p.want("INTERVAL")
		}
		m.Within = p.interval()
	}
	if p.accept("SUBSET") {
		m.Subsets = list(p, p.subset)
	}
	if p.accept("DEFINE") {
		m.Define = list(p, func() ast.Definition {
			d := ast.Definition{Ident: p.ident()}
			p.expect("AS")
			d.Cond = p.expr()
			return d
		})
	}
	p.expect(")")
	m.Alias = p.alias()
	return m
}

func (p *parser) rowsPerMatch(m *ast.MatchRecognize) {
	switch {
	case p.acceptAll("ONE", "ROW"):
		p.expect("PER", "MATCH")
		m.RowsPerMatch = true
	case p.acceptAll("ALL", "ROWS"):
		p.expect("PER", "MATCH")
		m.RowsPerMatch, m.AllRows = true, true
	}
}

func (p *parser) afterMatch() ast.AfterMatch {
	switch {
	case p.accept("PAST"):
		p.expect("LAST", "ROW")
		return ast.AfterMatch{Kind: ast.SkipPastLastRow}
	case p.acceptAll("TO", "NEXT", "ROW"):
		return ast.AfterMatch{Kind: ast.SkipToNextRow}
	}
	p.expect("TO")
	a := ast.AfterMatch{Kind: ast.SkipToLast}
	if p.follows("FIRST") && isName(p.ahead(1)) {
		p.advance()
		a.Kind = ast.SkipToFirst
	} else if p.follows("LAST") && isName(p.ahead(1)) {
		p.advance()
	}
	a.Variable = p.ident().Name
	return a
}

func (p *parser) subset() ast.Subset {
	s := ast.Subset{Ident: p.ident()}
	p.expect("=")
	s.Variables = p.idents()
	return s
}

// pattern reads alternatives: A B | C.
func (p *parser) pattern() ast.Pattern {
	p.enter()
	defer p.leave()
	pos := p.pos()
	parts := []ast.Pattern{p.patternSequence()}
	for p.accept("|") {
		parts = append(parts, p.patternSequence())
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return &ast.PatternAlt{Pos: pos, Parts: parts}
}

func (p *parser) patternSequence() ast.Pattern {
	pos := p.pos()
	parts := []ast.Pattern{p.patternFactor()}
	for p.isName() || p.isAny("(", "{", "PERMUTE") {
		parts = append(parts, p.patternFactor())
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return &ast.PatternConcat{Pos: pos, Parts: parts}
}

// patternFactor reads a variable, a group, an exclusion or a permutation, with its quantifier.
func (p *parser) patternFactor() ast.Pattern {
	pos := p.pos()
	var x ast.Pattern
	switch {
	case p.accept("("):
		x = p.pattern()
		p.expect(")")
	case p.follows("{", "-"):
		p.at += 2
		x = &ast.PatternExclude{Pos: pos, X: p.pattern()}
		p.expect("-", "}")
	case p.accept("PERMUTE"):
		x = &ast.PatternPermute{Pos: pos, Parts: parens(p, p.pattern)}
	default:
		x = &ast.PatternVar{Pos: pos, Name: p.ident().Name}
	}
	r := &ast.PatternRepeat{Pos: pos, X: x, Max: -1}
	switch {
	case p.accept("*"):
	case p.accept("+"):
		r.Min = 1
	case p.accept("?"):
		r.Max = 1
	case p.is("{") && p.ahead(1).key != "-":
		p.repeatCount(r)
	default:
		return x
	}
	r.Reluctant = p.accept("?")
	return r
}

// repeatCount reads {n}, {n,}, {,m} or {n,m}.
func (p *parser) repeatCount(r *ast.PatternRepeat) {
	pos := p.advance().pos
	if p.cur().kind == tokNumber {
		r.Min = p.integer()
		r.Max = r.Min
	}
	if p.accept(",") {
		r.Max = -1
		if p.cur().kind == tokNumber {
			r.Max = p.integer()
		}
	}
	p.expect("}")
	if r.Max == 0 || r.Max > 0 && r.Max < r.Min {
		p.failf(pos, "this quantifier allows no rows: its upper bound must be at least 1 and at least its lower bound")
	}
}
