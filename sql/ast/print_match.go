package ast

import "strconv"

func (m *MatchRecognize) print(p *printer) {
	p.joined(m.Input, false)
	p.s(" MATCH_RECOGNIZE (")
	sep := ""
	clause := func(word string) {
		p.s(sep, word)
		sep = " "
	}
	if len(m.PartitionBy) > 0 {
		clause("PARTITION BY ")
		p.exprs(m.PartitionBy)
	}
	if len(m.OrderBy) > 0 {
		clause("ORDER BY ")
		p.order(m.OrderBy)
	}
	if len(m.Measures) > 0 {
		clause("MEASURES ")
		p.items(m.Measures)
	}
	if m.RowsPerMatch {
		if m.AllRows {
			clause("ALL ROWS PER MATCH")
		} else {
			clause("ONE ROW PER MATCH")
		}
	}
	if m.After.Kind != AfterMatchUnset {
		clause("AFTER MATCH SKIP ")
		m.After.print(p)
	}
	clause("PATTERN (")
	p.when(m.AnchorStart, "^ ")
	m.Pattern.print(p)
	p.when(m.AnchorEnd, " $")
	p.s(")")
	if m.Within != nil {
		clause("WITHIN ")
		m.Within.print(p)
	}
	m.printSubsets(p)
	if len(m.Define) > 0 {
		clause("DEFINE ")
		p.list(len(m.Define), func(i int) {
			p.ident(m.Define[i].Name)
			p.s(" AS ")
			m.Define[i].Cond.print(p)
		})
	}
	p.s(")")
	p.alias(m.Alias)
}

func (m *MatchRecognize) printSubsets(p *printer) {
	if len(m.Subsets) == 0 {
		return
	}
	p.s(" SUBSET ")
	p.list(len(m.Subsets), func(i int) {
		p.ident(m.Subsets[i].Name)
		p.s(" =")
		p.columns(m.Subsets[i].Variables)
	})
}

func (a AfterMatch) print(p *printer) {
	switch a.Kind {
	case SkipPastLastRow:
		p.s("PAST LAST ROW")
	case SkipToNextRow:
		p.s("TO NEXT ROW")
	case SkipToFirst:
		p.s("TO FIRST ")
		p.ident(a.Variable)
	case SkipToLast:
		p.s("TO LAST ")
		p.ident(a.Variable)
	case AfterMatchUnset:
	}
}

// patternParts writes parts with sep between them, nested sequences and choices in parentheses.
func (p *printer) patternParts(parts []Pattern, sep string) {
	for i, part := range parts {
		p.when(i > 0, sep)
		p.patternOperand(part)
	}
}

func (p *printer) patternOperand(x Pattern) {
	switch x.(type) {
	case *PatternConcat, *PatternAlt:
		p.s("(")
		x.print(p)
		p.s(")")
	default:
		x.print(p)
	}
}

func (x *PatternVar) print(p *printer)    { p.ident(x.Name) }
func (x *PatternConcat) print(p *printer) { p.patternParts(x.Parts, " ") }
func (x *PatternAlt) print(p *printer)    { p.patternParts(x.Parts, " | ") }

func (x *PatternPermute) print(p *printer) {
	p.s("PERMUTE(")
	p.patternParts(x.Parts, ", ")
	p.s(")")
}

func (x *PatternExclude) print(p *printer) {
	p.s("{- ")
	x.X.print(p)
	p.s(" -}")
}

func (x *PatternRepeat) print(p *printer) {
	if _, nested := x.X.(*PatternRepeat); nested {
		p.s("(")
		x.X.print(p)
		p.s(")")
	} else {
		p.patternOperand(x.X)
	}
	switch {
	case x.Min == 0 && x.Max == -1:
		p.s("*")
	case x.Min == 1 && x.Max == -1:
		p.s("+")
	case x.Min == 0 && x.Max == 1:
		p.s("?")
	case x.Max == -1:
		p.s("{", strconv.Itoa(x.Min), ",}")
	case x.Min == x.Max:
		p.s("{", strconv.Itoa(x.Min), "}")
	default:
		p.s("{", strconv.Itoa(x.Min), ",", strconv.Itoa(x.Max), "}")
	}
	p.when(x.Reluctant, "?")
}
