package expr

import (
	"fmt"
	"strconv"
	"strings"
)

// typeName is what Flink's name of a type adds to an Arrow type: its root, its
// first number (the length or precision, or -1), and its members': an array's
// item, a map's key and value, a row's fields.
type typeName struct {
	root    string
	n       int
	members []typeName
}

var noName = typeName{n: -1}

// member is the name of member i, where it is known.
func (t typeName) member(i int) typeName {
	if i < len(t.members) {
		return t.members[i]
	}
	return noName
}

func (t typeName) String() string {
	if t.n >= 0 {
		return fmt.Sprintf("%s(%d)", t.root, t.n)
	}
	return t.root
}

// parseTypeName reads a name such as VARCHAR(5), ARRAY<TIMESTAMP(3)> or
// ROW<`a` INT, b STRING NOT NULL>.
func parseTypeName(s string) (typeName, error) {
	p := nameParser{s: strings.TrimSpace(s)}
	t := p.typ()
	if p.bad || p.at != len(p.s) {
		return noName, fmt.Errorf("type %q cannot be read", s)
	}
	return t, nil
}

type nameParser struct {
	s   string
	at  int
	bad bool
}

// until reads up to one of the characters.
func (p *nameParser) until(stop string) string {
	from := p.at
	for p.at < len(p.s) && strings.IndexByte(stop, p.s[p.at]) < 0 {
		p.at++
	}
	return strings.TrimSpace(p.s[from:p.at])
}

func (p *nameParser) skip(c byte) bool {
	if p.at >= len(p.s) || p.s[p.at] != c {
		return false
	}
	p.at++
	return true
}

func (p *nameParser) typ() typeName {
	t := typeName{root: strings.ToUpper(p.until("(<,>)")), n: -1}
	t.root = strings.TrimSpace(strings.TrimSuffix(t.root, "NOT NULL"))
	row := t.root == "ROW"
	switch {
	case p.skip('<'):
		t.members = p.list('>', row)
	case row && p.skip('('):
		t.members = p.list(')', true)
	case p.skip('('):
		n, err := strconv.Atoi(p.until(",)"))
		if err == nil {
			t.n = n
		}
		p.until(")")
		p.bad = p.bad || !p.skip(')') || err != nil
	}
	rest := strings.ToUpper(p.until("(<,>)")) // NOT NULL, WITH LOCAL TIME ZONE, TO SECOND
	if strings.Contains(rest, "LOCAL TIME ZONE") {
		t.root = "TIMESTAMP_LTZ"
	}
	if p.skip('(') { // INTERVAL DAY(3) TO SECOND(3)
		p.until(")")
		p.bad = p.bad || !p.skip(')')
	}
	return t
}

// list reads members, whose names stand before their types in a row.
func (p *nameParser) list(end byte, named bool) []typeName {
	var out []typeName
	for {
		for p.skip(' ') {
		}
		if p.skip(end) {
			return out
		}
		if named {
			if p.skip('`') {
				p.until("`")
				p.bad = p.bad || !p.skip('`')
			} else {
				p.until(" ")
			}
		}
		before := p.at
		out = append(out, p.typ())
		if !p.skip(',') && (p.at >= len(p.s) || p.s[p.at] != end) || p.bad || p.at == before {
			p.bad = true
			return out
		}
	}
}
