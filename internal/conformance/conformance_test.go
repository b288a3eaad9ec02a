package conformance

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/internal/corpora"
)

// slow are the sets that take longer than a few seconds, and only `make corpora` runs.
var slow = map[string]bool{"duckdb_tpch": true, "risingwave/batch": true, "risingwave/streaming": true}

// TestCorpora runs the sets and wants at least as many cases to pass as
// passed.txt records, so that what has worked goes on working. -v prints what fails.
func TestCorpora(t *testing.T) {
	dir := corpora.Path(t, "README.md")
	dir = strings.TrimSuffix(dir, "README.md")
	least := recorded(t)
	for _, s := range Sets() {
		t.Run(s.Name, func(t *testing.T) {
			if slow[s.Name] || testing.Short() && s.Name == "flink_nexmark_golden" {
				t.Skip("make corpora runs it")
			}
			cases, err := s.picked(dir, "")
			if err != nil {
				t.Fatal(err)
			}
			tally := Tally{Set: s.Name, Cases: len(cases)}
			for i := range cases {
				r := s.result(t.Context(), &cases[i], time.Now)
				tally.add(r)
				if r.Outcome == Failed && testing.Verbose() {
					why, _, _ := strings.Cut(r.Why, "\n")
					t.Logf("%s: %.150s", r.Case, why)
				}
			}
			t.Logf("%d passed, %d failed, %d skipped", tally.Passed, tally.Failed, tally.Skipped)
			if tally.Passed < least[s.Name] {
				t.Errorf("%d cases pass, it were %d: make corpora SET=%s", tally.Passed, least[s.Name], s.Name)
			}
		})
	}
}

func recorded(t *testing.T) map[string]int {
	f, err := os.Open("passed.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := map[string]int{}
	for s := bufio.NewScanner(f); s.Scan(); {
		if f := strings.Fields(s.Text()); len(f) == 2 {
			if out[f[0]], err = strconv.Atoi(f[1]); err != nil {
				t.Fatal(err)
			}
		}
	}
	return out
}

func TestSkipsNameReasons(t *testing.T) {
	sets := map[string]bool{}
	for _, s := range Sets() {
		sets[s.Name] = true
	}
	for _, s := range skips() {
		if !sets[s.set] || len(s.why) < 10 {
			t.Errorf("skip of %s %s: no such set, or no reason", s.set, s.name)
		}
	}
}

func TestJavaText(t *testing.T) {
	for _, c := range []struct {
		cell any
		want string
	}{
		{nil, "null"},
		{1.0, "1.0"},
		{1e7, "1.0E7"},
		{1.5e-4, "1.5E-4"},
		{float32(0.1), "0.1"},
		{bytesCell{1, 255}, "[1, -1]"},
		{rowCell{int64(1), "a", nil}, "+I[1, a, null]"},
		{mapCell{{"k", int64(2)}}, "{k=2}"},
		{monthsCell(124), "P10Y4M"},
		{millisCell(7_380_500), "PT2H3M0.5S"},
	} {
		if got := javaText(c.cell); got != c.want {
			t.Errorf("%#v: %s, want %s", c.cell, got, c.want)
		}
	}
}
