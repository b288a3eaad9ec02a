package parse

import (
	"encoding/hex"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/wadi-engine/wadi/sql/ast"
)

// tokenKind is the class of a token.
type tokenKind uint8

const (
	tokEOF    tokenKind = iota
	tokWord             // a bare word: keyword or identifier
	tokQuoted           // an identifier in backticks
	tokNumber           //
	tokString           // text holds the decoded literal
	tokBytes            // text holds the decoded literal
	tokPunct            // an operator or separator
)

// A token is the smallest part of the text that means something.
type token struct {
	kind tokenKind
	key  string // what the grammar matches: the word in capitals, or the operator
	text string // the word as written, the name, the literal
	pos  ast.Pos
	end  int // offset after the token
}

// A lexer cuts text into tokens. It runs over the text once; positions are
// counted as it goes, so the cost is linear however the text is laid out.
type lexer struct {
	src    string
	at     int
	inHint bool // between /*+ and */

	mark     ast.Pos // a place at or before at, from which pos counts on
	tokens   []token
	hintOpen ast.Pos
}

// lex cuts src into tokens, the last of which is tokEOF. It panics with *Error.
func lex(src string) []token {
	l := &lexer{}
	l.run(src)
	return l.tokens
}

// run cuts src into l.tokens. At a mistake it panics with *Error; the tokens before it are there.
func (l *lexer) run(src string) {
	l.src, l.mark = src, ast.Pos{Line: 1, Col: 1}
	if !utf8.ValidString(src) {
		l.src = src[:validPrefix(src)]
		l.fail(l.pos(len(l.src)), 1, "the text after this is not valid UTF-8")
	}
	l.tokens = make([]token, 0, len(src)/5+8)
	for l.skipBlank() {
		l.next()
	}
	if l.inHint {
		l.failOpen(l.hintOpen, 3, "this hint is not closed by */")
	}
	l.tokens = append(l.tokens, token{kind: tokEOF, pos: l.pos(len(src)), end: len(src)})
}

// validPrefix is the length of the valid UTF-8 at the beginning of s.
func validPrefix(s string) int {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(s)
}

func (l *lexer) fail(pos ast.Pos, width int, msg string) {
	panic(newError(l.src, pos, width, msg))
}

// failOpen fails because something that was opened at pos is not closed.
func (l *lexer) failOpen(pos ast.Pos, width int, msg string) {
	err := newError(l.src, pos, width, msg)
	err.open = true
	panic(err)
}

// pos is the place of an offset at or after the last one asked for.
func (l *lexer) pos(offset int) ast.Pos {
	for l.mark.Offset < offset {
		c := l.src[l.mark.Offset]
		switch {
		case c == '\n':
			l.mark.Line++
			l.mark.Col = 0
			fallthrough
		case c < utf8.RuneSelf:
			l.mark.Col++
			l.mark.Offset++
		default:
			_, n := utf8.DecodeRuneInString(l.src[l.mark.Offset:])
			l.mark.Col++
			l.mark.Offset += n
		}
	}
	return l.mark
}

func (l *lexer) peek(n int) byte {
	if l.at+n < len(l.src) {
		return l.src[l.at+n]
	}
	return 0
}

// skipBlank moves to the next token, over blanks and comments. It reports whether there is one.
func (l *lexer) skipBlank() bool {
	for l.at < len(l.src) {
		switch c := l.src[l.at]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f':
			l.at++
		case c == '-' && l.peek(1) == '-', c == '/' && l.peek(1) == '/':
			n := strings.IndexByte(l.src[l.at:], '\n')
			if n < 0 {
				l.at = len(l.src)
				return false
			}
			l.at += n + 1
		case c == '/' && l.peek(1) == '*' && l.peek(2) != '+':
			n := strings.Index(l.src[l.at+2:], "*/")
			if n < 0 {
				l.failOpen(l.pos(l.at), 2, "this comment is not closed by */")
			}
			l.at += n + 4
		case strings.HasPrefix(l.src[l.at:], "\ufeff"), strings.HasPrefix(l.src[l.at:], "\u00a0"):
			_, n := utf8.DecodeRuneInString(l.src[l.at:])
			l.at += n
		default:
			return true
		}
	}
	return false
}

func (l *lexer) emit(kind tokenKind, key, text string, start, end int) {
	l.tokens = append(l.tokens, token{kind: kind, key: key, text: text, pos: l.pos(start), end: end})
	l.at = end
}

// next reads one token, which begins at l.at.
func (l *lexer) next() {
	start := l.at
	c := l.src[start]
	switch {
	case c == '\'':
		text, end := l.quoted(start, '\'')
		l.emit(tokString, "", text, start, end)
	case c == '`':
		text, end := l.quoted(start, '`')
		if text == "" {
			l.fail(l.pos(start), 2, "an identifier cannot be empty")
		}
		l.emit(tokQuoted, "", text, start, end)
	case c == '"':
		l.fail(l.pos(start), 1, "unexpected '\"': names are quoted with backticks (`name`), text with single quotes ('text')")
	case isDigit(c), c == '.' && isDigit(l.peek(1)):
		l.number(start)
	case isLetter(l.src[start:]):
		l.word(start)
	default:
		l.punct(start)
	}
}

// quoted reads what stands between quotes; a doubled quote is one.
func (l *lexer) quoted(start int, quote byte) (text string, end int) {
	doubled := false
	for i := start + 1; i < len(l.src); i++ {
		if l.src[i] != quote {
			continue
		}
		if i+1 < len(l.src) && l.src[i+1] == quote {
			doubled = true
			i++
			continue
		}
		text = l.src[start+1 : i]
		if doubled {
			q := string(quote)
			text = strings.ReplaceAll(text, q+q, q)
		}
		return text, i + 1
	}
	what := "text"
	if quote == '`' {
		what = "name"
	}
	l.failOpen(l.pos(start), 1, "this quoted "+what+" has no closing "+string(quote))
	return "", 0
}

func (l *lexer) number(start int) {
	i := start
	digits := func() {
		for i < len(l.src) && isDigit(l.src[i]) {
			i++
		}
	}
	digits()
	if i < len(l.src) && l.src[i] == '.' {
		i++
		digits()
	}
	if !l.keywordAt(i) { // 249ELSE is a number and a word
		i = l.exponent(start, i)
	}
	if i < len(l.src) && isLetter(l.src[i:]) && !l.keywordAt(i) {
		l.fail(l.pos(start), i-start+1, "a name cannot begin with a digit unless it is in backticks")
	}
	l.emit(tokNumber, "", l.src[start:i], start, i)
}

// exponent reads the exponent of a number, if there is one at i, and returns
// where the number ends.
func (l *lexer) exponent(start, i int) int {
	if i >= len(l.src) || l.src[i] != 'e' && l.src[i] != 'E' {
		return i
	}
	i++
	if i < len(l.src) && (l.src[i] == '+' || l.src[i] == '-') {
		i++
	}
	from := i
	for i < len(l.src) && isDigit(l.src[i]) {
		i++
	}
	if i == from {
		l.fail(l.pos(start), i-start, "this number has no digits after its exponent")
	}
	return i
}

// keywordAt reports whether a reserved word begins at i.
func (l *lexer) keywordAt(i int) bool {
	end := i
	for end < len(l.src) && (l.src[end] >= 'a' && l.src[end] <= 'z' || l.src[end] >= 'A' && l.src[end] <= 'Z' || l.src[end] == '_' || isDigit(l.src[end])) {
		end++
	}
	return end > i && ast.IsReserved(strings.ToUpper(l.src[i:end]))
}

// word reads a bare word, or a literal that begins with one: x'00', U&'…', N'…', _UTF8'…'.
func (l *lexer) word(start int) {
	i := start
	for i < len(l.src) {
		if isWordByte(l.src[i]) {
			i++
			continue
		}
		if l.src[i] < utf8.RuneSelf || !isLetter(l.src[i:]) {
			break
		}
		_, n := utf8.DecodeRuneInString(l.src[i:])
		i += n
	}
	text := l.src[start:i]
	next := byte(0)
	if i < len(l.src) {
		next = l.src[i]
	}
	switch {
	case next == '\'' && (text == "x" || text == "X"):
		l.bytes(start, i)
	case next == '\'' && (text == "n" || text == "N" || text[0] == '_'):
		s, end := l.quoted(i, '\'')
		l.emit(tokString, "", s, start, end)
	case next == '&' && (text == "u" || text == "U") && i+1 < len(l.src) && l.src[i+1] == '\'':
		l.unicode(start, i+1)
	case next == '-' && text[0] == '_' && charsetTail(l.src[i:]) > 0:
		s, end := l.quoted(i+charsetTail(l.src[i:]), '\'')
		l.emit(tokString, "", s, start, end)
	default:
		l.emit(tokWord, strings.ToUpper(text), text, start, i)
	}
}

// charsetTail is the length of the rest of a character set's name, as -16LE of
// _UTF-16LE'…', if a quote follows it; otherwise 0.
func charsetTail(s string) int {
	for i := 1; i < len(s) && i < 12; i++ {
		if s[i] == '\'' {
			return i
		}
		if !isWordByte(s[i]) {
			return 0
		}
	}
	return 0
}

func (l *lexer) bytes(start, quote int) {
	s, end := l.quoted(quote, '\'')
	b, err := hex.DecodeString(s)
	if err != nil {
		l.fail(l.pos(start), end-start, "a binary literal needs pairs of the digits 0–9 and A–F")
	}
	l.emit(tokBytes, "", string(b), start, end)
}

// unicode reads U&'\0041' with an optional UESCAPE '!'.
func (l *lexer) unicode(start, quote int) {
	s, end := l.quoted(quote, '\'')
	escape := byte('\\')
	l.at = end
	if l.skipBlank() && len(l.src)-l.at >= 7 && strings.EqualFold(l.src[l.at:l.at+7], "UESCAPE") {
		l.at += 7
		if !l.skipBlank() || l.src[l.at] != '\'' {
			l.fail(l.pos(start), end-start, "UESCAPE needs one character in quotes")
		}
		e, after := l.quoted(l.at, '\'')
		if len(e) != 1 || e == "+" || e == "'" || isHex(e[0]) || e == " " {
			l.fail(l.pos(start), end-start, "UESCAPE needs one character that is not a hexadecimal digit, +, ' or blank")
		}
		escape, end = e[0], after
	}
	text, ok := decodeUnicode(s, escape)
	if !ok {
		l.fail(l.pos(start), end-start, "this text has an escape that is not "+string(escape)+" and four hexadecimal digits")
	}
	l.emit(tokString, "", text, start, end)
}

func decodeUnicode(s string, escape byte) (string, bool) {
	var b strings.Builder
	var units []rune
	flush := func() {
		for i := 0; i < len(units); i++ {
			r := units[i]
			if utf16Lead(r) && i+1 < len(units) && utf16Trail(units[i+1]) {
				r = (r-0xd800)<<10 | (units[i+1] - 0xdc00) + 0x10000
				i++
			}
			b.WriteRune(r)
		}
		units = units[:0]
	}
	for i := 0; i < len(s); i++ {
		if s[i] != escape {
			flush()
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == escape {
			flush()
			b.WriteByte(escape)
			i++
			continue
		}
		if i+5 > len(s) {
			return "", false
		}
		v, err := strconv.ParseUint(s[i+1:i+5], 16, 16)
		if err != nil {
			return "", false
		}
		units = append(units, rune(v))
		i += 4
	}
	flush()
	return b.String(), true
}

func utf16Lead(r rune) bool  { return r >= 0xd800 && r < 0xdc00 }
func utf16Trail(r rune) bool { return r >= 0xdc00 && r < 0xe000 }

// otherTongues says what a character of other languages is in this one.
var otherTongues = map[rune]string{
	'#':  ": comments begin with --",
	'&':  ": both is AND",
	'!':  ": not is NOT, not equal is <>",
	'@':  ": there are no variables",
	'~':  ": regular expressions are REGEXP(text, pattern)",
	'\\': ": a quote within text is doubled ('it''s'), other escapes are U&'\\000A'",
	'‘':  ": text is in plain quotes ('text')", '’': ": text is in plain quotes ('text')",
	'“': ": text is in plain quotes ('text')", '”': ": text is in plain quotes ('text')",
}

// operators of two characters; every other one stands alone.
var twoByteOps = [...]string{"<>", "!=", "<=", ">=", "||", "=>", "::"}

func (l *lexer) punct(start int) {
	if l.inHint && strings.HasPrefix(l.src[start:], "*/") {
		l.inHint = false
		l.emit(tokPunct, "*/", "*/", start, start+2)
		return
	}
	if strings.HasPrefix(l.src[start:], "/*+") {
		if l.inHint {
			l.fail(l.pos(start), 3, "a hint cannot stand inside another")
		}
		l.inHint, l.hintOpen = true, l.pos(start)
		l.emit(tokPunct, "/*+", "/*+", start, start+3)
		return
	}
	for _, op := range twoByteOps {
		if strings.HasPrefix(l.src[start:], op) {
			key := op
			if op == "!=" {
				key = "<>"
			}
			l.emit(tokPunct, key, op, start, start+2)
			return
		}
	}
	if !strings.ContainsRune("()[]{},.;=<>+-*/%?:^|$", rune(l.src[start])) {
		r, _ := utf8.DecodeRuneInString(l.src[start:])
		l.fail(l.pos(start), 1, "unexpected character "+strconv.QuoteRune(r)+otherTongues[r])
	}
	l.emit(tokPunct, l.src[start:start+1], l.src[start:start+1], start, start+1)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isHex(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func isWordByte(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || isDigit(c) || c == '$'
}

// isLetter reports whether s begins with a character that may begin a word.
func isLetter(s string) bool {
	if c := s[0]; c < utf8.RuneSelf {
		return isWordByte(c) && !isDigit(c) && !(c == '$' && (len(s) == 1 || !isWordByte(s[1])))
	}
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsLetter(r)
}
