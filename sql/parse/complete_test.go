package parse_test

import (
	"testing"

	"github.com/wadi-engine/wadi/sql/parse"
)

func TestComplete(t *testing.T) {
	for text, want := range map[string]bool{
		"":                            true,
		"  -- nothing":                true,
		"SELECT 1":                    false,
		"SELECT 1;":                   true,
		"SELECT 1; -- done":           true,
		"SELECT ';":                   false,
		"SELECT ';';":                 true,
		"SELECT /* ; ":                false,
		"SELECT `a;":                  false,
		"SELECT /*+ X":                false,
		"SELECT \"a\"":                true, // a mistake that more text does not heal
		"BEGIN STATEMENT SET;":        true, // a statement of its own, the next ones follow it
		"EXECUTE STATEMENT SET BEGIN": false,
		"EXECUTE STATEMENT SET BEGIN INSERT INTO t SELECT 1;":                          false,
		"EXECUTE STATEMENT SET BEGIN INSERT INTO t SELECT CASE WHEN a THEN b END;":     false,
		"EXECUTE STATEMENT SET BEGIN INSERT INTO t SELECT 1;\nEND":                     false,
		"EXECUTE STATEMENT SET BEGIN INSERT INTO t SELECT 1;\nEND;":                    true,
		"EXPLAIN STATEMENT SET BEGIN INSERT INTO t SELECT 1; END; SELECT 2; SELECT 3;": true,
	} {
		if got := parse.Complete(text); got != want {
			t.Errorf("Complete(%q) = %v", text, got)
		}
	}
}

func TestWords(t *testing.T) {
	got := parse.Words("select `a b`.x, 'y' from \"")
	want := []string{"SELECT", "a b", ".", "x", ",", "y", "FROM"}
	if len(got) != len(want) {
		t.Fatalf("%d words, want %d", len(got), len(want))
	}
	for i, w := range got {
		if w.Text != want[i] && w.Key != want[i] {
			t.Errorf("word %d is %q, want %q", i, w.Text, want[i])
		}
	}
	if got[0].Name || !got[1].Name || !got[3].Name || got[5].Name {
		t.Error("names are not told from others")
	}
}
