package ast

import "strconv"

// bindingOf is the strength with which a query holds its operands.
func bindingOf(q Query) int {
	switch q := q.(type) {
	case *With, *Ordered:
		return 0
	case *SetOp:
		if q.Op == Intersect {
			return 2
		}
		return 1
	default:
		return 3
	}
}

// body writes q, in parentheses if it holds less tightly than loosest.
func (p *printer) body(q Query, loosest int) {
	if bindingOf(q) < loosest {
		p.paren(q)
		return
	}
	q.print(p)
}

func (q *With) print(p *printer) {
	p.s("WITH ")
	p.when(q.Recursive, "RECURSIVE ")
	p.list(len(q.CTEs), func(i int) {
		c := &q.CTEs[i]
		p.ident(c.Name)
		p.columns(c.Columns)
		p.s(" AS ")
		p.paren(c.Query)
	})
	p.clause("")
	if _, nested := q.Body.(*With); nested {
		p.paren(q.Body)
		return
	}
	q.Body.print(p)
}

func (q *Ordered) print(p *printer) {
	p.body(q.Body, 1)
	if len(q.OrderBy) > 0 {
		p.clause("ORDER BY ")
		p.order(q.OrderBy)
	}
	if q.Limit != nil {
		p.clause("LIMIT ")
		q.Limit.print(p)
	}
	if q.Offset != nil {
		p.clause("OFFSET ")
		q.Offset.print(p)
	}
}

func (q *SetOp) print(p *printer) {
	// As with Binary, a long chain must not be a deep one.
	var chain []*SetOp
	left := Query(q)
	for {
		op, ok := left.(*SetOp)
		if !ok || len(chain) > 0 && bindingOf(op) < bindingOf(chain[len(chain)-1]) {
			break
		}
		chain = append(chain, op)
		left = op.Left
	}
	p.body(left, bindingOf(chain[len(chain)-1]))
	for i := len(chain) - 1; i >= 0; i-- {
		op := chain[i]
		p.clause(op.Op.String())
		p.when(op.All, " ALL")
		p.clause("")
		p.body(op.Right, bindingOf(op)+1)
	}
}

func (q *Values) print(p *printer) {
	p.s("VALUES ")
	p.exprs(q.Rows)
}

func (q *TableQuery) print(p *printer) {
	p.s("TABLE ")
	q.Name.print(p)
}

func (q *Select) print(p *printer) {
	p.s("SELECT ")
	p.hints(q.Hints, "", " ")
	p.when(q.Distinct, "DISTINCT ")
	p.items(q.Items)
	if q.From != nil {
		p.clause("FROM ")
		q.From.print(p)
	}
	if q.Where != nil {
		p.clause("WHERE ")
		q.Where.print(p)
	}
	if q.GroupBy != nil {
		p.clause("GROUP BY ")
		p.when(q.GroupBy.Distinct, "DISTINCT ")
		p.exprs(q.GroupBy.Items)
	}
	if q.Having != nil {
		p.clause("HAVING ")
		q.Having.print(p)
	}
	if len(q.Windows) > 0 {
		p.clause("WINDOW ")
		p.list(len(q.Windows), func(i int) {
			p.ident(q.Windows[i].Name)
			p.s(" AS ")
			q.Windows[i].Window.print(p)
		})
	}
	if q.Qualify != nil {
		p.clause("QUALIFY ")
		q.Qualify.print(p)
	}
}

func (p *printer) items(items []SelectItem) {
	p.list(len(items), func(i int) {
		items[i].Expr.print(p)
		if items[i].Alias.Name != "" {
			p.s(" AS ")
			p.ident(items[i].Alias.Name)
		}
	})
}

// hints writes /*+ … */ between before and after, if there are any.
func (p *printer) hints(hints []Hint, before, after string) {
	if len(hints) == 0 {
		return
	}
	p.s(before, "/*+ ")
	p.list(len(hints), func(i int) {
		h := &hints[i]
		p.ident(h.Name)
		switch {
		case len(h.Options) > 0:
			p.options(h.Options)
		case len(h.Args) > 0:
			p.s("(")
			p.list(len(h.Args), func(j int) { h.Args[j].print(p) })
			p.s(")")
		}
	})
	p.s(" */", after)
}

func (a HintArg) print(p *printer) {
	switch {
	case a.Quoted:
		p.text(a.Text)
	case isNumber(a.Text):
		p.s(a.Text)
	default:
		p.ident(a.Text)
	}
}

func isNumber(s string) bool {
	_, err := strconv.ParseFloat(s, 64)
	return err == nil && s[0] >= '0' && s[0] <= '9'
}

func (p *printer) alias(a Alias) {
	if a.Name != "" {
		p.s(" AS ")
		p.ident(a.Name)
		p.columns(a.Columns)
	}
}

func (p *printer) sample(s *Sample) {
	if s == nil {
		return
	}
	if s.System {
		p.s(" TABLESAMPLE SYSTEM (")
	} else {
		p.s(" TABLESAMPLE BERNOULLI (")
	}
	s.Percent.print(p)
	p.s(")")
	if s.Repeatable != nil {
		p.s(" REPEATABLE (")
		s.Repeatable.print(p)
		p.s(")")
	}
}

func (t *Table) print(p *printer) {
	t.Name.print(p)
	p.hints(t.Hints, " ", "")
	if t.AsOf != nil {
		p.s(" FOR SYSTEM_TIME AS OF ")
		t.AsOf.print(p)
	}
	p.alias(t.Alias)
	p.sample(t.Sample)
}

func (t *Derived) print(p *printer) {
	p.when(t.Lateral, "LATERAL ")
	p.paren(t.Query)
	p.alias(t.Alias)
	p.sample(t.Sample)
}

func (t *TableFunc) print(p *printer) {
	p.when(t.Lateral, "LATERAL ")
	p.when(t.Wrapped, "TABLE(")
	t.Call.print(p)
	p.when(t.Wrapped, ")")
	p.hints(t.Hints, " ", "")
	p.alias(t.Alias)
	p.sample(t.Sample)
}

func (t *Unnest) print(p *printer) {
	p.when(t.Lateral, "LATERAL ")
	p.s("UNNEST")
	p.args(t.Args)
	p.when(t.Ordinality, " WITH ORDINALITY")
	p.alias(t.Alias)
}

func (t *Join) print(p *printer) {
	var chain []*Join
	left := TableRef(t)
	for {
		j, ok := left.(*Join)
		if !ok || len(chain) > 0 && j.Kind == CommaJoin && chain[len(chain)-1].Kind != CommaJoin {
			break
		}
		chain = append(chain, j)
		left = j.Left
	}
	p.joined(left, false)
	for i := len(chain) - 1; i >= 0; i-- {
		chain[i].printRight(p)
	}
}

// joined writes one side of a join, in parentheses if it is a join that would be read otherwise.
func (p *printer) joined(t TableRef, bare bool) {
	if _, join := t.(*Join); join && !bare {
		p.s("(")
		t.print(p)
		p.s(")")
		return
	}
	t.print(p)
}

func (t *Join) printRight(p *printer) {
	if t.Kind == CommaJoin {
		right, join := t.Right.(*Join)
		p.s(", ")
		p.joined(t.Right, join && right.Kind != CommaJoin)
		return
	}
	p.s(" ")
	p.when(t.Natural, "NATURAL ")
	p.s(t.Kind.String(), " ")
	p.joined(t.Right, false)
	if t.Match != nil {
		p.s(" MATCH_CONDITION ")
		t.Match.print(p)
	}
	if t.On != nil {
		p.s(" ON ")
		t.On.print(p)
	}
	if len(t.Using) > 0 {
		p.s(" USING (")
		p.idents(t.Using)
		p.s(")")
	}
}
