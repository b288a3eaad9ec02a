package ast

import "strings"

// SQL prints a node as SQL text on one line. Parsing the text gives the same
// tree again, but for positions. Names are quoted where they have to be.
func SQL(n Node) string {
	var p printer
	n.print(&p)
	return p.String()
}

// A printer collects the text of a tree. Each node prints itself and ends
// without a blank; who puts two parts side by side writes what is between them.
type printer struct{ strings.Builder }

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

func (p *printer) ident(name string) { p.WriteString(Quote(name)) }

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

func (p *printer) comment(c *Text) {
	if c != nil {
		p.s(" COMMENT ")
		p.text(c.Value)
	}
}

// options writes ('k' = 'v', …).
func (p *printer) options(opts []Option) {
	p.s("(")
	p.list(len(opts), func(i int) {
		p.text(opts[i].Key)
		p.s(" = ")
		p.text(opts[i].Value)
	})
	p.s(")")
}

// with writes WITH (options), after a blank, if there are any.
func (p *printer) with(opts []Option) {
	if len(opts) > 0 {
		p.s(" WITH ")
		p.options(opts)
	}
}

func (n Ident) print(p *printer) { p.ident(n.Name) }
func (n Name) print(p *printer)  { p.path(n.Parts) }
