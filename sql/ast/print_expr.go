package ast

import (
	"encoding/hex"
	"strings"
)

// binding is the strength of the outermost operator of e.
func binding(e Expr) int {
	switch e := e.(type) {
	case *Binary:
		return e.Op.Binding()
	case *Unary:
		if e.Op == Not {
			return BindNot
		}
		return BindSign
	case *Is:
		if e.What == IsDistinctFrom {
			return BindCompare
		}
		return BindIs
	case *Quantified:
		return BindCompare
	case *Between, *In, *Like:
		return BindPredicate
	default:
		return BindPostfix
	}
}

// operand writes e, in parentheses if it holds less tightly than loosest.
func (p *printer) operand(e Expr, loosest int) {
	if binding(e) < loosest {
		p.s("(")
		e.print(p)
		p.s(")")
		return
	}
	e.print(p)
}

func (p *printer) exprs(list []Expr) {
	p.list(len(list), func(i int) { list[i].print(p) })
}

// args writes a list of expressions in parentheses.
func (p *printer) args(list []Expr) {
	p.s("(")
	p.exprs(list)
	p.s(")")
}

// paren writes a query in parentheses.
func (p *printer) paren(q Query) {
	p.s("(")
	q.print(p)
	p.s(")")
}

func (e *Column) print(p *printer) { p.path(e.Parts) }

func (e *Star) print(p *printer) {
	for _, part := range e.Qualifier {
		p.ident(part)
		p.s(".")
	}
	p.s("*")
}

func (*Null) print(p *printer)    { p.s("NULL") }
func (*Default) print(p *printer) { p.s("DEFAULT") }

func (e *Bool) print(p *printer) {
	switch {
	case e.Unknown:
		p.s("UNKNOWN")
	case e.Value:
		p.s("TRUE")
	default:
		p.s("FALSE")
	}
}

func (e *Number) print(p *printer) { p.s(e.Text) }
func (e *Text) print(p *printer)   { p.text(e.Value) }
func (e *Bytes) print(p *printer) {
	p.s("X'", strings.ToUpper(hex.EncodeToString(e.Value)), "'")
}

func (e *Temporal) print(p *printer) {
	p.s(e.Kind.String(), " ")
	p.text(e.Value)
}

func (e *Interval) print(p *printer) {
	p.s("INTERVAL ")
	p.when(e.Negative, "-")
	switch e.Value.(type) {
	case *Text, *Number, *Column:
		e.Value.print(p)
	default:
		p.s("(")
		e.Value.print(p)
		p.s(")")
	}
	p.s(" ")
	e.Unit.print(p)
}

func (e *Unary) print(p *printer) {
	p.s(e.Op.String())
	if e.Op == Not {
		p.s(" ")
		p.operand(e.X, BindNot)
		return
	}
	// Two signs side by side would begin a comment.
	loosest := BindSign
	if _, signed := e.X.(*Unary); signed {
		loosest = BindPostfix
	}
	p.operand(e.X, loosest)
}

func (e *Binary) print(p *printer) {
	// A chain of a left-associative operator is as deep as it is long: go down it in a loop.
	var chain []*Binary
	left := Expr(e)
	for {
		b, ok := left.(*Binary)
		if !ok || len(chain) > 0 && b.Op.Binding() < chain[len(chain)-1].Op.Binding() {
			break
		}
		chain = append(chain, b)
		left = b.Left
	}
	p.operand(left, chain[len(chain)-1].Op.Binding())
	for i := len(chain) - 1; i >= 0; i-- {
		b := chain[i]
		p.s(" ", b.Op.String(), " ")
		p.operand(b.Right, b.Op.Binding()+1)
	}
}

func (e *Is) print(p *printer) {
	loosest := BindIs
	if e.What == IsDistinctFrom {
		loosest = BindCompare
	}
	p.operand(e.X, loosest)
	p.s(" IS ")
	p.when(e.Not, "NOT ")
	p.s(e.What.String())
	if e.What == IsDistinctFrom {
		p.s(" ")
		p.operand(e.Other, BindCompare+1)
	}
}

func (e *Between) print(p *printer) {
	p.operand(e.X, BindPredicate)
	p.when(e.Not, " NOT")
	p.s(" BETWEEN ")
	p.when(e.Symmetric, "SYMMETRIC ")
	p.operand(e.Low, BindPredicate+1)
	p.s(" AND ")
	p.operand(e.High, BindPredicate+1)
}

func (e *In) print(p *printer) {
	p.operand(e.X, BindPredicate)
	p.when(e.Not, " NOT")
	p.s(" IN ")
	p.listOrQuery(e.List, e.Query)
}

func (p *printer) listOrQuery(list []Expr, q Query) {
	if q != nil {
		p.paren(q)
		return
	}
	p.args(list)
}

func (e *Like) print(p *printer) {
	p.operand(e.X, BindPredicate)
	p.when(e.Not, " NOT")
	p.s(" ", e.Kind.String(), " ")
	p.operand(e.Pattern, BindPredicate+1)
	if e.Escape != nil {
		p.s(" ESCAPE ")
		p.operand(e.Escape, BindPredicate+1)
	}
}

func (e *Quantified) print(p *printer) {
	p.operand(e.X, BindCompare)
	p.s(" ", e.Op.String())
	if e.All {
		p.s(" ALL ")
	} else {
		p.s(" ANY ")
	}
	p.listOrQuery(e.List, e.Query)
}

func (e *Exists) print(p *printer) {
	p.s("EXISTS ")
	p.paren(e.Query)
}

func (e *Unique) print(p *printer) {
	p.s("UNIQUE ")
	p.paren(e.Query)
}

func (e *Subquery) print(p *printer) { p.paren(e.Query) }

func (e *Case) print(p *printer) {
	p.s("CASE")
	if e.Operand != nil {
		p.s(" ")
		e.Operand.print(p)
	}
	for _, w := range e.Whens {
		p.s(" WHEN ")
		p.exprs(w.Conds)
		p.s(" THEN ")
		w.Then.print(p)
	}
	if e.Else != nil {
		p.s(" ELSE ")
		e.Else.print(p)
	}
	p.s(" END")
}

func (e *Cast) print(p *printer) {
	p.when(e.Try, "TRY_")
	p.s("CAST(")
	e.X.print(p)
	p.s(" AS ")
	e.Type.print(p)
	p.s(")")
}

func (e *Symbol) print(p *printer) { p.s(e.Keyword) }

func (e *NamedArg) print(p *printer) {
	p.ident(e.Name)
	p.s(" => ")
	e.Value.print(p)
}

func (e *TableArg) print(p *printer) {
	p.s("TABLE ")
	if e.Query != nil {
		p.paren(e.Query)
	} else {
		e.Table.print(p)
	}
	if len(e.PartitionBy) > 0 {
		p.s(" PARTITION BY (")
		p.exprs(e.PartitionBy)
		p.s(")")
	}
	if len(e.OrderBy) > 0 {
		p.s(" ORDER BY (")
		p.order(e.OrderBy)
		p.s(")")
	}
}

func (e *ModelArg) print(p *printer) {
	p.s("MODEL ")
	e.Name.print(p)
}

func (e *Descriptor) print(p *printer) {
	p.s("DESCRIPTOR(")
	p.list(len(e.Columns), func(i int) {
		c := &e.Columns[i]
		p.ident(c.Name)
		if c.Type != nil {
			p.s(" ")
			c.Type.print(p)
		}
	})
	p.s(")")
}

func (e *Row) print(p *printer) {
	p.when(e.Explicit, "ROW")
	p.args(e.Elems)
}

func (p *printer) collection(word string, elems []Expr, q Query) {
	p.s(word)
	if q != nil {
		p.paren(q)
		return
	}
	p.s("[")
	p.exprs(elems)
	p.s("]")
}

func (e *Array) print(p *printer)    { p.collection("ARRAY", e.Elems, e.Query) }
func (e *Map) print(p *printer)      { p.collection("MAP", e.Entries, e.Query) }
func (e *Multiset) print(p *printer) { p.collection("MULTISET", e.Elems, e.Query) }

func (e *Item) print(p *printer) {
	p.operand(e.X, BindPostfix)
	p.s("[")
	e.Index.print(p)
	p.s("]")
}

func (e *Field) print(p *printer) {
	switch e.X.(type) {
	case *Item, *Call, *Field:
		e.X.print(p)
	default:
		p.s("(")
		e.X.print(p)
		p.s(")")
	}
	p.s(".")
	if e.Name == "*" {
		p.s("*")
		return
	}
	p.ident(e.Name)
}

func (e *Grouping) print(p *printer) {
	p.s(e.Kind.String(), " ")
	p.args(e.Items)
}
