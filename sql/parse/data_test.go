package parse_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/parse"
)

// TestData runs the files of testdata. Commands: sql (a script), expr, type.
// The answer is the printed tree, one statement per line, or the error.
func TestData(t *testing.T) {
	datadriven.Walk(t, "testdata/text", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var out strings.Builder
			var err error
			switch d.Cmd {
			case "sql":
				var stmts []ast.Statement
				stmts, err = parse.Script(d.Input)
				for _, s := range stmts {
					fmt.Fprintln(&out, ast.SQL(s))
					roundTrip(t, d.Input, s, parse.Statement)
				}
			case "expr":
				var e ast.Expr
				if e, err = parse.Expr(d.Input); err == nil {
					fmt.Fprintln(&out, ast.SQL(e))
					roundTrip(t, d.Input, e, parse.Expr)
				}
			case "type":
				var ty *ast.DataType
				if ty, err = parse.DataType(d.Input); err == nil {
					fmt.Fprintln(&out, ast.SQL(ty))
					roundTrip(t, d.Input, ty, parse.DataType)
				}
			default:
				d.Fatalf(t, "unknown command %s", d.Cmd)
			}
			if err != nil {
				fmt.Fprintln(&out, err)
			}
			return out.String()
		})
	})
}
