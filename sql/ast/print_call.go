package ast

import "strings"

func (e *Call) print(p *printer) {
	switch e.Semantics {
	case RunningSemantics:
		p.s("RUNNING ")
	case FinalSemantics:
		p.s("FINAL ")
	case DefaultSemantics:
	}
	e.printName(p)
	if !e.Bare {
		p.s("(")
		p.when(e.Distinct, "DISTINCT ")
		if !e.printKeywordArgs(p) {
			p.exprs(e.Args)
		}
		if len(e.OrderBy) > 0 {
			p.s(" ORDER BY ")
			p.order(e.OrderBy)
		}
		p.s(")")
	}
	p.nullTreatment(e.Nulls)
	if len(e.Within) > 0 {
		p.s(" WITHIN GROUP (ORDER BY ")
		p.order(e.Within)
		p.s(")")
	}
	p.filterOver(e.Filter, e.Over)
}

// printName writes the name of a function, bare where the parser takes a reserved word as one.
func (e *Call) printName(p *printer) {
	if len(e.Name.Parts) == 1 {
		name := e.Name.Parts[0]
		if word := strings.ToUpper(name); isPlain(name) && (functions[word] || !reserved[word] && !ambiguous[word]) {
			if p.layout { // as Flink shows its functions
				name = word
			}
			p.s(name)
			return
		}
	}
	p.path(e.Name.Parts)
}

// printKeywordArgs writes the arguments of the functions that have keywords between them.
func (e *Call) printKeywordArgs(p *printer) bool {
	if len(e.Name.Parts) != 1 {
		return false
	}
	between := func(words ...string) bool {
		for i, a := range e.Args {
			if i > 0 {
				p.s(words[i-1])
			}
			p.operand(a, BindPredicate+1)
		}
		return true
	}
	n := len(e.Args)
	_, symbolFirst := at(e.Args, 0).(*Symbol)
	_, symbolSecond := at(e.Args, 1).(*Symbol)
	switch strings.ToUpper(e.Name.Parts[0]) {
	case "EXTRACT":
		return symbolFirst && n == 2 && between(" FROM ")
	case "FLOOR", "CEIL", "CEILING":
		return symbolSecond && n == 2 && between(" TO ")
	case "TRIM":
		return symbolFirst && n == 3 && between(" ", " FROM ")
	case "POSITION":
		return (n == 2 || n == 3) && between(" IN ", " FROM ")
	case "OVERLAY":
		return (n == 3 || n == 4) && between(" PLACING ", " FROM ", " FOR ")
	}
	return false
}

func at(list []Expr, i int) Expr {
	if i < len(list) {
		return list[i]
	}
	return nil
}

func (p *printer) nullTreatment(n NullTreatment) {
	switch n {
	case RespectNulls:
		p.s(" RESPECT NULLS")
	case IgnoreNulls:
		p.s(" IGNORE NULLS")
	case DefaultNulls:
	}
}

func (p *printer) filterOver(filter Expr, over *Window) {
	if filter != nil {
		p.s(" FILTER (WHERE ")
		filter.print(p)
		p.s(")")
	}
	if over != nil {
		p.s(" OVER ")
		over.print(p)
	}
}

func (w *Window) print(p *printer) {
	if w.Named {
		p.ident(w.Base)
		return
	}
	p.s("(")
	sep := ""
	if w.Base != "" {
		p.ident(w.Base)
		sep = " "
	}
	if len(w.PartitionBy) > 0 {
		p.s(sep, "PARTITION BY ")
		p.exprs(w.PartitionBy)
		sep = " "
	}
	if len(w.OrderBy) > 0 {
		p.s(sep, "ORDER BY ")
		p.order(w.OrderBy)
		sep = " "
	}
	if w.Frame != nil {
		p.s(sep)
		w.Frame.print(p)
	}
	p.s(")")
}

func (f *Frame) print(p *printer) {
	if f.Mode == RowsFrame {
		p.s("ROWS ")
	} else {
		p.s("RANGE ")
	}
	if f.End.Kind == NoBound {
		f.Start.print(p)
		return
	}
	p.s("BETWEEN ")
	f.Start.print(p)
	p.s(" AND ")
	f.End.print(p)
}

func (b Bound) print(p *printer) {
	switch b.Kind {
	case UnboundedPreceding:
		p.s("UNBOUNDED PRECEDING")
	case UnboundedFollowing:
		p.s("UNBOUNDED FOLLOWING")
	case CurrentRow:
		p.s("CURRENT ROW")
	case Preceding:
		p.operand(b.Offset, BindPredicate)
		p.s(" PRECEDING")
	case Following:
		p.operand(b.Offset, BindPredicate)
		p.s(" FOLLOWING")
	case NoBound:
	}
}

func (p *printer) order(items []OrderItem) {
	p.list(len(items), func(i int) {
		items[i].Expr.print(p)
		p.when(items[i].Desc, " DESC")
		switch items[i].Nulls {
		case NullsFirst:
			p.s(" NULLS FIRST")
		case NullsLast:
			p.s(" NULLS LAST")
		case NullsDefault:
		}
	})
}

func (p *printer) returning(t *DataType) {
	if t != nil {
		p.s(" RETURNING ")
		t.print(p)
	}
}

func (p *printer) fallback(f JSONFallback, when string) {
	if f.Kind == JSONUnset {
		return
	}
	p.s(" ", f.Kind.String())
	if f.Kind == JSONDefault {
		p.s(" ")
		f.Default.print(p)
	}
	p.s(when)
}

func (p *printer) jsonInput(fn string, input, path Expr) {
	p.s(fn, "(")
	input.print(p)
	p.s(", ")
	path.print(p)
}

func (e *JSONValue) print(p *printer) {
	p.jsonInput("JSON_VALUE", e.Input, e.Path)
	p.returning(e.Returning)
	p.fallback(e.OnEmpty, " ON EMPTY")
	p.fallback(e.OnError, " ON ERROR")
	p.s(")")
}

func (e *JSONQuery) print(p *printer) {
	p.jsonInput("JSON_QUERY", e.Input, e.Path)
	p.returning(e.Returning)
	switch e.Wrapper {
	case JSONWithoutWrapper:
		p.s(" WITHOUT ARRAY WRAPPER")
	case JSONWithConditionalWrapper:
		p.s(" WITH CONDITIONAL ARRAY WRAPPER")
	case JSONWithUnconditionalWrapper:
		p.s(" WITH UNCONDITIONAL ARRAY WRAPPER")
	case JSONWrapperDefault:
	}
	p.fallback(e.OnEmpty, " ON EMPTY")
	p.fallback(e.OnError, " ON ERROR")
	p.s(")")
}

func (e *JSONExists) print(p *printer) {
	p.jsonInput("JSON_EXISTS", e.Input, e.Path)
	p.fallback(e.OnError, " ON ERROR")
	p.s(")")
}

func (p *printer) jsonNulls(n JSONNulls, sep string) {
	switch n {
	case JSONNullOnNull:
		p.s(sep, "NULL ON NULL")
	case JSONAbsentOnNull:
		p.s(sep, "ABSENT ON NULL")
	case JSONNullsDefault:
	}
}

func (e *JSONObject) print(p *printer) {
	p.s("JSON_OBJECT")
	p.when(e.Aggregate, "AGG")
	p.s("(")
	p.list(len(e.Entries), func(i int) {
		p.s("KEY ")
		e.Entries[i].Key.print(p)
		p.s(" VALUE ")
		e.Entries[i].Value.print(p)
	})
	sep := ""
	if len(e.Entries) > 0 {
		sep = " "
	}
	p.jsonNulls(e.Nulls, sep)
	p.s(")")
	p.filterOver(e.Filter, e.Over)
}

func (e *JSONArray) print(p *printer) {
	p.s("JSON_ARRAY")
	p.when(e.Aggregate, "AGG")
	p.s("(")
	p.exprs(e.Elems)
	if len(e.OrderBy) > 0 {
		p.s(" ORDER BY ")
		p.order(e.OrderBy)
	}
	sep := ""
	if len(e.Elems) > 0 {
		sep = " "
	}
	p.jsonNulls(e.Nulls, sep)
	p.s(")")
	p.filterOver(e.Filter, e.Over)
}
