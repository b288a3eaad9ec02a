package regex_test

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi/vector/regex"
)

var patterns = []string{
	`(&|^)channel_id=([^&]*)`, `abc`, `a|b|ab`, `(a+)(b*)?c`, `^a.*b$`, `a.*?b`, `(a|ab)(c|bcd)(d*)`, `[a-c]+x?`, `[^a]b`, `a{2,3}`,
	`(ab)*c`, `(ab)+?c`, `(?:a|)b`, `\d+-(\d+)`, `a(b(c(d)?)?)?`, `(é|e)+`, `[^&]é`, `.b`, `..`, `x*`, `(a*)(a*)b`, `$`, `^$`, `a$|^b`,
	`((a)|b)+`, `(?i)1-2`, `[\x{80}-\x{10FFFF}]`, `ab(.)cd`, `.{0,3}abc`, `https?://([^/]+)/(.*)`, `(?i)abc`, `\bab`, `(?m)^b`, `(a*)*`,
	`(a|b)*abb`, `[^é]a`, `a??b`, `(x+x+)+y`,
}

func check(t *testing.T, pattern, s string) {
	t.Helper()
	want := regexp.MustCompile(pattern)
	re, err := regex.Compile(pattern)
	if err != nil {
		t.Fatalf("%s: %v", pattern, err)
	}
	if got, want := re.FindStringSubmatchIndex(s), want.FindStringSubmatchIndex(s); !slices.Equal(got, want) {
		t.Fatalf("%q in %q: %v, want %v", pattern, s, got, want)
	}
	if got, want := re.MatchString(s), want.MatchString(s); got != want {
		t.Fatalf("%q in %q: %v, want %v", pattern, s, got, want)
	}
}

// TestAsGo compares with Go's matcher over random texts.
func TestAsGo(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	bits := []string{"a", "b", "c", "d", "x", "é", "&", "\n", "channel_id=", "12-3", "\xff", "abc", "https://h/p"}
	for _, p := range patterns {
		for range 500 {
			var s strings.Builder
			for range r.IntN(8) {
				s.WriteString(bits[r.IntN(len(bits))])
			}
			check(t, p, s.String())
		}
	}
}

// TestTooManySteps: backtracking gives up, and Go's matcher answers.
func TestTooManySteps(t *testing.T) {
	check(t, `(x+x+)+y`, strings.Repeat("x", 60))
}

func FuzzAsGo(f *testing.F) {
	for _, p := range patterns {
		f.Add(p, "abchannel_id=é&12-3")
	}
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if _, err := regexp.Compile(pattern); err != nil || len(pattern) > 40 {
			return
		}
		check(t, pattern, s)
	})
}

func BenchmarkExtract(b *testing.B) {
	const url = "https://www.nexmark.com/abcdefgh/ijklmnop/qrstuvwx/item.htm?query=1&channel_id=123456789"
	const pattern = `(&|^)channel_id=([^&]*)`
	b.Run("ours", func(b *testing.B) {
		re, err := regex.Compile(pattern)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			re.FindStringSubmatchIndex(url)
		}
	})
	b.Run("go", func(b *testing.B) {
		re := regexp.MustCompile(pattern)
		for b.Loop() {
			re.FindStringSubmatchIndex(url)
		}
	})
}
