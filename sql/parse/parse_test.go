package parse_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/parse"
)

func TestScript(t *testing.T) {
	stmts, err := parse.Script(`
-- a comment; with a semicolon
CREATE TABLE t (a INT) WITH ('k' = 'a;b');;
/* another; */ INSERT INTO t VALUES (1);
EXECUTE STATEMENT SET BEGIN INSERT INTO t SELECT 1; INSERT INTO u SELECT 2; END;
SELECT ';' AS x`)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"CREATE TABLE t (a INT) WITH ('k' = 'a;b')",
		"INSERT INTO t VALUES 1",
		"EXECUTE STATEMENT SET BEGIN INSERT INTO t SELECT 1; INSERT INTO u SELECT 2; END",
		"SELECT ';' AS x",
	}
	for i, s := range stmts {
		if got := ast.SQL(s); got != want[i] {
			t.Errorf("statement %d: got %s, want %s", i, got, want[i])
		}
	}
	if len(stmts) != len(want) {
		t.Errorf("%d statements, want %d", len(stmts), len(want))
	}
}

func TestScriptKeepsWhatCameBeforeTheMistake(t *testing.T) {
	stmts, err := parse.Script("SELECT 1; SELECT 2; SELEC 3")
	if len(stmts) != 2 || err == nil {
		t.Fatalf("got %d statements, error %v", len(stmts), err)
	}
	if !errors.Is(err, job.ErrInvalid) {
		t.Errorf("%v is not ErrInvalid", err)
	}
}

func TestPositions(t *testing.T) {
	q, err := parse.Query("SELECT 'ü',\n  größe + 1 FROM t")
	if err != nil {
		t.Fatal(err)
	}
	sel := q.(*ast.Select)
	col := sel.Items[1].Expr.(*ast.Binary).Left
	if got, want := col.Position(), (ast.Pos{Line: 2, Col: 3, Offset: 15}); got != want {
		t.Errorf("position of the column is %+v, want %+v", got, want)
	}
	if got, want := sel.From.Position(), (ast.Pos{Line: 2, Col: 18, Offset: 32}); got != want {
		t.Errorf("position of the table is %+v, want %+v", got, want)
	}
}

// Text of any size and shape is answered in time that grows with its length.
func TestLargeStatements(t *testing.T) {
	const n = 1 << 20
	for name, text := range map[string]string{
		"text":           "SELECT '" + strings.Repeat("x", n) + "'",
		"chain":          "SELECT 1" + strings.Repeat(" + 1", n/4),
		"list":           "SELECT a IN (1" + strings.Repeat(", 1", n/3) + ")",
		"columns":        "SELECT a" + strings.Repeat(",\na", n/3) + " FROM t",
		"unions":         "SELECT 1" + strings.Repeat(" UNION ALL SELECT 1", n/19),
		"joins":          "SELECT * FROM t" + strings.Repeat(" JOIN t ON a", n/12),
		"comment":        "SELECT 1 /*" + strings.Repeat("*", n) + "*/",
		"script":         strings.Repeat("SELECT 1;\n", n/10),
		"error at end":   strings.Repeat("SELECT 1, ", n/10) + ")",
		"parentheses":    "SELECT " + strings.Repeat("(", n),
		"subqueries":     strings.Repeat("SELECT (", n/8),
		"tables":         "SELECT * FROM " + strings.Repeat("(", n),
		"signs":          "SELECT " + strings.Repeat("- ", n/2) + "1",
		"nots":           "SELECT " + strings.Repeat("NOT ", n/4) + "1",
		"cases":          "SELECT " + strings.Repeat("CASE ", n/5),
		"types":          "SELECT CAST(a AS " + strings.Repeat("ARRAY<", n/6),
		"suffixed types": "SELECT CAST(a AS INT" + strings.Repeat(" ARRAY", n/6) + ")",
		"patterns":       "SELECT * FROM t MATCH_RECOGNIZE (PATTERN (" + strings.Repeat("(", n),
		"calls":          "SELECT " + strings.Repeat("f(", n/2),
		"items":          "SELECT a" + strings.Repeat("[1]", n/3),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			stmts, err := parse.Script(text)
			for _, s := range stmts {
				_ = ast.SQL(s)
			}
			if d := time.Since(start); d > 5*time.Second {
				t.Errorf("took %v", d)
			}
			if err != nil && len(err.Error()) > 1000 {
				t.Errorf("the message has %d bytes", len(err.Error()))
			}
		})
	}
}

func TestDeepNestingIsAnError(t *testing.T) {
	for _, text := range []string{
		strings.Repeat("(", 1000) + "1" + strings.Repeat(")", 1000),
		strings.Repeat("NOT ", 1000) + "a",
		strings.Repeat("f(", 1000) + strings.Repeat(")", 1000),
	} {
		_, err := parse.Expr(text)
		if err == nil || !strings.Contains(err.Error(), "nested too deeply") {
			t.Errorf("got %v", err)
		}
	}
	if _, err := parse.Expr(strings.Repeat("(", 100) + "1" + strings.Repeat(")", 100)); err != nil {
		t.Error(err)
	}
}

func BenchmarkStatement(b *testing.B) {
	const q = `SELECT auction, COUNT(*) AS num, window_start FROM TABLE(HOP(TABLE bid, DESCRIPTOR(date_time),
INTERVAL '2' SECOND, INTERVAL '10' SECOND)) WHERE price > 100 AND channel IN ('a', 'b') GROUP BY auction, window_start`
	b.SetBytes(int64(len(q)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parse.Statement(q); err != nil {
			b.Fatal(err)
		}
	}
}
