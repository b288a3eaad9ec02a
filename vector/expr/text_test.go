package expr_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"pgregory.net/rapid"

	"github.com/wadi-engine/wadi/vector/expr"
)

// textRow is the reference of a function: over runes, as slow as it likes. ok is
// false for NULL.
type textRow func(s, t []rune, n, m int) (out string, ok bool)

func clamp(n, lo, hi int) int { return max(lo, min(n, hi)) }

var textReferences = map[string]textRow{
	"left":  func(s, _ []rune, n, _ int) (string, bool) { return string(s[:clamp(n, 0, len(s))]), true },
	"right": func(s, _ []rune, n, _ int) (string, bool) { return string(s[len(s)-clamp(n, 0, len(s)):]), true },
	"substring": func(s, _ []rune, n, m int) (string, bool) {
		from := 0
		switch {
		case n > 0:
			from = n - 1
		case n < 0:
			from = len(s) + n
		}
		if m < 0 || from < 0 || from >= len(s) {
			return "", true
		}
		return string(s[from:min(len(s), from+m)]), true
	},
	"reverse": func(s, _ []rune, _, _ int) (string, bool) {
		out := slices.Clone(s)
		slices.Reverse(out)
		return string(out), true
	},
	"upper": func(s, _ []rune, _, _ int) (string, bool) { return strings.ToUpper(string(s)), true },
	"btrim": func(s, t []rune, _, _ int) (string, bool) {
		for len(s) > 0 && slices.Contains(t, s[0]) {
			s = s[1:]
		}
		for len(s) > 0 && slices.Contains(t, s[len(s)-1]) {
			s = s[:len(s)-1]
		}
		return string(s), true
	},
	"lpad": func(s, t []rune, n, _ int) (string, bool) {
		if n < 0 || len(s) < n && len(t) == 0 {
			return "", false
		}
		var pad []rune
		for len(pad) < n-len(s) {
			pad = append(pad, t[len(pad)%len(t)])
		}
		return string(append(pad, s...)[:n]), true
	},
	"rpad": func(s, t []rune, n, _ int) (string, bool) {
		if n < 0 || len(s) < n && len(t) == 0 {
			return "", false
		}
		have := len(s)
		out := slices.Clone(s)
		for len(out) < n {
			out = append(out, t[(len(out)-have)%len(t)])
		}
		return string(out[:n]), true
	},
	"overlay": func(s, t []rune, n, m int) (string, bool) {
		if n <= 0 || n > len(s) {
			return string(s), true
		}
		out := string(s[:n-1]) + string(t)
		if m > 0 && n+m <= len(s) {
			out += string(s[n-1+m:])
		}
		return out, true
	},
	"locate": func(s, t []rune, n, _ int) (string, bool) { // n is made positive
		for at := n; at <= len(s)-len(t)+1; at++ {
			if slices.Equal(s[at-1:at-1+len(t)], t) {
				return fmt.Sprint(at), true
			}
		}
		return "0", true
	},
	"split_index": func(s, t []rune, n, _ int) (string, bool) {
		parts := strings.Split(string(s), string(t))
		if n < 0 || n >= len(parts) || len(t) == 0 || len(s) == 0 {
			return "", false
		}
		return parts[n], true
	},
}

// textCall puts the arguments s, t, n, m of the columns 0 to 3 in the order of f.
func textCall(f string) expr.Expr {
	s, t, n, m := col(0, textT), col(1, textT), col(2, int32T), col(3, int32T)
	switch f {
	case "left", "right":
		return call(textT, f, s, n)
	case "substring":
		return call(textT, f, s, n, m)
	case "reverse", "upper":
		return call(textT, f, s)
	case "btrim":
		return call(textT, f, s, t)
	case "lpad", "rpad":
		return call(textT, f, s, n, t)
	case "overlay":
		return call(textT, f, s, t, n, m)
	case "locate":
		return call(textT, "cast", call(int32T, f, t, s, call(int32T, "greatest", n, lit(int32T, 1))))
	case "split_index":
		return call(textT, f, s, t, n)
	}
	panic(f)
}

func TestTextFunctionsMatchReference(t *testing.T) {
	text := rapid.OneOf(rapid.StringMatching(`[ab ]{0,20}`), rapid.StringOf(rapid.SampledFrom([]rune("aäß世😀 "))))
	for name, want := range textReferences {
		t.Run(name, rapid.MakeCheck(func(rt *rapid.T) {
			alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
			defer alloc.AssertSize(t, 0)
			schema := arrow.NewSchema([]arrow.Field{
				{Name: "s", Type: textT, Nullable: true},
				{Name: "t", Type: textT, Nullable: true},
				{Name: "n", Type: int32T, Nullable: true},
				{Name: "m", Type: int32T, Nullable: true},
			}, nil)
			b := array.NewRecordBuilder(alloc, schema)
			defer b.Release()
			type row struct {
				s, t []rune
				n, m int
			}
			rows := make([]row, rapid.IntRange(0, 12).Draw(rt, "rows"))
			null := rapid.IntRange(-1, len(rows)).Draw(rt, "null")
			for i := range rows {
				r := &rows[i]
				r.s, r.t = []rune(text.Draw(rt, "s")), []rune(rapid.OneOf(text, rapid.SampledFrom([]string{"a", "", "äa", "世"})).Draw(rt, "t"))
				r.n, r.m = rapid.IntRange(-3, 25).Draw(rt, "n"), rapid.IntRange(-2, 20).Draw(rt, "m")
				if name == "locate" {
					r.n = max(r.n, 1)
				}
				if i == null {
					b.Field(0).AppendNull()
				} else {
					b.Field(0).(*array.StringViewBuilder).Append(string(r.s))
				}
				b.Field(1).(*array.StringViewBuilder).Append(string(r.t))
				b.Field(2).(*array.Int32Builder).Append(int32(r.n))
				b.Field(3).(*array.Int32Builder).Append(int32(r.m))
			}
			rec := b.NewRecordBatch()
			defer rec.Release()
			p, err := expr.Compile([]expr.Expr{textCall(name)}, schema, expr.Env{})
			if err != nil {
				rt.Fatal(err)
			}
			out, err := p.Eval(alloc, rec, nil)
			if err != nil {
				rt.Fatal(err)
			}
			defer out[0].Release()
			for i, r := range rows {
				text, ok := want(r.s, r.t, r.n, r.m)
				ok = ok && i != null
				got := out[0].(*array.StringView)
				if got.IsNull(i) == ok || ok && got.Value(i) != text {
					rt.Fatalf("%s(%q, %q, %d, %d): got %s, want %q %v", name, string(r.s), string(r.t), r.n, r.m, valueText(got, i), text, ok)
				}
			}
		}))
	}
}

// likeRegexp is the reference of LIKE with a backslash as escape.
func likeRegexp(pattern string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString("(?s)^")
	in := []rune(pattern)
	for i := 0; i < len(in); i++ {
		switch {
		case in[i] == '\\' && i+1 < len(in) && strings.ContainsRune(`%_\`, in[i+1]):
			i++
			b.WriteString(regexp.QuoteMeta(string(in[i])))
		case in[i] == '%':
			b.WriteString(".*")
		case in[i] == '_':
			b.WriteString(".")
		default:
			b.WriteString(regexp.QuoteMeta(string(in[i])))
		}
	}
	b.WriteString("$")
	return regexp.MustCompile(b.String())
}

func FuzzLike(f *testing.F) {
	for _, c := range [][2]string{{"abcxxxdef", "%abc%def%"}, {"TE_ST", `%E\_S%`}, {"世界", "_界"}, {"aab", "%ab"}, {"", "_"}, {"abab", "a%_b"}, {"aaab", "%a_b"}} {
		f.Add(c[0], c[1])
	}
	f.Fuzz(func(t *testing.T, s, pattern string) {
		if !utf8.ValidString(s) || !utf8.ValidString(pattern) || len(pattern) > 100 {
			return
		}
		l, err := expr.ParseLike(pattern, `\`)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := l.Match(s), likeRegexp(pattern).MatchString(s); got != want {
			t.Fatalf("%q LIKE %q: got %v, want %v", s, pattern, got, want)
		}
	})
}

// FuzzCast checks that whatever a string holds, CAST gives a value or an error
// that names it, and TRY_CAST the same value or NULL.
func FuzzCast(f *testing.F) {
	for _, s := range []string{"1", "-1.5e3", "true", "2021-09-24 12:34:56.789", "12:34", "NaN", "0x1p-2", "1_000", "99999999999999999999"} {
		f.Add(s)
	}
	types := []arrow.DataType{int8T, int32T, int64T, floatT, doubleT, boolT, dec(10, 2), dateT, timeT, ts3T, ts9T, ltz3T, bytesT}
	f.Fuzz(func(t *testing.T, s string) {
		for _, of := range types {
			got := show(t, expr.Env{}, call(of, "cast", str(s)))
			try := show(t, expr.Env{}, call(of, "try_cast", str(s)))
			if strings.HasPrefix(got, "error: ") {
				if !strings.HasPrefix(got, "error: cannot cast '") || try != "(null)" {
					t.Fatalf("%q to %s: %s, and TRY_CAST gives %s", s, of, got, try)
				}
			} else if got != try && !strings.Contains(got, "NaN") {
				t.Fatalf("%q to %s: CAST gives %s, TRY_CAST %s", s, of, got, try)
			}
		}
	})
}
