// Package regex matches regular expressions: Go's syntax and Go's answers, at
// several times the speed for the plain ones that queries have.
//
// A pattern of literals, classes, alternatives, repetitions and captures is
// compiled to a short program, which a backtracking machine runs over bytes. It
// tries alternatives in the order in which Go prefers them, so the first match
// is Go's match. Where a pattern has more (word boundaries, lines, folded case),
// or where backtracking takes too many steps, Go's matcher is asked.
package regex

import (
	"regexp"
	"regexp/syntax"
)

// Regexp is a compiled pattern. It is used by one goroutine.
type Regexp struct {
	*regexp.Regexp
	prog *program // nil: Go's matcher
	m    machine
}

// Compile reads a pattern; its errors are those of package regexp.
func Compile(pattern string) (*Regexp, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	r := &Regexp{Regexp: re}
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, err
	}
	if r.prog = compile(tree); r.prog != nil {
		r.m.caps = make([]int, 2*(re.NumSubexp()+1))
	}
	return r, nil
}

// MatchString reports whether s contains a match.
func (r *Regexp) MatchString(s string) bool {
	if r.prog != nil {
		if found, sure := r.m.find(r.prog, s); sure {
			return found
		}
	}
	return r.Regexp.MatchString(s)
}

// FindStringSubmatchIndex gives the bounds of the leftmost match and of its
// groups, as package regexp does; nil when there is none. The result is valid
// until the next call.
func (r *Regexp) FindStringSubmatchIndex(s string) []int {
	if r.prog != nil {
		if found, sure := r.m.find(r.prog, s); sure {
			if !found {
				return nil
			}
			return r.m.caps
		}
	}
	return r.Regexp.FindStringSubmatchIndex(s)
}
