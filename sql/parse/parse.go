// Package parse turns SQL text into trees of package ast. The dialect is Flink's.
//
// Statements are parsed by recursive descent, expressions by operator
// precedence (Pratt), with the binding strengths of package ast. The text is cut
// into tokens first; the parser looks ahead by a few tokens and never goes back,
// so the time is linear in the length of the text. Nesting is limited to
// MaxDepth, chains of operators (a OR b OR …) to MaxChain, because both make the
// tree deep and what walks the tree is recursive. Lists may be of any length.
//
// Identifiers are case-sensitive, keywords are not. The reserved words that the
// grammar needs (see ast.IsName) are names only in backticks. Comments are -- … , // … and
// /* … */; /*+ … */ is a hint.
//
// Every mistake is an *Error with a position.
package parse

import (
	"fmt"
	"strings"

	"github.com/wadi-engine/wadi/sql/ast"
)

// MaxDepth is how deep the rules of the grammar may nest. A pair of parentheses takes two.
const MaxDepth = 400

// MaxChain is how many operators, set operations or joins may follow each other.
const MaxChain = 10_000

// Script parses statements that are separated by semicolons. Empty statements
// are left out. On an error it returns the statements before the mistake, too.
func Script(text string) (stmts []ast.Statement, err error) {
	defer rescue(&err)
	p := newParser(text)
	for {
		for p.is(";") {
			p.advance()
		}
		if p.cur().kind == tokEOF {
			return stmts, nil
		}
		s := p.statement()
		if !p.accept(";") {
			p.expectEnd()
		}
		stmts = append(stmts, s)
	}
}

// Statement parses one statement, with or without a semicolon after it.
func Statement(text string) (ast.Statement, error) {
	return entry(text, (*parser).statement)
}

// Query parses one query.
func Query(text string) (ast.Query, error) {
	return entry(text, (*parser).query)
}

// Expr parses one expression.
func Expr(text string) (ast.Expr, error) {
	return entry(text, (*parser).expr)
}

// DataType parses one type, such as ROW<a INT NOT NULL, b STRING>.
func DataType(text string) (*ast.DataType, error) {
	return entry(text, (*parser).dataType)
}

func entry[T any](text string, rule func(*parser) T) (node T, err error) {
	defer rescue(&err)
	p := newParser(text)
	n := rule(p)
	for p.is(";") {
		p.advance()
	}
	p.expectEnd()
	return n, nil
}

// rescue turns the panic by which the parser leaves at a mistake into an error.
func rescue(err *error) {
	switch r := recover().(type) {
	case nil:
	case *Error:
		*err = r
	default:
		panic(r)
	}
}

// A parser reads tokens from left to right. Its methods are the rules of the
// grammar: each begins at the first token of its rule and ends after the last.
// At a mistake they panic with *Error, which the entry points recover.
type parser struct {
	src   string
	toks  []token
	at    int
	depth int

	noQuery  int // in rules that may not hold queries, if above zero
	bareName int // index of the last word taken as an alias without AS, or -1
	missed   expectation
}

func newParser(text string) *parser {
	return &parser{src: text, toks: lex(text), bareName: -1}
}

func (p *parser) cur() *token { return &p.toks[p.at] }

// ahead is the token n after the current one; the last one repeats.
func (p *parser) ahead(n int) *token {
	return &p.toks[min(p.at+n, len(p.toks)-1)]
}

func (p *parser) pos() ast.Pos { return p.cur().pos }

func (p *parser) advance() *token {
	t := p.cur()
	if t.kind != tokEOF {
		p.at++
	}
	return t
}

// is reports whether the current token is the keyword or operator, without noting that it was looked for.
func (p *parser) is(key string) bool { return p.toks[p.at].key == key }

// isAny reports whether the current token is one of keys.
func (p *parser) isAny(keys ...string) bool {
	cur := p.toks[p.at].key
	if cur == "" {
		return false
	}
	for _, k := range keys {
		if cur == k {
			return true
		}
	}
	return false
}

// follows reports whether the tokens from the current one on are keys.
func (p *parser) follows(keys ...string) bool {
	for i, k := range keys {
		if p.ahead(i).key != k {
			return false
		}
	}
	return true
}

// accept takes the keyword or operator if it stands here.
func (p *parser) accept(key string) bool {
	if p.toks[p.at].key == key {
		p.at++
		return true
	}
	p.missed.add(p.at, key)
	return false
}

// acceptAll takes a sequence of keywords if all of it stands here.
func (p *parser) acceptAll(keys ...string) bool {
	if !p.follows(keys...) {
		p.missed.add(p.at, keys[0])
		return false
	}
	p.at += len(keys)
	return true
}

// acceptAny takes one of keys and returns it, or returns "".
func (p *parser) acceptAny(keys ...string) string {
	for _, k := range keys {
		if p.accept(k) {
			return k
		}
	}
	return ""
}

// expect takes keys, one after the other, or fails.
func (p *parser) expect(keys ...string) {
	for _, k := range keys {
		if !p.accept(k) {
			p.unexpected()
		}
	}
}

// expectAny takes one of keys or fails.
func (p *parser) expectAny(keys ...string) string {
	k := p.acceptAny(keys...)
	if k == "" {
		p.unexpected()
	}
	return k
}

func (p *parser) expectEnd() {
	if p.cur().kind != tokEOF {
		p.missed.add(p.at, "end of statement")
		p.unexpected()
	}
}

// want fails, having looked in vain for what.
func (p *parser) want(what string) {
	p.missed.add(p.at, what)
	p.unexpected()
}

// unexpected fails at the current token, listing what has been looked for there.
func (p *parser) unexpected() {
	t := p.cur()
	what := "unexpected " + describe(t)
	width := t.end - t.pos.Offset
	if t.kind == tokEOF {
		what = "unexpected end of the statement"
	}
	err := newError(p.src, t.pos, width, what)
	if t.key == "=" && p.at > 0 && p.toks[p.at-1].key == "=" {
		p.failf(t.pos, "equal is =, not ==")
	}
	if p.missed.at == p.at {
		err.Expected = append(err.Expected, p.missed.words...)
	}
	if t.kind == tokWord {
		err.Nearest = nearest(t.key, err.Expected)
	}
	if err.Nearest == "" && p.bareName >= 0 && p.bareName == p.at-1 {
		p.blameAlias(err)
	}
	if t.kind == tokWord && !ast.IsName(t.key) && err.Nearest == "" {
		for _, w := range err.Expected {
			if w == "name" {
				err.Msg += ", a reserved word: in backticks it can be a name"
			}
		}
	}
	panic(err)
}

// blameAlias corrects an error after a word that was taken as an alias but is
// more likely a misspelt keyword, as in SELECT a FORM t.
func (p *parser) blameAlias(err *Error) {
	word := &p.toks[p.bareName]
	near := nearest(word.key, err.Expected)
	if near == "" {
		near = nearest(word.key, clauses)
	}
	if near == "" {
		return
	}
	*err = *newError(p.src, word.pos, word.end-word.pos.Offset, "unexpected "+describe(word))
	err.Nearest = near
}

// clauses may follow an alias.
var clauses = []string{"FROM", "WHERE", "GROUP", "HAVING", "WINDOW", "QUALIFY", "ORDER", "LIMIT", "OFFSET", "FETCH", "UNION", "EXCEPT", "INTERSECT", "JOIN", "LEFT", "RIGHT", "INNER", "CROSS", "ON"}

func describe(t *token) string {
	switch t.kind {
	case tokString:
		return ast.QuoteText(clip(t.text))
	case tokBytes:
		return "a binary literal"
	case tokQuoted:
		return "`" + clip(t.text) + "`"
	case tokEOF:
		return "end"
	default:
		return `"` + clip(t.text) + `"`
	}
}

func clip(s string) string {
	if len(s) <= 40 {
		return s
	}
	return strings.ToValidUTF8(s[:40], "") + "…"
}

// failf fails at a position with a message of its own.
func (p *parser) failf(pos ast.Pos, format string, args ...any) {
	width := 1
	for i := max(0, p.at-1); i < len(p.toks) && i <= p.at; i++ {
		if p.toks[i].pos == pos {
			width = p.toks[i].end - pos.Offset
		}
	}
	panic(newError(p.src, pos, width, fmt.Sprintf(format, args...)))
}

// enter and leave bracket every rule that can hold itself.
func (p *parser) enter() {
	p.depth++
	if p.depth > MaxDepth {
		p.failf(p.pos(), "this is nested too deeply; split the statement, for example with WITH or a view")
	}
}

func (p *parser) leave() { p.depth-- }

// chained bounds the loops that make the tree deeper to the left.
func (p *parser) chained(n int) {
	if n > MaxChain {
		p.failf(p.pos(), "more than %d operations follow each other; use IN (…), or split the statement with WITH", MaxChain)
	}
}

// isName reports whether an identifier stands here.
func (p *parser) isName() bool { return isName(p.cur()) }

func isName(t *token) bool {
	return t.kind == tokQuoted || t.kind == tokWord && ast.IsName(t.key)
}

// ident reads one identifier.
func (p *parser) ident() ast.Ident {
	if !p.isName() {
		p.want("name")
	}
	t := p.advance()
	return ast.Ident{Pos: t.pos, Name: t.text}
}

// name reads a dotted name.
func (p *parser) name() ast.Name {
	first := p.ident()
	n := ast.Name{Pos: first.Pos, Parts: []string{first.Name}}
	for p.accept(".") {
		n.Parts = append(n.Parts, p.ident().Name)
	}
	return n
}

// procedureName is name, in which any word may stand behind a dot: procedures of
// catalogs are in their database system, which is a reserved word.
func (p *parser) procedureName() ast.Name {
	first := p.ident()
	n := ast.Name{Pos: first.Pos, Parts: []string{first.Name}}
	for p.accept(".") {
		if p.cur().kind != tokWord {
			n.Parts = append(n.Parts, p.ident().Name)
			continue
		}
		n.Parts = append(n.Parts, p.advance().text)
	}
	return n
}

// list reads item { , item }.
func list[T any](p *parser, item func() T) []T {
	out := []T{item()}
	for p.accept(",") {
		out = append(out, item())
	}
	return out
}

// parens reads ( item { , item } ).
func parens[T any](p *parser, item func() T) []T {
	p.expect("(")
	out := list(p, item)
	p.expect(")")
	return out
}

func (p *parser) idents() []ast.Ident { return parens(p, p.ident) }

// text reads a character literal.
func (p *parser) text() ast.Text {
	if p.cur().kind != tokString {
		p.want("text in quotes")
	}
	t := p.advance()
	return ast.Text{Pos: t.pos, Value: t.text}
}

// integer reads an unsigned integer that fits an int32.
func (p *parser) integer() int {
	t := p.cur()
	if t.kind != tokNumber {
		p.want("number")
	}
	n := 0
	for i := range len(t.text) {
		if !isDigit(t.text[i]) {
			p.failf(t.pos, "expected a whole number, got %s", t.text)
		}
		if n = n*10 + int(t.text[i]-'0'); n > 1<<31-1 {
			p.failf(t.pos, "%s is too large here", clip(t.text))
		}
	}
	p.advance()
	return n
}
