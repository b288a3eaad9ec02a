// Package ast is the syntax tree of Wadi's SQL, which is Flink's dialect.
//
// A tree is plain data. It says what was written, not what it means: names are
// not resolved, types not checked, and equivalent spellings that no later step
// has to tell apart are one shape (ORDER BY … FETCH FIRST 3 ROWS ONLY and LIMIT 3,
// CHARACTER VARYING and VARCHAR). Parentheses are not in the tree; SQL puts back
// those that are needed, so that parsing the printed text gives the same tree.
//
// Every node embeds Pos, the place of its first character in the text that was
// parsed. A node built by a program leaves it zero:
//
//	&ast.Binary{Op: ast.Add, Left: &ast.Column{Parts: []string{"a"}}, Right: &ast.Number{Text: "1"}}
//
// The sets of nodes are closed: [Statement], [Query], [TableRef], [Expr],
// [AlterAction] and [Pattern] are sealed interfaces, and a switch over one of
// them lists every case.
package ast

import (
	"fmt"
	"strings"
)

// Pos is a place in the parsed text. The zero Pos is no place: the node was not parsed.
type Pos struct {
	Line   int // from 1
	Col    int // from 1, in characters (runes)
	Offset int // from 0, in bytes
}

// Position gives the place of a node that embeds p.
func (p Pos) Position() Pos { return p }

// IsValid reports whether p came from text.
func (p Pos) IsValid() bool { return p.Line > 0 }

// String is "line 3, column 14".
func (p Pos) String() string {
	if !p.IsValid() {
		return "unknown position"
	}
	return fmt.Sprintf("line %d, column %d", p.Line, p.Col)
}

// Node is any part of a tree that can be printed by SQL.
type Node interface {
	// Position is where the node begins in the text, or the zero Pos.
	Position() Pos
	print(p *printer)
}

// Ident is one identifier, without its quotes. Identifiers are case-sensitive.
type Ident struct {
	Pos
	Name string
}

// Name is the dotted name of an object: table, db.table or catalog.db.table.
type Name struct {
	Pos
	Parts []string
}

// NewName makes the name of an object from its parts.
func NewName(parts ...string) Name { return Name{Parts: parts} }

// IsZero reports whether no name was given.
func (n Name) IsZero() bool { return len(n.Parts) == 0 }

// Last is the unqualified name, "" if there is none.
func (n Name) Last() string {
	if len(n.Parts) == 0 {
		return ""
	}
	return n.Parts[len(n.Parts)-1]
}

// String joins the parts with dots, without quoting: for messages, not for SQL.
func (n Name) String() string { return strings.Join(n.Parts, ".") }

// Statement is one complete SQL statement. Every Query is one.
//
//sumtype:decl
type Statement interface {
	Node
	statement()
}

// Option is one pair of WITH ('key' = 'value'), SET ('key' = 'value') or of a hint.
type Option struct {
	Pos
	Key   string
	Value string
}
