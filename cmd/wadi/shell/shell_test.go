package shell

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi/sql/ast"
)

// typed is a reader of prepared texts.
type typed []string

func (r *typed) read() (string, error) {
	if len(*r) == 0 {
		return "", io.EOF
	}
	text := (*r)[0]
	*r = (*r)[1:]
	if text == "^C" {
		return "", errInterrupt
	}
	return text, nil
}

// echo is a Runner that prints what it is given. Statements on a table named bad fail.
type echo struct{}

func (echo) Run(_ context.Context, _ string, stmt ast.Statement, out io.Writer) error {
	sql := ast.SQL(stmt)
	if strings.Contains(sql, "bad") {
		return errors.New("there is no table bad")
	}
	_, err := fmt.Fprintln(out, sql)
	return err
}

func TestShell(t *testing.T) {
	var out bytes.Buffer
	s := &Shell{runner: echo{}, opts: Options{Out: &out, Welcome: "hello"}, input: &typed{
		"select 1;", "^C", "", "SELECT 2; SELECT * FROM bad; SELECT 3;", "SELEC;", "help;", "Quit", "SELECT 4;",
	}}
	if err := s.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	want := "hello\nSELECT 1\nSELECT 2\n[ERROR] there is no table bad\n[ERROR] line 1, column 1: unexpected \"SELEC\", expected SELECT, INSERT, " +
		"CREATE, DROP, ALTER, SHOW, DESCRIBE, EXPLAIN, … (did you mean SELECT?)\n  SELEC;\n  ^^^^^\n" + help
	if out.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", out.String(), want)
	}
}

func TestShellEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s := &Shell{runner: echo{}, opts: Options{Out: io.Discard}, input: &typed{"SELECT 1;"}}
	if err := s.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestScriptRunsWhatComesBeforeAMistake(t *testing.T) {
	var out bytes.Buffer
	err := Script(context.Background(), echo{}, "SELECT 1; SELECT 2; SELECT FROM", &out)
	if err == nil || out.String() != "SELECT 1\nSELECT 2\n" {
		t.Errorf("got %q, %v", out.String(), err)
	}
}

func TestLinesThatEndAStatement(t *testing.T) {
	for text, want := range map[string]bool{
		"SELECT 1": false, "SELECT 1;": true, "quit": true, " EXIT ; ": true, "SELECT ';": false, "help": true, "helpless": false, "": true,
	} {
		if got := complete(text); got != want {
			t.Errorf("complete(%q) = %v", text, got)
		}
	}
}

// shop is a Catalog.
type shop struct{}

func (shop) Tables() []string    { return []string{"orders", "lines", "other.orders"} }
func (shop) Functions() []string { return []string{"COUNT", "CONCAT", "UPPER"} }
func (shop) Columns(table string) []string {
	switch table {
	case "orders":
		return []string{"id", "price", "order"}
	case "lines":
		return []string{"id", "product"}
	}
	return nil
}

func TestComplete(t *testing.T) {
	for _, tc := range []struct{ text, prefix, want string }{
		{"|", "", "HELP QUIT SELECT SHOW *"},
		{"sel|", "sel", "select"},
		{"SELECT 1; IN|", "IN", "INSERT"},
		{"SELECT * FROM |", "", "orders lines other.orders *"},
		{"SELECT * FROM o|", "o", "orders other.orders"},
		{"SELECT * FROM other.o|", "other.o", "other.orders"},
		{"INSERT INTO l|", "l", "lines"},
		{"SELECT pr| FROM orders, lines", "pr", "price product *"},
		{"SELECT o.| FROM orders AS o", "o.", "o.id o.price o.`order`"},
		{"SELECT l.p| FROM orders o JOIN lines l ON o.id = l.id", "l.p", "l.product"},
		{"SELECT SUM(o.p| FROM orders o", "SUM(o.p", "SUM(o.price"},
		{"SELECT COUNT(DISTINCT id),CO|", "id),CO", "id),CONCAT( id),COUNT( *"},
		{"SELECT co|", "co", "concat( count( *"},
		{"SELECT 'fr|", "'fr", ""},
		{"SELECT 1 -- fr|", "fr", ""},
		{"SELECT a FROM orders wh|", "wh", "when where"},
		{"DROP TABLE IF EXISTS li|", "li", "lines"},
	} {
		cursor := strings.IndexByte(tc.text, '|')
		text := strings.Replace(tc.text, "|", "", 1)
		prefix, candidates := Complete(shop{}, text, cursor)
		if prefix != tc.prefix {
			t.Errorf("%s: prefix %q, want %q", tc.text, prefix, tc.prefix)
		}
		var got []string
		for _, c := range candidates {
			got = append(got, c.Insert)
			if !strings.HasPrefix(c.Insert, prefix) {
				t.Errorf("%s: %q does not begin with the prefix", tc.text, c.Insert)
			}
		}
		want := strings.Fields(tc.want)
		if n := len(want); n > 0 && want[n-1] == "*" { // among others
			for _, w := range want[:n-1] {
				if !strings.Contains(" "+strings.Join(got, " ")+" ", " "+w+" ") {
					t.Errorf("%s: %q is missing in %q", tc.text, w, got)
				}
			}
			continue
		}
		if strings.Join(got, " ") != tc.want {
			t.Errorf("%s: got %q, want %q", tc.text, strings.Join(got, " "), tc.want)
		}
	}
}

func TestCompleteWithoutCatalog(t *testing.T) {
	if _, got := Complete(nil, "SELECT * FR", 11); len(got) == 0 || got[0].Insert != "FROM" {
		t.Errorf("got %v", got)
	}
}

// No text and no place in it makes completion fail.
func FuzzComplete(f *testing.F) {
	f.Add("SELECT a.b FROM x AS a, `y z` JOIN", 9)
	f.Add("SELECT 'ü", 8)
	f.Fuzz(func(t *testing.T, text string, cursor int) {
		if len(text) > 1000 || cursor < 0 || cursor > len(text) {
			t.Skip()
		}
		prefix, got := Complete(shop{}, text, cursor)
		for _, c := range got {
			if !strings.HasPrefix(c.Insert, prefix) {
				t.Errorf("%q does not begin with %q", c.Insert, prefix)
			}
		}
	})
}

func TestHistory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "history")
	h, err := openHistory(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"SELECT 1;", "CREATE TABLE t (a INT) WITH ('password' = 'x');",
		"SET 'kafka.sasl.jaas.config' = 'x';", "SELECT\n2;",
	} {
		if _, err := h.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	again, err := openHistory(path)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range again.Len() {
		line, err := again.GetLine(i)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, line)
	}
	if strings.Join(got, "|") != "SELECT 1;|SELECT\n2;" {
		t.Errorf("history is %q", got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v, %v", info.Mode(), err)
	}
}

func TestNew(t *testing.T) {
	s, err := New(echo{}, Options{HistoryFile: filepath.Join(t.TempDir(), "h"), Catalog: shop{}})
	if err != nil {
		t.Fatal(err)
	}
	term := s.input.(*terminal)
	if term.line.AcceptMultiline([]rune("SELECT")) || !term.line.AcceptMultiline([]rune("SELECT 1;")) {
		t.Error("statements do not end with their semicolon")
	}
	if _, err := New(echo{}, Options{HistoryFile: filepath.Join(t.TempDir(), "h", "\x00")}); err == nil {
		t.Error("an impossible history file is accepted")
	}
}
