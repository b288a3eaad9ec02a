package wadi_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/sqltest"
)

// example is a block of SQL in a page, and the lines that it says come of it.
type example struct {
	sql  string
	want []string
	line int
}

// examples reads the blocks of a page: ```sql, and perhaps ``` behind it.
func examples(t *testing.T, path string) []example {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []example
	var block []string
	kind := ""
	for i, line := range strings.Split(string(text), "\n") {
		fence := strings.HasPrefix(line, "```")
		switch {
		case fence && kind == "":
			kind, block = strings.TrimPrefix(line, "```")+" ", []string{}
		case fence && kind == "sql ":
			out = append(out, example{sql: strings.Join(block, "\n"), line: i + 1})
			kind = ""
		case fence && kind == " ":
			out[len(out)-1].want = block
			kind = ""
		case fence:
			kind = ""
		case kind != "":
			block = append(block, line)
		}
	}
	return out
}

// spread is the state of SPREAD: the least and the greatest value, of N.
type spread struct{ Low, High, N int64 }

// docsOptions are those of the pages' sessions, with the functions of functions.md.
func docsOptions() wadi.Options {
	type word struct {
		Word   string
		Length int32
	}
	put := func(s *spread, low, high, n int64) {
		if s.N == 0 {
			s.Low, s.High = low, high
		}
		s.Low, s.High, s.N = min(s.Low, low), max(s.High, high), s.N+n
	}
	return wadi.Options{
		Config: map[string]string{"execution.runtime-mode": "batch"},
		Functions: []wadi.Function{
			wadi.Func1("shout", func(s string) (string, error) { return strings.ToUpper(s) + "!", nil }),
			wadi.Func1("fussy", func(n int64) (int64, error) {
				if n > 10 {
					panic("it is above 10")
				}
				return n, nil
			}),
		},
		Aggregates: []wadi.AggregateFunction{wadi.Agg1("spread", wadi.Agg[func(*spread, int64) error, spread, int64]{
			Add:    func(s *spread, n int64) error { put(s, n, n, 1); return nil },
			Merge:  func(s, other *spread) error { put(s, other.Low, other.High, other.N); return nil },
			Result: func(s *spread) (int64, bool) { return s.High - s.Low, s.N > 0 },
		})},
		TableFunctions: []wadi.TableFunction{wadi.Table1("words", func(s string, yield func(word)) error {
			for _, w := range strings.Fields(s) {
				yield(word{Word: w, Length: int32(len(w))})
			}
			return nil
		})},
	}
}

// TestExamplesOfDocs runs the examples of docs/sql, and of pages that are written like
// them, a page in one session.
func TestExamplesOfDocs(t *testing.T) {
	pages, err := filepath.Glob("docs/sql/*.md")
	if err != nil || len(pages) < 2 {
		t.Fatalf("no pages: %v", err)
	}
	pages = append(pages, "docs/filesystem.md")
	for _, page := range pages {
		t.Run(strings.TrimSuffix(filepath.Base(page), ".md"), func(t *testing.T) {
			env, err := wadi.Local(docsOptions())
			if err != nil {
				t.Fatal(err)
			}
			defer env.Close()
			dir := t.TempDir()
			for _, e := range examples(t, page) {
				got, err := sqltest.Shown(t, env, strings.ReplaceAll(e.sql, "${dir}", dir))
				switch {
				case err != nil && (len(e.want) == 0 || !strings.Contains(err.Error(), strings.Join(e.want, "\n"))):
					t.Errorf("%s:%d: %v", page, e.line, err)
				case err == nil && e.want != nil && strings.Join(got, "\n") != strings.Join(e.want, "\n"):
					t.Errorf("%s:%d:\n%s\ngot\n  %s\nwant\n  %s", page, e.line, e.sql, strings.Join(got, "\n  "), strings.Join(e.want, "\n  "))
				}
			}
		})
	}
}
