package ast

import "strings"

// SQL prints a node as SQL text on one line. Parsing the text gives the same
// tree again, but for positions. Names are quoted where they have to be.
func SQL(n Node) string {
	var p printer
	n.print(&p)
	return p.String()
}

// Layout prints a node as SHOW CREATE does: every clause on a line of its own,
// columns and options indented, all names in backticks. It parses to the same tree, too.
//
//	CREATE TABLE `t` (
//	  `id` BIGINT NOT NULL,
//	  PRIMARY KEY (`id`) NOT ENFORCED
//	)
//	WITH (
//	  'connector' = 'datagen'
//	)
func Layout(n Node) string {
	p := printer{layout: true}
	n.print(&p)
	return p.String()
}

// A printer collects the text of a tree. Each node prints itself and ends
// without a blank; who puts two parts side by side writes what is between them.
type printer struct {
	strings.Builder
	layout bool // as Layout does, otherwise as SQL does
}

// clause writes the words that begin a clause, on a line of their own if lines are laid out.
func (p *printer) clause(words string) {
	if p.layout {
		p.s("\n", words)
		return
	}
	p.s(" ", words)
}

// block writes n items in parentheses, each on a line of its own if lines are laid out.
func (p *printer) block(n int, item func(i int)) {
	if !p.layout {
		p.s("(")
		p.list(n, item)
		p.s(")")
		return
	}
	p.s("(\n  ")
	for i := range n {
		p.when(i > 0, ",\n  ")
		item(i)
	}
	p.s("\n)")
}

func (p *printer) s(parts ...string) {
	for _, s := range parts {
		p.WriteString(s)
	}
}

// when writes s if cond holds.
func (p *printer) when(cond bool, s string) {
	if cond {
		p.WriteString(s)
	}
}

func (p *printer) ident(name string) {
	if p.layout {
		p.WriteString(inBackticks(name))
		return
	}
	p.WriteString(Quote(name))
}

func (p *printer) path(parts []string) {
	for i, part := range parts {
		p.when(i > 0, ".")
		p.ident(part)
	}
}

func (p *printer) text(s string) { p.WriteString(QuoteText(s)) }

// list writes n items between commas.
func (p *printer) list(n int, item func(i int)) {
	for i := range n {
		p.when(i > 0, ", ")
		item(i)
	}
}

func (p *printer) idents(names []Ident) {
	p.list(len(names), func(i int) { p.ident(names[i].Name) })
}

// columns writes a list of names in parentheses, after a blank, if there are any.
func (p *printer) columns(names []Ident) {
	if len(names) > 0 {
		p.s(" (")
		p.idents(names)
		p.s(")")
	}
}

// about writes the clause COMMENT of an object.
func (p *printer) about(c *Text) {
	if c != nil {
		p.clause("COMMENT ")
		p.text(c.Value)
	}
}

// comment writes COMMENT of a column.
func (p *printer) comment(c *Text) {
	if c != nil {
		p.s(" COMMENT ")
		p.text(c.Value)
	}
}

// options writes ('k' = 'v', …).
func (p *printer) options(opts []Option) {
	if len(opts) == 0 {
		p.s("()")
		return
	}
	p.block(len(opts), func(i int) {
		p.text(opts[i].Key)
		p.s(" = ")
		p.text(opts[i].Value)
	})
}

// with writes the clause WITH (options), if there are any.
func (p *printer) with(opts []Option) {
	if len(opts) > 0 {
		p.clause("WITH ")
		p.options(opts)
	}
}

func (n Ident) print(p *printer) { p.ident(n.Name) }
func (n Name) print(p *printer)  { p.path(n.Parts) }
