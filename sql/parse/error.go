package parse

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/sql/ast"
)

// Error is a mistake in SQL text: where it is, what is wrong, what would have
// been right. It is a job.ErrInvalid.
type Error struct {
	Line     int      // from 1
	Col      int      // from 1, in characters
	Offset   int      // from 0, in bytes
	Msg      string   // what is wrong
	Expected []string // what could have stood here, most likely first; may be empty
	Nearest  string   // the keyword that was probably meant, or ""

	open   bool   // more text could heal it: a quote or a comment is not closed
	source string // the line of text, or the part of it around the mistake
	caret  int    // characters of source before the mistake
	width  int    // characters of the mistake, at least 1
}

// Error shows the mistake with its line and a caret:
//
//	line 1, column 10: unexpected "FORM", expected FROM, WHERE, … (did you mean FROM?)
//	  SELECT * FORM t
//	           ^^^^
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "line %d, column %d: %s", e.Line, e.Col, e.Msg)
	if len(e.Expected) > 0 {
		b.WriteString(", expected ")
		b.WriteString(alternatives(e.Expected))
	}
	if e.Nearest != "" {
		fmt.Fprintf(&b, " (did you mean %s?)", e.Nearest)
	}
	fmt.Fprintf(&b, "\n  %s\n  ", e.source)
	for i, r := range []rune(e.source) {
		if i == e.caret {
			break
		}
		if r != '\t' {
			r = ' '
		}
		b.WriteRune(r)
	}
	b.WriteString(strings.Repeat("^", e.width))
	return b.String()
}

// Unwrap makes errors.Is(err, job.ErrInvalid) hold.
func (e *Error) Unwrap() error { return job.ErrInvalid }

// Errorf makes an Error at a place in src, for steps after the parser that find
// a mistake in what it accepted. Without a valid pos it is an Error without a line.
func Errorf(src string, pos ast.Pos, format string, args ...any) error {
	if !pos.IsValid() || pos.Offset > len(src) {
		return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), job.ErrInvalid)
	}
	return newError(src, pos, 1, fmt.Sprintf(format, args...))
}

// shown is how many alternatives a message lists.
const shown = 8

func alternatives(expected []string) string {
	words := make([]string, len(expected))
	for i, w := range expected {
		if words[i] = w; !isLetter(w) {
			words[i] = `"` + w + `"`
		}
	}
	switch n := len(words); {
	case n == 1:
		return words[0]
	case n <= shown:
		return strings.Join(words[:n-1], ", ") + " or " + words[n-1]
	}
	return strings.Join(words[:shown], ", ") + ", …"
}

// context is how many bytes of a long line are shown on either side of a mistake.
const context = 60

// newError makes an error about width bytes of src at pos.
func newError(src string, pos ast.Pos, width int, msg string) *Error {
	start := strings.LastIndexByte(src[:pos.Offset], '\n') + 1
	end := len(src)
	if n := strings.IndexByte(src[pos.Offset:], '\n'); n >= 0 {
		end = pos.Offset + n
	}
	before, after := "", ""
	if pos.Offset-start > context {
		start, before = pos.Offset-context, "…"
		for !utf8.RuneStart(src[start]) {
			start++
		}
	}
	if end-pos.Offset > context {
		end, after = pos.Offset+context, "…"
		for !utf8.RuneStart(src[end]) {
			end--
		}
	}
	mistake := src[pos.Offset:min(end, pos.Offset+width)]
	return &Error{
		Line: pos.Line, Col: pos.Col, Offset: pos.Offset, Msg: msg,
		source: strings.ToValidUTF8(before+strings.TrimRight(src[start:end], "\r")+after, "�"),
		caret:  utf8.RuneCountInString(before) + utf8.RuneCountInString(src[start:pos.Offset]),
		width:  max(1, utf8.RuneCountInString(mistake)),
	}
}

// nearest is the word that got was probably meant to be, or "".
func nearest(got string, words []string) string {
	best, limit := "", 1
	switch {
	case len(got) < 3:
		return ""
	case len(got) > 3:
		limit = 2
	}
	for _, w := range words {
		if strings.ToUpper(w) != w || w == got || len(w) < 2 {
			continue
		}
		if d := levenshtein.ComputeDistance(got, w); d <= limit {
			best, limit = w, d-1
		}
	}
	return best
}

// expectation gathers what the grammar would have taken at one token, the
// furthest that it looked at in vain.
type expectation struct {
	at    int
	words []string
}

func (e *expectation) add(at int, word string) {
	if at < e.at {
		return
	}
	if at > e.at {
		e.at, e.words = at, e.words[:0]
	}
	if !slices.Contains(e.words, word) {
		e.words = append(e.words, word)
	}
}
