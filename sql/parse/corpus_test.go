package parse_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/parse"
)

// corpora is the folder of third-party test material, beside the repository.
func corpora(t testing.TB, path ...string) string {
	root := os.Getenv("WADI_CORPORA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "corpora")
	}
	full := filepath.Join(append([]string{root}, path...)...)
	if _, err := os.Stat(full); err != nil {
		t.Skipf("third-party corpus %s is not here", filepath.Join(path...))
	}
	return full
}

// lines decodes each line of a JSON Lines file.
func lines[T any](t testing.TB, path string) []T {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []T
	s := bufio.NewScanner(f)
	s.Buffer(nil, 64<<20)
	for s.Scan() {
		var v T
		if err := json.Unmarshal(s.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// sameTree compares trees without their positions.
var sameTree = cmp.Options{cmpopts.IgnoreTypes(ast.Pos{}), cmpopts.EquateEmpty()}

// roundTrip fails unless parsing what a tree prints as gives the tree again.
func roundTrip[T ast.Node](t testing.TB, sql string, tree T, parse func(string) (T, error)) {
	t.Helper()
	printed := ast.SQL(tree)
	again, err := parse(printed)
	if err != nil {
		t.Errorf("the printed tree does not parse: %v\nwritten: %s\nprinted: %s", err, sql, printed)
		return
	}
	if d := cmp.Diff(tree, again, sameTree); d != "" {
		t.Errorf("the printed tree is another one (-written +printed):\n%s\nwritten: %s\nprinted: %s", d, sql, printed)
	}
}

// wantPosition fails unless err is an *Error with a position inside the text.
func wantPosition(t testing.TB, sql string, err error) {
	t.Helper()
	var e *parse.Error
	if !errors.As(err, &e) || e.Line < 1 || e.Col < 1 || e.Offset > len(sql) {
		t.Errorf("error without a position: %v\n%s", err, sql)
	}
}

// notOurs are cases of the corpora that Flink's own parser does not take:
// Calcite's test harness quotes names with ", Flink with backticks.
var notOurs = map[string]string{
	`insert into "emps" partition ("x"='ab', "y"='bc')("x","y") select * from emps`: `names in double quotes`,
}

var cut = regexp.MustCompile(`at line (\d+), column (\d+)`)

func TestFlinkParserCases(t *testing.T) {
	type testCase struct {
		Test, Kind, SQL string
		OK, Fails       *string
	}
	var accepted, refused, placed, ok, fails int
	for _, tc := range lines[testCase](t, corpora(t, "flink_sql_parse", "parser_tests.jsonl")) {
		sql := tc.SQL
		if _, skip := notOurs[strings.ReplaceAll(sql, `\'`, `'`)]; skip {
			continue
		}
		caret := strings.IndexByte(sql, '^')
		if tc.OK == nil {
			sql = strings.ReplaceAll(sql, "^", "")
		}
		if tc.OK == nil && (tc.Fails != nil || caret >= 0) {
			fails++
			_, err := parse.Statement(sql)
			if err == nil {
				t.Errorf("%s: accepted:\n%s", tc.Test, tc.SQL)
				continue
			}
			refused++
			wantPosition(t, sql, err)
			var e *parse.Error
			if errors.As(err, &e) && caret >= 0 && e.Offset == caret {
				placed++
			}
			continue
		}
		ok++
		if tc.Kind == "expr" {
			e, err := parse.Expr(sql)
			if err != nil {
				t.Errorf("%s: %v", tc.Test, err)
				continue
			}
			roundTrip(t, sql, e, parse.Expr)
		} else {
			s, err := parse.Statement(sql)
			if err != nil {
				t.Errorf("%s: %v", tc.Test, err)
				continue
			}
			roundTrip(t, sql, s, parse.Statement)
		}
		accepted++
	}
	t.Logf("accepted %d of %d, refused %d of %d, %d of them exactly where Flink does", accepted, ok, refused, fails, placed)
}

func TestFlinkPlannerQueries(t *testing.T) {
	type testCase struct{ File, Test, SQL string }
	cases := lines[testCase](t, corpora(t, "flink_sql_parse", "planner_queries.jsonl"))
	failed := 0
	for _, tc := range cases {
		s, err := parse.Statement(tc.SQL)
		if err != nil {
			failed++
			t.Logf("%s %s: %v\n%s", tc.File, tc.Test, err, tc.SQL)
			continue
		}
		roundTrip(t, tc.SQL, s, parse.Statement)
	}
	t.Logf("parsed %d of %d", len(cases)-failed, len(cases))
	if failed*100 > len(cases) {
		t.Errorf("%d of %d queries are refused", failed, len(cases))
	}
}
