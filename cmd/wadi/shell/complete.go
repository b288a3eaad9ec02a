package shell

import (
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/parse"
)

// Catalog knows the names that can be completed. A method that cannot answer returns nil.
type Catalog interface {
	Tables() []string              // tables and views of the current database, and dotted names of others
	Columns(table string) []string // of a table by its (dotted) name
	Functions() []string
}

// Kind is what a Candidate is.
type Kind uint8

// The kinds of candidates, in the order in which they are offered.
const (
	ColumnKind Kind = iota
	TableKind
	FunctionKind
	KeywordKind
)

func (k Kind) String() string {
	return [...]string{"column", "table", "function", "keyword"}[k]
}

// Candidate is one way to go on.
type Candidate struct {
	Insert string // takes the place of the prefix
	Show   string
	Kind   Kind
}

// Complete says how the word at cursor, an offset in text, could go on. The
// prefix is what stands before the cursor since the last blank; every candidate
// begins with it.
//
//	SELECT | a.pri            columns of what FROM names, functions, keywords
//	SELECT a.pri|  FROM x a   columns of x
//	INSERT INTO |             tables
func Complete(catalog Catalog, text string, cursor int) (prefix string, candidates []Candidate) {
	if catalog == nil {
		catalog = empty{}
	}
	before := text[:cursor]
	prefix = before[strings.LastIndexAny(before, " \t\n\r")+1:]
	word := before[wordStart(before):]
	if inside(before) {
		return prefix, nil
	}
	words := statementAt(parse.Words(text), cursor)
	c := completion{catalog: catalog, lead: strings.TrimSuffix(prefix, word), word: word}
	c.gather(words, cursor-len(word))
	return prefix, c.out
}

type empty struct{}

func (empty) Tables() []string        { return nil }
func (empty) Columns(string) []string { return nil }
func (empty) Functions() []string     { return nil }

// wordStart is where the word, with its dots, at the end of s begins.
func wordStart(s string) int {
	i := len(s)
	for i > 0 {
		c := s[i-1]
		if !(c == '_' || c == '.' || c == '$' || c >= 0x80 || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z') {
			break
		}
		i--
	}
	return i
}

// inside reports whether text ends within a literal or a comment.
func inside(before string) bool {
	probe := before + ";"
	words := parse.Words(probe)
	return len(words) == 0 || words[len(words)-1].Offset != len(probe)-1
}

// statementAt is the words of the statement around an offset.
func statementAt(words []parse.Word, offset int) []parse.Word {
	from, to := 0, len(words)
	for i, w := range words {
		if w.Key != ";" {
			continue
		}
		if w.Offset < offset {
			from = i + 1
		} else {
			to = i
			break
		}
	}
	return words[from:to]
}

// A completion gathers candidates for one word.
type completion struct {
	catalog Catalog
	lead    string // between the last blank and the word: "COUNT(" of COUNT(pri
	word    string
	out     []Candidate
}

// gather finds the candidates for the word that begins at an offset, in a statement.
func (c *completion) gather(words []parse.Word, at int) {
	n := 0
	for n < len(words) && words[n].Offset < at {
		n++
	}
	after := n
	for after < len(words) && words[after].Offset < at+len(c.word) {
		after++ // the word itself, or its parts between dots
	}
	if n == 0 {
		c.add(KeywordKind, append(parse.StatementWords(), "HELP", "QUIT", "CLEAR")...)
		return
	}
	if wantsTable(words[:n]) {
		c.add(TableKind, c.catalog.Tables()...)
		switch words[n-1].Key {
		case "FROM", "JOIN":
			c.add(KeywordKind, "LATERAL", "TABLE", "UNNEST")
		case "TABLE", "VIEW":
			c.add(KeywordKind, "IF EXISTS", "IF NOT EXISTS")
		}
		return
	}
	tables := tablesOf(slices.Concat(words[:n], words[after:]))
	if owner, _, dotted := cutLast(c.word); dotted {
		if table, ok := tables[owner]; ok {
			c.columns(table, owner+".")
			return
		}
		c.add(TableKind, c.catalog.Tables()...)
		return
	}
	for _, table := range sorted(tables) {
		c.columns(table, "")
	}
	for owner := range tables {
		c.add(TableKind, owner)
	}
	c.add(FunctionKind, c.catalog.Functions()...)
	c.add(KeywordKind, ast.Keywords()...)
	c.order()
}

func sorted(tables map[string]string) []string {
	var names []string
	for _, t := range tables {
		if !slices.Contains(names, t) {
			names = append(names, t)
		}
	}
	slices.Sort(names)
	return names
}

// order sorts by kind, then by name.
func (c *completion) order() {
	slices.SortFunc(c.out, func(a, b Candidate) int {
		if a.Kind != b.Kind {
			return int(a.Kind) - int(b.Kind)
		}
		return strings.Compare(a.Show, b.Show)
	})
}

// tableWords stand before the name of a table.
var tableWords = []string{"FROM", "JOIN", "INTO", "OVERWRITE", "TABLE", "VIEW", "UPDATE", "DESCRIBE", "DESC", "EXTENDED", "TRUNCATE"}

// wantsTable reports whether the name of a table comes after these words.
func wantsTable(words []parse.Word) bool {
	last := words[len(words)-1].Key
	if slices.Contains(tableWords, last) {
		return true
	}
	return last == "EXISTS" && len(words) > 1 && words[len(words)-2].Key == "IF"
}

// tablesOf finds the tables that a statement reads or writes: by alias and by name.
func tablesOf(words []parse.Word) map[string]string {
	tables := map[string]string{}
	for i := 0; i < len(words); i++ {
		if !slices.Contains([]string{"FROM", "JOIN", "INTO", "UPDATE", "TABLE", "OVERWRITE"}, words[i].Key) {
			continue
		}
		for {
			name, next := dottedName(words, i+1)
			if name == "" {
				break
			}
			tables[name] = name
			if next < len(words) && words[next].Key == "AS" {
				next++
			}
			if next < len(words) && words[next].Name {
				tables[words[next].Text] = name
				next++
			}
			i = next - 1
			if next >= len(words) || words[next].Key != "," {
				break
			}
			i = next // after a comma another table may follow
		}
	}
	return tables
}

// dottedName reads a.b.c from words[at]; "" if no name stands there.
func dottedName(words []parse.Word, at int) (name string, next int) {
	for at < len(words) && words[at].Name {
		name += words[at].Text
		at++
		if at+1 >= len(words) || words[at].Key != "." {
			break
		}
		name += "."
		at++
	}
	return name, at
}

// cutLast cuts a dotted word at its last dot.
func cutLast(word string) (owner, rest string, ok bool) {
	i := strings.LastIndexByte(word, '.')
	if i < 0 {
		return "", word, false
	}
	return word[:i], word[i+1:], true
}

func (c *completion) columns(table, owner string) {
	for _, col := range c.catalog.Columns(table) {
		c.offer(ColumnKind, owner+ast.Quote(col), col)
	}
}

// add offers names that begin with the word. Keywords and functions come in the
// case in which the user writes.
func (c *completion) add(kind Kind, names ...string) {
	lower := c.word != "" && c.word == strings.ToLower(c.word)
	for _, name := range names {
		if lower && (kind == KeywordKind || kind == FunctionKind) {
			name = strings.ToLower(name)
		}
		insert := name
		if kind == FunctionKind {
			insert += "("
		}
		c.offer(kind, insert, name)
	}
}

// offer adds a candidate if it begins with the word and is not there yet.
func (c *completion) offer(kind Kind, insert, show string) {
	if !strings.HasPrefix(insert, c.word) || slices.ContainsFunc(c.out, func(o Candidate) bool { return o.Show == show }) {
		return
	}
	c.out = append(c.out, Candidate{Insert: c.lead + insert, Show: show, Kind: kind})
}
