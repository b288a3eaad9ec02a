package parse

import "github.com/wadi-engine/wadi/sql/ast"

// Complete reports whether text is ready to be run: its last statement has its
// semicolon, no quote or comment is open, and no statement set waits for its END.
// Text without any statement is complete. Interactive shells ask it after each line.
func Complete(text string) bool {
	toks, err := tokens(text)
	if err != nil {
		return !err.open // more text would not heal the others
	}
	n := len(toks) - 1 // without tokEOF
	if n == 0 {
		return true
	}
	if toks[n-1].key != ";" {
		return false
	}
	inSet := false
	for i := range n {
		switch {
		case inSet && toks[i].key == "END" && toks[i-1].key == ";":
			inSet = false
		case toks[i].key == "BEGIN" && i >= 2 && toks[i-1].key == "SET" && toks[i-2].key == "STATEMENT":
			inSet = true
		}
	}
	return !inSet
}

// Word is a word or operator of a text, for shells that complete or colour SQL.
type Word struct {
	ast.Pos
	End  int    // offset after it
	Key  string // the word in capitals, or the operator; "" for quoted names and literals
	Text string // the word as written, the name or the literal without quotes
	Name bool   // it can be a name: of a table, a column, …
}

// Words cuts text into words, up to the first mistake. It does not parse.
func Words(text string) []Word {
	l := &lexer{}
	func() {
		var err error
		defer rescue(&err)
		l.run(text)
	}()
	words := make([]Word, 0, len(l.tokens))
	for i := range l.tokens {
		t := &l.tokens[i]
		if t.kind != tokEOF {
			words = append(words, Word{Pos: t.pos, End: t.end, Key: t.key, Text: t.text, Name: isName(t)})
		}
	}
	return words
}

// tokens is lex with an error in place of its panic.
func tokens(text string) (toks []token, mistake *Error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *Error:
			mistake = r
		default:
			panic(r)
		}
	}()
	return lex(text), nil
}

// StatementWords are the keywords that begin statements, the frequent ones first.
func StatementWords() []string { return append([]string(nil), statementWords...) }
