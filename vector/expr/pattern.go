package expr

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/vector/regex"
)

// patternFunctions match strings with LIKE, SIMILAR TO and regular expressions.
//
// Regular expressions are those of Go (RE2): the common part of Java's, matched
// in linear time. What RE2 lacks, lookaround and backreferences, is an error;
// any other pattern that cannot be read gives NULL, as in Flink.
func patternFunctions() map[string]maker {
	return map[string]maker{
		"like":       like,
		"similar_to": similarTo,
		"regexp": matcher(func(arrow.DataType) kernel {
			return testOf(func(_ *frame, args []value) (func(i int) (bool, error), error) {
				s, re := viewsOf(args[0]), newExpressions(args[1])
				return func(i int) (bool, error) {
					r, err := re.at(i)
					if err != nil {
						return false, err
					}
					return r.MatchString(s.at(i)), nil
				}, nil
			})
		}, "ss"),
		"regexp_replace": matcher(regexpReplace, "sss"),
		"regexp_extract": matcher(regexpExtract, "ss?i"),
		"regexp_substr":  matcher(regexpExtract, "ss"),
		"regexp_count":   matcher(regexpCount, "ss"),
		"regexp_instr":   matcher(regexpInstr, "ss"),
	}
}

func matcher(run func(t arrow.DataType) kernel, sig string) maker { return simple(sig, run) }

// expressions compiles the patterns of an argument, mostly a literal.
type expressions struct {
	in   views
	last string
	re   *regex.Regexp
	err  error
}

func newExpressions(v value) *expressions { return &expressions{in: viewsOf(v)} }

func (x *expressions) at(i int) (*regex.Regexp, error) {
	if x.re != nil && x.in.constant() {
		return x.re, nil
	}
	p := x.in.at(i)
	if x.re == nil && x.err == nil || p != x.last {
		x.last = strings.Clone(p)
		x.re, x.err = compileRegexp(x.last)
	}
	return x.re, x.err
}

func compileRegexp(p string) (*regex.Regexp, error) {
	re, err := regex.Compile(p)
	if err == nil {
		return re, nil
	}
	if lacking(p, err) {
		return nil, fmt.Errorf("regular expression '%s': lookaround and backreferences are not supported", p)
	}
	return nil, errNull
}

// lacking tells whether Java would have read the pattern.
func lacking(p string, err error) bool {
	var e *syntax.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code {
	case syntax.ErrInvalidPerlOp:
		return strings.Contains(p, "(?=") || strings.Contains(p, "(?!") || strings.Contains(p, "(?<") || strings.Contains(p, "(?>")
	case syntax.ErrInvalidEscape:
		return len(e.Expr) == 2 && (e.Expr[1] >= '1' && e.Expr[1] <= '9' || e.Expr[1] == 'k')
	default:
	}
	return false
}

// context are the operators that look at what stands before a place.
var context = regexp.MustCompile(`\^|\\[bBAGz]`)

// matches are the matches and their groups that Java finds: unlike Go, also an
// empty one where another ends.
func matches(r *regexp.Regexp, s string) [][]int {
	all := r.FindAllStringSubmatchIndex(s, -1)
	if !r.MatchString("") || context.MatchString(r.String()) {
		return all
	}
	var out [][]int
	for i, at := range all {
		out = append(out, at)
		end := at[1]
		if at[0] == end || i+1 < len(all) && all[i+1][0] == end {
			continue
		}
		if empty := r.FindStringSubmatchIndex(s[end:]); empty != nil && empty[0] == 0 && empty[1] == 0 {
			for k := range empty {
				if empty[k] >= 0 {
					empty[k] += end
				}
			}
			out = append(out, empty)
		}
	}
	return out
}

func regexpReplace(t arrow.DataType) kernel {
	return textOf(t, func(_ *frame, args []value) (func(i int, dst []byte) ([]byte, error), error) {
		s, re, with := viewsOf(args[0]), newExpressions(args[1]), viewsOf(args[2])
		return func(i int, dst []byte) ([]byte, error) {
			r, err := re.at(i)
			if err != nil {
				return dst, err
			}
			text, from := s.at(i), 0
			for _, at := range matches(r.Regexp, text) {
				dst = append(append(dst, text[from:at[0]]...), with.at(i)...)
				from = at[1]
			}
			return append(dst, text[from:]...), nil
		}, nil
	})
}

func regexpExtract(t arrow.DataType) kernel {
	return partOf(t, func(f *frame, args []value) (func(i int, s string) (string, error), error) {
		re := newExpressions(args[1])
		group := vec[int64]{v: []int64{0}}
		if len(args) == 3 {
			group = integers(f, args[2])
		}
		return func(i int, s string) (string, error) {
			r, err := re.at(i)
			if err != nil {
				return "", err
			}
			g := group.at(i)
			if g < 0 || g > int64(r.NumSubexp()) {
				return "", errNull
			}
			at := r.FindStringSubmatchIndex(s)
			if at == nil || at[2*g] < 0 {
				return "", errNull
			}
			return s[at[2*g]:at[2*g+1]], nil
		}, nil
	})
}

func regexpCount(t arrow.DataType) kernel {
	return countOf(t, func(_ *frame, args []value) (func(i int) (int64, error), error) {
		s, re := viewsOf(args[0]), newExpressions(args[1])
		return func(i int) (int64, error) {
			r, err := re.at(i)
			if err != nil {
				return 0, err
			}
			return int64(len(matches(r.Regexp, s.at(i)))), nil
		}, nil
	})
}

func regexpInstr(t arrow.DataType) kernel {
	return countOf(t, func(_ *frame, args []value) (func(i int) (int64, error), error) {
		s, re := viewsOf(args[0]), newExpressions(args[1])
		return func(i int) (int64, error) {
			r, err := re.at(i)
			if err != nil {
				return 0, err
			}
			at := r.FindStringIndex(s.at(i))
			if at == nil {
				return 0, nil
			}
			return int64(utf8.RuneCountInString(s.at(i)[:at[0]])) + 1, nil
		}, nil
	})
}

// like is LIKE pattern [ESCAPE c]; without ESCAPE a backslash escapes.
func like(c *compiler, e *Call) (node, error) {
	return simple("ss?s", func(arrow.DataType) kernel {
		return testOf(func(_ *frame, args []value) (func(i int) (bool, error), error) {
			return patternRows(args, func(p, escape string) (func(s string) bool, error) {
				l, err := ParseLike(p, escape)
				if err != nil {
					return nil, err
				}
				return l.Match, nil
			}), nil
		})
	})(c, e)
}

func similarTo(c *compiler, e *Call) (node, error) {
	return simple("ss?s", func(arrow.DataType) kernel {
		return testOf(func(_ *frame, args []value) (func(i int) (bool, error), error) {
			return patternRows(args, func(p, escape string) (func(s string) bool, error) {
				re, err := similarRegexp(p, escape)
				if err != nil {
					return nil, err
				}
				return re.MatchString, nil
			}), nil
		})
	})(c, e)
}

// patternRows compiles a pattern when it differs from that of the row before.
func patternRows(args []value, compile func(p, escape string) (func(s string) bool, error)) func(i int) (bool, error) {
	s, p := viewsOf(args[0]), viewsOf(args[1])
	var escapes *views
	if len(args) == 3 {
		v := viewsOf(args[2])
		escapes = &v
	}
	var match func(s string) bool
	var last, lastEscape string
	return func(i int) (bool, error) {
		if match != nil && p.constant() && (escapes == nil || escapes.constant()) {
			return match(s.at(i)), nil
		}
		pattern, escape := p.at(i), `\`
		if escapes != nil {
			escape = escapes.at(i)
			if utf8.RuneCountInString(escape) != 1 {
				return false, fmt.Errorf("invalid escape character '%s': it must be one character", escape)
			}
		}
		if match == nil || pattern != last || escape != lastEscape {
			var err error
			if match, err = compile(pattern, escape); err != nil {
				return false, err
			}
			last, lastEscape = strings.Clone(pattern), strings.Clone(escape)
		}
		return match(s.at(i)), nil
	}
}

// Like is a compiled LIKE pattern: pieces of text between %, in which _ is any
// one character. The pieces are found from left to right, each as early as
// possible; that is right because % takes anything.
type Like struct {
	pieces []likePiece // between the %s; the first is at the start, the last at the end
}

type likePiece struct {
	text  string // without _: plain text
	runes []rune // with _, which is -1; else nil
}

// ParseLike compiles a pattern in which escape, one character, makes the next
// %, _ or escape stand for itself.
func ParseLike(pattern, escape string) (*Like, error) {
	esc, _ := utf8.DecodeRuneInString(escape)
	var l Like
	var piece []rune
	wild := false
	end := func() {
		p := likePiece{text: string(piece)}
		if wild {
			p = likePiece{runes: piece}
		}
		l.pieces = append(l.pieces, p)
		piece, wild = nil, false
	}
	in := []rune(pattern)
	for i := 0; i < len(in); i++ {
		switch r := in[i]; r {
		case esc:
			if i+1 < len(in) && (in[i+1] == '%' || in[i+1] == '_' || in[i+1] == esc) {
				i++
				piece = append(piece, in[i])
				continue
			}
			if escape != `\` {
				return nil, fmt.Errorf("invalid escape sequence in '%s': after '%s' comes %%, _ or itself", pattern, escape)
			}
			piece = append(piece, r)
		case '%':
			end()
		case '_':
			piece, wild = append(piece, -1), true
		default:
			piece = append(piece, r)
		}
	}
	end()
	return &l, nil
}

// Match tells whether the whole of s has the pattern.
func (l *Like) Match(s string) bool {
	first, last := &l.pieces[0], &l.pieces[len(l.pieces)-1]
	n := first.prefix(s)
	if n < 0 {
		return false
	}
	if len(l.pieces) == 1 {
		return n == len(s)
	}
	s = s[n:]
	for i := 1; i < len(l.pieces)-1; i++ {
		at := l.pieces[i].find(s)
		if at < 0 {
			return false
		}
		s = s[at:]
	}
	return last.suffix(s)
}

// prefix returns how many bytes of s the piece takes at its start, or -1.
func (p *likePiece) prefix(s string) int {
	if p.runes == nil {
		if strings.HasPrefix(s, p.text) {
			return len(p.text)
		}
		return -1
	}
	at := 0
	for _, want := range p.runes {
		r, size := utf8.DecodeRuneInString(s[at:])
		if size == 0 || want >= 0 && r != want {
			return -1
		}
		at += size
	}
	return at
}

// find returns where the earliest match of the piece ends, or -1.
func (p *likePiece) find(s string) int {
	if p.runes == nil {
		at := strings.Index(s, p.text)
		if at < 0 {
			return -1
		}
		return at + len(p.text)
	}
	for at := 0; ; {
		if n := p.prefix(s[at:]); n >= 0 {
			return at + n
		}
		_, size := utf8.DecodeRuneInString(s[at:])
		if size == 0 {
			return -1
		}
		at += size
	}
}

// suffix tells whether s ends with the piece.
func (p *likePiece) suffix(s string) bool {
	if p.runes == nil {
		return strings.HasSuffix(s, p.text)
	}
	at := len(s)
	for range p.runes {
		_, size := utf8.DecodeLastRuneInString(s[:at])
		if size == 0 {
			return false
		}
		at -= size
	}
	return p.prefix(s[at:]) == len(s)-at
}

// similarRegexp translates a pattern of SIMILAR TO: % and _ are as in LIKE, the
// other special characters as in a regular expression over the whole string.
func similarRegexp(pattern, escape string) (*regexp.Regexp, error) {
	esc, _ := utf8.DecodeRuneInString(escape)
	var b strings.Builder
	b.WriteString(`(?s)^(?:`)
	in := []rune(pattern)
	set := false
	for i := 0; i < len(in); i++ {
		r := in[i]
		switch {
		case r == esc && i+1 < len(in):
			i++
			b.WriteString(regexp.QuoteMeta(string(in[i])))
		case set:
			set = r != ']'
			b.WriteRune(r)
		case r == '[':
			set = true
			b.WriteRune(r)
		case r == '%':
			b.WriteString(".*")
		case r == '_':
			b.WriteByte('.')
		case strings.ContainsRune("|*+?{}().", r): // in Flink a point is any character, too
			b.WriteRune(r)
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	b.WriteString(`)$`)
	re, err := regexp.Compile(b.String())
	if err != nil {
		return nil, fmt.Errorf("pattern '%s' of SIMILAR TO cannot be read", pattern)
	}
	return re, nil
}
