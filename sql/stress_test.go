package sql_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/sql"
	"github.com/wadi-engine/wadi/sql/ast"
)

// TestLargeQueries plans what generators of SQL write: the time grows with the
// text, and what is too deep is an error of the user's.
func TestLargeQueries(t *testing.T) {
	repeat := func(n int, sep, format string) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = fmt.Sprintf(format, i)
		}
		return strings.Join(parts, sep)
	}
	for _, c := range []struct{ name, text string }{
		{"or", "SELECT a FROM t WHERE " + repeat(9_000, " OR ", "a = %d")},
		{"and", "SELECT a FROM t WHERE " + repeat(9_000, " AND ", "a <> %d")},
		{"in", "SELECT a FROM t WHERE a IN (" + repeat(50_000, ", ", "%d") + ")"},
		{"sum", "SELECT " + repeat(1_000, " + ", "a * %d") + " FROM t"},
		{"deep sum", "SELECT " + repeat(9_000, " + ", "a * %d") + " FROM t"},
		{"case", "SELECT CASE " + repeat(10_000, " ", "WHEN a = %d THEN 'x'") + " END FROM t"},
		{"columns", "SELECT " + repeat(5_000, ", ", "a + %d") + " FROM t"},
		{"union", repeat(500, " UNION ALL ", "SELECT a + %d FROM t")},
		{"values", "VALUES " + repeat(20_000, ", ", "(%d, 'x')")},
		{"subqueries", strings.Repeat("SELECT * FROM (", 40) + "SELECT a FROM t" + strings.Repeat(")", 40)},
		{"filters", strings.Repeat("SELECT a + 1 AS a FROM (", 40) + "SELECT a FROM t" + strings.Repeat(") WHERE a > 1", 40)},
		{"doubling", strings.Repeat("SELECT a + a AS a FROM (", 40) + "SELECT a FROM t" + strings.Repeat(")", 40)},
		{"doubling filter", strings.Repeat("SELECT a + a AS a FROM (", 40) + "SELECT a FROM t" + strings.Repeat(")", 40) + " WHERE a > 1"},
		{"string", "SELECT '" + strings.Repeat("x", 1<<20) + "' FROM t"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSession(t)
			text := "CREATE TABLE t (a INT) WITH ('connector' = 'nexmark');\n" + c.text
			begin := time.Now()
			err := s.Script(context.Background(), text, func(ast.Statement, sql.Result) error { return nil })
			if err != nil && !errors.Is(err, job.ErrInvalid) {
				t.Error(err)
			}
			if took := time.Since(begin); took > 20*time.Second {
				t.Errorf("%v for %d bytes", took, len(c.text))
			} else {
				msg := ""
				if err != nil {
					msg = err.Error()[:min(len(err.Error()), 120)]
				}
				t.Logf("%v for %d bytes %s", took.Round(time.Millisecond), len(c.text), msg)
			}
		})
	}
}
