package expr

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"strings"
	"unicode"
	"unicode/utf8"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
)

// textFunctions are functions of strings. Positions count characters from 1.
// Those that cut a part out of a string share its memory.
func textFunctions() map[string]maker {
	return map[string]maker{
		"char_length": countText("s", func(s string) int64 { return int64(utf8.RuneCountInString(s)) }),
		"ascii":       countText("s", firstByte),
		"count_char":  countChar,
		"upper":       mapText(appendUpper),
		"lower":       mapText(appendLower),
		"initcap":     mapText(appendInitcap),
		"reverse":     mapText(appendReverse),
		"trim":        trimmer(strings.Trim),
		"btrim":       trimmer(strings.Trim),
		"ltrim":       trimmer(strings.TrimLeft),
		"rtrim":       trimmer(strings.TrimRight),
		"substring":   partText("si?i", substring),
		"left":        partText("si", func(s string, n, _ int64, _ bool) (string, error) { return firstRunes(s, n), nil }),
		"right":       partText("si", func(s string, n, _ int64, _ bool) (string, error) { return lastRunes(s, n), nil }),
		"split_index": splitIndex,
		"startswith":  testTexts("SS", strings.HasPrefix),
		"endswith":    testTexts("SS", strings.HasSuffix),
		"is_alpha":    neverNull(testText(func(s string) bool { return everyRune(s, unicode.IsLetter) })),
		"is_digit":    neverNull(testText(func(s string) bool { return everyRune(s, unicode.IsDigit) })),
		"is_decimal":  neverNull(testText(isDecimalText)),
		"position":    finder(0, 1),
		"locate":      finder(0, 1),
		"instr":       finder(1, 0),
		"replace":     editor("sss", replaceText),
		"translate":   editor("sss", translateText),
		"overlay":     overlayText,
		"repeat":      repeatText,
		"lpad":        padder(true),
		"rpad":        padder(false),
		"chr":         simple("i", chr),
		"concat":      concat,
		"concat_ws":   concatWS,
		"elt":         elt,
		"printf":      printf,
	}
}

func firstByte(s string) int64 {
	if s == "" {
		return 0
	}
	return int64(int8(s[0]))
}

func testText(row func(s string) bool) maker {
	return simple("s", func(arrow.DataType) kernel {
		return testOf(func(_ *frame, args []value) (func(i int) (bool, error), error) {
			in := viewsOf(args[0])
			return func(i int) (bool, error) { return row(in.at(i)), nil }, nil
		})
	})
}

func everyRune(s string, is func(r rune) bool) bool {
	for _, r := range s {
		if !is(r) {
			return false
		}
	}
	return s != ""
}

func isDecimalText(s string) bool {
	digits := 0
	for i, c := range []byte(s) {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c == '.' && !strings.Contains(s[:i], "."):
		case (c == '-' || c == '+') && i == 0:
		default:
			return false
		}
	}
	return digits > 0
}

func appendUpper(dst []byte, s string) ([]byte, error) {
	from := len(dst)
	dst = append(dst, s...)
	if !flipCase(dst[from:], 'a') {
		return append(dst[:from], strings.ToUpper(s)...), nil
	}
	return dst, nil
}

func appendLower(dst []byte, s string) ([]byte, error) {
	from := len(dst)
	dst = append(dst, s...)
	if !flipCase(dst[from:], 'A') {
		return append(dst[:from], strings.ToLower(s)...), nil
	}
	return dst, nil
}

// flipCase gives the 26 letters from first on the other case, eight bytes at a time.
// It reports whether b is ASCII; otherwise b is of no use any more.
func flipCase(b []byte, first byte) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	atLeast, beyond := uint64(0x80-first)*ones, uint64(0x80-first-26)*ones
	var all uint64
	for ; len(b) >= 8; b = b[8:] {
		w := binary.LittleEndian.Uint64(b)
		all |= w
		letters := (w + atLeast) &^ (w + beyond) & tops // of ASCII: no byte carries into the next
		binary.LittleEndian.PutUint64(b, w^letters>>2)
	}
	for i, c := range b {
		all |= uint64(c)
		if c-first < 26 {
			b[i] = c ^ 0x20
		}
	}
	return all&tops == 0
}

func appendInitcap(dst []byte, s string) ([]byte, error) {
	inside := false
	for _, r := range s {
		if inside {
			dst = utf8.AppendRune(dst, unicode.ToLower(r))
		} else {
			dst = utf8.AppendRune(dst, unicode.ToUpper(r))
		}
		inside = unicode.IsLetter(r) || unicode.IsDigit(r)
	}
	return dst, nil
}

func appendReverse(dst []byte, s string) ([]byte, error) {
	for len(s) > 0 {
		_, size := utf8.DecodeLastRuneInString(s)
		dst = append(dst, s[len(s)-size:]...)
		s = s[:len(s)-size]
	}
	return dst, nil
}

// trimmer is f(string [, characters]); without characters it trims blanks.
func trimmer(cut func(s, cutset string) string) maker {
	return simple("s?s", func(t arrow.DataType) kernel {
		return partOf(t, func(_ *frame, args []value) (func(i int, s string) (string, error), error) {
			if len(args) == 1 {
				return func(_ int, s string) (string, error) { return cut(s, " "), nil }, nil
			}
			set := viewsOf(args[1])
			return func(i int, s string) (string, error) { return cut(s, set.at(i)), nil }, nil
		})
	})
}

// runeOffset returns where character n (from 0) begins, at most the end.
func runeOffset(s string, n int64) int {
	if n >= int64(len(s)) && isASCII(s) {
		return len(s)
	}
	at := 0
	for ; n > 0 && at < len(s); n-- {
		if s[at] < utf8.RuneSelf {
			at++
			continue
		}
		_, size := utf8.DecodeRuneInString(s[at:])
		at += size
	}
	return at
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func firstRunes(s string, n int64) string {
	if n <= 0 {
		return ""
	}
	return s[:runeOffset(s, n)]
}

func lastRunes(s string, n int64) string {
	if n <= 0 {
		return ""
	}
	return s[runeOffset(s, max(0, int64(utf8.RuneCountInString(s))-n)):]
}

// substring counts from 1, or from the end when start is negative; 0 is 1.
func substring(s string, start, length int64, limited bool) (string, error) {
	switch {
	case limited && length < 0:
		return "", nil
	case start > 0:
		s = s[runeOffset(s, start-1):]
	case start < 0:
		runes := int64(utf8.RuneCountInString(s))
		if start < -runes {
			return "", nil
		}
		s = s[runeOffset(s, runes+start):]
	}
	if limited {
		return s[:runeOffset(s, length)], nil
	}
	return s, nil
}

// splitIndex is split_index(string, separator, index from 0). The separator is
// a string or the code of a character.
func splitIndex(c *compiler, e *Call) (node, error) {
	args, ok := match("sai", e.Args)
	if !ok || !isText(args[1].Type()) && !isInteger(args[1].Type()) {
		return nil, nil
	}
	return c.call(e, partOf(e.Of, func(f *frame, args []value) (func(i int, s string) (string, error), error) {
		index := integers(f, args[2])
		if isText(args[1].DataType()) {
			sep := viewsOf(args[1])
			return func(i int, s string) (string, error) { return field(s, sep.at(i), index.at(i)) }, nil
		}
		code := integers(f, args[1])
		return func(i int, s string) (string, error) {
			c := code.at(i)
			if c < 1 || c > 255 {
				return "", errNull
			}
			return field(s, string(rune(c)), index.at(i))
		}, nil
	}), args...)
}

// field returns part n, from 0, of a string that sep separates.
func field(s, sep string, n int64) (string, error) {
	if n < 0 || s == "" || sep == "" {
		return "", errNull
	}
	if len(sep) == 1 {
		return fieldByte(s, sep[0], n)
	}
	for ; n > 0; n-- {
		at := strings.Index(s, sep)
		if at < 0 {
			return "", errNull
		}
		s = s[at+len(sep):]
	}
	if at := strings.Index(s, sep); at >= 0 {
		s = s[:at]
	}
	return s, nil
}

// fieldByte is field for a separator of one byte.
func fieldByte(s string, sep byte, n int64) (string, error) {
	from := 0
	if n > int64(len(s)) {
		return "", errNull
	}
	if n > 0 {
		at := nthByte(s, sep, int(n))
		if at < 0 {
			return "", errNull
		}
		from = at + 1
	}
	s = s[from:]
	if at := strings.IndexByte(s, sep); at >= 0 {
		s = s[:at]
	}
	return s, nil
}

// nthByte is where c stands for the n-th time, from 1, or -1: eight bytes at a
// time. Of a word, the bytes that are c have their top bit set in hit.
//
//	bytes   / / w w w . n e      hit   80 80 00 00 00 00 00 00
func nthByte(s string, c byte, n int) int {
	const ones, low7 = 0x0101010101010101, 0x7f7f7f7f7f7f7f7f
	b := unsafe.Slice(unsafe.StringData(s), len(s))
	at := 0
	for ; at+8 <= len(b); at += 8 {
		x := binary.LittleEndian.Uint64(b[at:]) ^ uint64(c)*ones
		hit := ^((x&low7 + low7) | x | low7)
		k := bits.OnesCount64(hit)
		if k < n {
			n -= k
			continue
		}
		for ; n > 1; n-- {
			hit &= hit - 1
		}
		return at + bits.TrailingZeros64(hit)/8
	}
	for ; at < len(b); at++ {
		if b[at] == c {
			if n--; n == 0 {
				return at
			}
		}
	}
	return -1
}

// finder returns the position of argument needle in argument hay, optionally
// from a position on and the n-th time.
func finder(needle, hay int) maker {
	return simple("ss?ii", func(t arrow.DataType) kernel {
		return countOf(t, func(f *frame, args []value) (func(i int) (int64, error), error) {
			find, in := viewsOf(args[needle]), viewsOf(args[hay])
			from, nth := vec[int64]{v: []int64{1}}, vec[int64]{v: []int64{1}}
			if len(args) > 2 {
				from = integers(f, args[2])
			}
			if len(args) > 3 {
				nth = integers(f, args[3])
			}
			return func(i int) (int64, error) { return locate(in.at(i), find.at(i), from.at(i), nth.at(i)), nil }, nil
		})
	})
}

// locate searches from character start on; a negative start counts from the
// end and searches backwards.
func locate(s, find string, start, nth int64) int64 {
	if start == 0 || nth < 1 {
		return 0
	}
	if start < 0 {
		end := int64(utf8.RuneCountInString(s)) + start + 1
		for at := runeOffset(s, end-1); end > 0; end-- {
			if strings.HasPrefix(s[at:], find) {
				if nth--; nth == 0 {
					return end
				}
			}
			_, size := utf8.DecodeLastRuneInString(s[:at])
			at -= size
		}
		return 0
	}
	at := runeOffset(s, start-1)
	if int64(utf8.RuneCountInString(s[:at])) < start-1 {
		return 0
	}
	for {
		i := strings.Index(s[at:], find)
		if i < 0 {
			return 0
		}
		at += i
		if nth--; nth == 0 {
			return int64(utf8.RuneCountInString(s[:at])) + 1
		}
		_, size := utf8.DecodeRuneInString(s[at:])
		if at += size; size == 0 {
			return 0
		}
	}
}

// editor is string, string, string → string.
func editor(sig string, row func(dst []byte, s, a, b string) []byte) maker {
	return simple(sig, func(t arrow.DataType) kernel {
		return textOf(t, func(_ *frame, args []value) (func(i int, dst []byte) ([]byte, error), error) {
			s, a, b := viewsOf(args[0]), viewsOf(args[1]), viewsOf(args[2])
			return func(i int, dst []byte) ([]byte, error) { return row(dst, s.at(i), a.at(i), b.at(i)), nil }, nil
		})
	})
}

func replaceText(dst []byte, s, old, with string) []byte {
	if old == "" {
		return append(dst, s...)
	}
	for {
		at := strings.Index(s, old)
		if at < 0 {
			return append(dst, s...)
		}
		dst = append(append(dst, s[:at]...), with...)
		s = s[at+len(old):]
	}
}

// translateText replaces each character of from by the one at its place in to,
// or drops it when to is shorter. The first place of a character counts.
func translateText(dst []byte, s, from, to string) []byte {
	for _, r := range s {
		at := strings.IndexRune(from, r)
		if at < 0 {
			dst = utf8.AppendRune(dst, r)
			continue
		}
		if i := runeOffset(to, int64(utf8.RuneCountInString(from[:at]))); i < len(to) {
			_, size := utf8.DecodeRuneInString(to[i:])
			dst = append(dst, to[i:i+size]...)
		}
	}
	return dst
}

// overlayText is overlay(string, with, start [, length]).
func overlayText(c *compiler, e *Call) (node, error) {
	return simple("ssi?i", func(t arrow.DataType) kernel {
		return textOf(t, func(f *frame, args []value) (func(i int, dst []byte) ([]byte, error), error) {
			s, with, start := viewsOf(args[0]), viewsOf(args[1]), integers(f, args[2])
			var length vec[int64]
			if len(args) == 4 {
				length = integers(f, args[3])
			}
			return func(i int, dst []byte) ([]byte, error) {
				n := int64(utf8.RuneCountInString(with.at(i)))
				if length.v != nil {
					n = length.at(i)
				}
				return appendOverlay(dst, s.at(i), with.at(i), start.at(i), n), nil
			}, nil
		})
	})(c, e)
}

func appendOverlay(dst []byte, s, with string, start, length int64) []byte {
	runes := int64(utf8.RuneCountInString(s))
	if start <= 0 || start > runes {
		return append(dst, s...)
	}
	dst = append(append(dst, s[:runeOffset(s, start-1)]...), with...)
	if length > 0 && start+length <= runes {
		dst = append(dst, s[runeOffset(s, start-1+length):]...)
	}
	return dst
}

func repeatText(c *compiler, e *Call) (node, error) {
	return simple("si", func(t arrow.DataType) kernel {
		return textOf(t, func(f *frame, args []value) (func(i int, dst []byte) ([]byte, error), error) {
			s, times := viewsOf(args[0]), integers(f, args[1])
			return func(i int, dst []byte) ([]byte, error) {
				n := times.at(i)
				if int64(len(s.at(i)))*max(n, 0) > maxText {
					return dst, errTextLength
				}
				for ; n > 0 && s.at(i) != ""; n-- {
					dst = append(dst, s.at(i)...)
				}
				return dst, nil
			}, nil
		})
	})(c, e)
}

func padder(left bool) maker {
	return simple("sis", func(t arrow.DataType) kernel {
		return textOf(t, func(f *frame, args []value) (func(i int, dst []byte) ([]byte, error), error) {
			s, length, pad := viewsOf(args[0]), integers(f, args[1]), viewsOf(args[2])
			return func(i int, dst []byte) ([]byte, error) {
				return appendPadded(dst, s.at(i), length.at(i), pad.at(i), left)
			}, nil
		})
	})
}

func appendPadded(dst []byte, s string, length int64, pad string, left bool) ([]byte, error) {
	have := int64(utf8.RuneCountInString(s))
	switch {
	case length < 0 || have < length && pad == "":
		return dst, errNull
	case have >= length:
		return append(dst, s[:runeOffset(s, length)]...), nil
	case length > maxText:
		return dst, errTextLength
	}
	if !left {
		dst = append(dst, s...)
	}
	padRunes := int64(utf8.RuneCountInString(pad))
	missing := length - have
	for ; missing >= padRunes; missing -= padRunes {
		dst = append(dst, pad...)
	}
	dst = append(dst, pad[:runeOffset(pad, missing)]...)
	if left {
		dst = append(dst, s...)
	}
	return dst, nil
}

func chr(t arrow.DataType) kernel {
	return textOf(t, func(f *frame, args []value) (func(i int, dst []byte) ([]byte, error), error) {
		in := integers(f, args[0])
		return func(i int, dst []byte) ([]byte, error) {
			if in.at(i) < 0 {
				return dst, nil
			}
			return utf8.AppendRune(dst, rune(in.at(i)&0xff)), nil
		}, nil
	})
}

func readTexts(args []value) []views {
	in := make([]views, len(args))
	for i, a := range args {
		in[i] = viewsOf(a)
	}
	return in
}

func concat(c *compiler, e *Call) (node, error) {
	return simple("S*", func(t arrow.DataType) kernel {
		return textOf(t, func(_ *frame, args []value) (func(i int, dst []byte) ([]byte, error), error) {
			in := readTexts(args)
			return func(i int, dst []byte) ([]byte, error) {
				for k := range in {
					dst = append(dst, in[k].at(i)...)
				}
				return dst, nil
			}, nil
		})
	})(c, e)
}

// concatWS joins what is not NULL; only a NULL separator makes the result NULL.
func concatWS(c *compiler, e *Call) (node, error) {
	return simple("ss*", func(t arrow.DataType) kernel {
		return looseText(t, func(_ *frame, args []value) func(i int, dst []byte) ([]byte, error) {
			in, valid := readTexts(args), readValid(args)
			return func(i int, dst []byte) ([]byte, error) {
				if valid[0].null(i) {
					return dst, errNull
				}
				first := true
				for k := 1; k < len(in); k++ {
					if valid[k].null(i) {
						continue
					}
					if !first {
						dst = append(dst, in[0].at(i)...)
					}
					first = false
					dst = append(dst, in[k].at(i)...)
				}
				return dst, nil
			}
		})
	})(c, e)
}

// elt is elt(n, a, b, …): the n-th of the strings or bytes.
func elt(c *compiler, e *Call) (node, error) {
	return simple("iS*", func(t arrow.DataType) kernel {
		return looseText(t, func(f *frame, args []value) func(i int, dst []byte) ([]byte, error) {
			n := integers(f, args[0])
			in, valid := readTexts(args[1:]), readValid(args)
			return func(i int, dst []byte) ([]byte, error) {
				if valid[0].null(i) {
					return dst, errNull
				}
				k := n.at(i)
				if k < 1 || k > int64(len(in)) || valid[k].null(i) {
					return dst, errNull
				}
				return append(dst, in[k-1].at(i)...), nil
			}
		})
	})(c, e)
}

// maxText bounds what REPEAT and the pads make of one row.
const maxText = 256 << 20

var errTextLength = fmt.Errorf("result is longer than %d MB", maxText>>20)

// countChar is count_char(s, c) of Nexmark: how many bytes of s are the first
// of c; 0 for NULL.
func countChar(c *compiler, e *Call) (node, error) {
	args, ok := match("ss", e.Args)
	if !ok || classOf(e.Of) != int64Class {
		return nil, nil
	}
	return c.call(e, func(f *frame, args []value) (value, error) {
		n := rows(f.n, args)
		s, what, valid := viewsOf(args[0]), viewsOf(args[1]), readValid(args)
		out, buf := fixed[int64](f.alloc, n)
		for i := range n {
			out[i] = 0
			if c := what.at(i); c != "" && !valid[0].null(i) && !valid[1].null(i) {
				out[i] = int64(strings.Count(s.at(i), c[:1]))
			}
		}
		return value{Array: finish(e.Of, n, nil, buf, 0), scalar: allScalar(args)}, nil
	}, args...)
}
