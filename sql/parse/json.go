package parse

import "github.com/wadi-engine/wadi/sql/ast"

// jsonArgs reads the name of a function, its input and its path.
func (p *parser) jsonArgs() (pos ast.Pos, input, path ast.Expr) {
	pos = p.advance().pos
	p.expect("(")
	input = p.expr()
	p.jsonFormat()
	p.expect(",")
	path = p.expr()
	return pos, input, path
}

// jsonFormat skips FORMAT JSON, which says nothing.
func (p *parser) jsonFormat() { p.acceptAll("FORMAT", "JSON") }

func (p *parser) returning() *ast.DataType {
	if !p.accept("RETURNING") {
		return nil
	}
	t := p.dataType()
	p.jsonFormat()
	return t
}

// fallback reads an answer before ON EMPTY or ON ERROR, if one stands here.
func (p *parser) fallback() ast.JSONFallback {
	switch {
	case p.accept("NULL"):
		return ast.JSONFallback{Kind: ast.JSONNull}
	case p.accept("ERROR"):
		return ast.JSONFallback{Kind: ast.JSONError}
	case p.acceptAll("EMPTY", "ARRAY"):
		return ast.JSONFallback{Kind: ast.JSONEmptyArray}
	case p.acceptAll("EMPTY", "OBJECT"):
		return ast.JSONFallback{Kind: ast.JSONEmptyObject}
	case p.accept("EMPTY"):
		return ast.JSONFallback{Kind: ast.JSONEmptyArray}
	case p.accept("TRUE"):
		return ast.JSONFallback{Kind: ast.JSONTrue}
	case p.accept("FALSE"):
		return ast.JSONFallback{Kind: ast.JSONFalse}
	case p.accept("UNKNOWN"):
		return ast.JSONFallback{Kind: ast.JSONUnknown}
	case p.accept("DEFAULT"):
		return ast.JSONFallback{Kind: ast.JSONDefault, Default: p.expr()}
	}
	return ast.JSONFallback{}
}

// fallbacks reads [… ON EMPTY] [… ON ERROR], in either order.
func (p *parser) fallbacks(onEmpty, onError *ast.JSONFallback) {
	for {
		pos := p.pos()
		f := p.fallback()
		if f.Kind == ast.JSONUnset {
			return
		}
		p.expect("ON")
		target := onError
		if p.expectAny("EMPTY", "ERROR") == "EMPTY" {
			target = onEmpty
		}
		if target == nil || target.Kind != ast.JSONUnset {
			p.failf(pos, "this clause cannot stand here, or stands here twice")
		}
		*target = f
	}
}

func (p *parser) jsonValue() ast.Expr {
	e := &ast.JSONValue{}
	e.Pos, e.Input, e.Path = p.jsonArgs()
	e.Returning = p.returning()
	p.fallbacks(&e.OnEmpty, &e.OnError)
	p.expect(")")
	return e
}

func (p *parser) jsonQuery() ast.Expr {
	e := &ast.JSONQuery{}
	e.Pos, e.Input, e.Path = p.jsonArgs()
	e.Returning = p.returning()
	switch {
	case p.accept("WITHOUT"):
		p.accept("ARRAY")
		p.expect("WRAPPER")
		e.Wrapper = ast.JSONWithoutWrapper
	case p.accept("WITH"):
		e.Wrapper = ast.JSONWithUnconditionalWrapper
		if p.acceptAny("CONDITIONAL", "UNCONDITIONAL") == "CONDITIONAL" {
			e.Wrapper = ast.JSONWithConditionalWrapper
		}
		p.accept("ARRAY")
		p.expect("WRAPPER")
	}
	p.fallbacks(&e.OnEmpty, &e.OnError)
	p.expect(")")
	return e
}

func (p *parser) jsonExists() ast.Expr {
	e := &ast.JSONExists{}
	e.Pos, e.Input, e.Path = p.jsonArgs()
	p.fallbacks(nil, &e.OnError)
	p.expect(")")
	return e
}

func (p *parser) jsonNulls() ast.JSONNulls {
	switch {
	case p.acceptAll("NULL", "ON", "NULL"):
		return ast.JSONNullOnNull
	case p.acceptAll("ABSENT", "ON", "NULL"):
		return ast.JSONAbsentOnNull
	}
	return ast.JSONNullsDefault
}

// jsonEntry reads KEY k VALUE v, k VALUE v, k : v or k, v.
func (p *parser) jsonEntry() ast.JSONEntry {
	var e ast.JSONEntry
	if p.is("KEY") && !p.follows("KEY", ",") && !p.follows("KEY", ".") && !p.follows("KEY", ":") && !p.follows("KEY", "VALUE") {
		p.advance()
	}
	e.Key = p.expr()
	p.expectAny("VALUE", ":", ",")
	e.Value = p.expr()
	p.jsonFormat()
	return e
}

func (p *parser) jsonObject() ast.Expr {
	tok := p.advance()
	e := &ast.JSONObject{Pos: tok.pos, Aggregate: tok.key == "JSON_OBJECTAGG"}
	p.expect("(")
	if e.Nulls = p.jsonNulls(); e.Nulls == ast.JSONNullsDefault && (e.Aggregate || !p.is(")")) {
		if e.Aggregate {
			e.Entries = []ast.JSONEntry{p.jsonEntry()}
		} else {
			e.Entries = list(p, p.jsonEntry)
		}
		e.Nulls = p.jsonNulls()
	}
	p.expect(")")
	e.Filter, e.Over = p.filterOver()
	return e
}

func (p *parser) jsonArray() ast.Expr {
	tok := p.advance()
	e := &ast.JSONArray{Pos: tok.pos, Aggregate: tok.key == "JSON_ARRAYAGG"}
	p.expect("(")
	elem := func() ast.Expr {
		x := p.expr()
		p.jsonFormat()
		return x
	}
	if e.Nulls = p.jsonNulls(); e.Nulls == ast.JSONNullsDefault && (e.Aggregate || !p.is(")")) {
		if e.Aggregate {
			e.Elems = []ast.Expr{elem()}
			if p.acceptAll("ORDER", "BY") {
				e.OrderBy = list(p, p.orderItem)
			}
		} else {
			e.Elems = list(p, elem)
		}
		e.Nulls = p.jsonNulls()
	}
	p.expect(")")
	e.Filter, e.Over = p.filterOver()
	return e
}
