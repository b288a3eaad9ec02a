package parse_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/wadi-engine/wadi/internal/corpora"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/parse"
)

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

// diffTrees shows how trees differ but for their positions. It is for the report
// only: cmp compares the items of slices twice, which doubles with every level of nesting.
var diffTrees = cmp.Options{cmpopts.IgnoreTypes(ast.Pos{}), cmpopts.EquateEmpty()}

// sameTree reports whether trees are equal but for their positions.
func sameTree(a, b reflect.Value) bool {
	if a.Kind() != b.Kind() || a.Type() != b.Type() {
		return false
	}
	switch a.Kind() {
	case reflect.Interface, reflect.Pointer:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() == b.IsNil()
		}
		return sameTree(a.Elem(), b.Elem())
	case reflect.Slice:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !sameTree(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Struct:
		if a.Type() == reflect.TypeFor[ast.Pos]() {
			return true
		}
		for i := range a.NumField() {
			if !sameTree(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	}
	return a.Equal(b)
}

// roundTrip fails unless parsing what a tree prints as, in both ways, gives the tree again.
func roundTrip[T ast.Node](t testing.TB, sql string, tree T, parse func(string) (T, error)) {
	t.Helper()
	for i, printed := range []string{ast.SQL(tree), ast.Layout(tree)} {
		again, err := parse(printed)
		if err != nil {
			t.Errorf("the printed tree does not parse: %v\nwritten: %s\nprinted: %s", err, sql, printed)
			return
		}
		if i == 1 && strings.EqualFold(ast.SQL(again), ast.SQL(tree)) {
			continue // the layout has the names of functions in upper case
		}
		if !sameTree(reflect.ValueOf(tree), reflect.ValueOf(again)) {
			t.Errorf("the printed tree is another one (-written +printed):\n%s\nwritten: %s\nprinted: %s",
				cmp.Diff(tree, again, diffTrees), sql, printed)
		}
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

func TestFlinkParserCases(t *testing.T) {
	type testCase struct {
		Test, Kind, SQL string
		OK, Fails       *string
	}
	var accepted, refused, placed, ok, fails int
	for _, tc := range lines[testCase](t, corpora.Path(t, "flink_sql_parse", "parser_tests.jsonl")) {
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
	cases := lines[testCase](t, corpora.Path(t, "flink_sql_parse", "planner_queries.jsonl"))
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

// written are the cases that Flink prints in a notation of its own, with the
// same meaning: the default RESTRICT, ROW around rows, TABLE t in parentheses,
// the details of EXPLAIN in a fixed order.
var written = regexp.MustCompile(` RESTRICT$|ROW\(|\(TABLE |^EXPLAIN JSON_EXECUTION_PLAN, |EXTEND|MODEL|LATERAL UNNEST`)

// What Flink's parser prints for its cases is, but for case and quotes, the tree that we read.
func TestSameTreeAsFlink(t *testing.T) {
	type testCase struct {
		Kind, SQL string
		OK        *string
	}
	shape := func(s ast.Statement) string {
		return strings.ReplaceAll(strings.ToUpper(ast.SQL(s)), "`", "")
	}
	same, all := 0, 0
	for _, tc := range lines[testCase](t, corpora.Path(t, "flink_sql_parse", "parser_tests.jsonl")) {
		if tc.OK == nil || tc.Kind != "sql" || written.MatchString(*tc.OK) {
			continue
		}
		ours, err := parse.Statement(tc.SQL)
		if err != nil {
			continue // TestFlinkParserCases reports it
		}
		all++
		theirs, err := parse.Statement(*tc.OK)
		if err != nil {
			t.Errorf("what Flink prints does not parse: %v", err)
			continue
		}
		if a, b := shape(ours), shape(theirs); a != b && !written.MatchString(a) {
			t.Errorf("another tree than Flink's:\n%s\n%s", a, b)
			continue
		}
		same++
	}
	t.Logf("%d of %d trees are the same", same, all)
}

// variables are the placeholders of the benchmark's scripts.
var variables = regexp.MustCompile(`\$\{[^}]*\}`)

func TestNexmarkScripts(t *testing.T) {
	root := corpora.Path(t, "nexmark")
	err := filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".sql" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		sql := variables.ReplaceAllString(string(text), "x1")
		stmts, err := parse.Script(sql)
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
		for _, s := range stmts {
			roundTrip(t, path, s, parse.Statement)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Arroyo's queries are of another dialect (intervals without units, names that
// are reserved in Flink): they parse, or are refused with a position.
func TestArroyoQueries(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(corpora.Path(t, "arroyo", "planner_queries"), "*.sql"))
	if err != nil {
		t.Fatal(err)
	}
	parsed := 0
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		stmts, err := parse.Script(string(text))
		for _, s := range stmts {
			roundTrip(t, path, s, parse.Statement)
		}
		if err == nil {
			parsed++
		} else {
			wantPosition(t, string(text), err)
		}
	}
	t.Logf("parsed %d of %d", parsed, len(files))
}

// Every statement and expression of the collections of test programs parses.
func TestFlinkPrograms(t *testing.T) {
	var parsed, templates int
	check := func(path, sql string) {
		if strings.Contains(sql, "${") {
			templates++ // a string of the program's source, not yet SQL
			return
		}
		stmts, err := parse.Script(sql)
		if err != nil {
			e, exprErr := parse.Expr(sql)
			if exprErr != nil {
				t.Errorf("%s: %v", path, err)
				return
			}
			roundTrip(t, sql, e, parse.Expr)
		}
		for _, s := range stmts {
			roundTrip(t, sql, s, parse.Statement)
		}
		parsed++
	}
	for _, dir := range []string{"flink_programs", "flink_scala_itcases", "flink_functions", "flink_agg_functions", "flink_expressions"} {
		err := filepath.WalkDir(corpora.Path(t, dir), func(path string, _ os.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".json" {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			var v any
			if err := json.Unmarshal(text, &v); err != nil {
				return err
			}
			eachSQL(v, func(sql string) { check(path, sql) })
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("parsed %d, skipped %d templates", parsed, templates)
}

// eachSQL calls f with every text under a key that holds SQL.
func eachSQL(v any, f func(string)) {
	switch v := v.(type) {
	case map[string]any:
		for key, x := range v {
			if sql, ok := x.(string); ok && (key == "sql" || key == "ddl") {
				f(sql)
				continue
			}
			eachSQL(x, f)
		}
	case []any:
		for _, x := range v {
			eachSQL(x, f)
		}
	}
}

// The statements of the SQL client's transcripts parse, but for those that the
// transcript says are errors. A transcript is: # comments, a statement over some
// lines, its answer, !ok or !info or !error.
func TestSQLClientTranscripts(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(corpora.Path(t, "flink_sql_client_q"), "flink-sql-client", "sql", "*.q"))
	if err != nil {
		t.Fatal(err)
	}
	parsed := 0
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var sql string
		for line := range strings.Lines(string(text)) {
			switch {
			case strings.HasPrefix(line, "#"):
			case strings.HasPrefix(line, "!"):
				if strings.HasPrefix(line, "!ok") || strings.HasPrefix(line, "!info") {
					parsed += wantParsed(t, path, sql)
				}
				sql = ""
			case sql == "" && strings.TrimSpace(line) == "", sql != "" && parse.Complete(sql):
			default:
				sql += line
			}
		}
	}
	t.Logf("parsed %d", parsed)
}

// wantParsed counts a statement that parses to itself. Commands of the shell are not statements.
func wantParsed(t *testing.T, path, sql string) int {
	t.Helper()
	switch strings.ToUpper(strings.TrimSpace(sql)) {
	case "HELP;", "CLEAR;", "QUIT;", "":
		return 0
	}
	stmts, err := parse.Script(sql)
	if err != nil {
		t.Errorf("%s: %v", filepath.Base(path), err)
		return 0
	}
	for _, s := range stmts {
		roundTrip(t, sql, s, parse.Statement)
	}
	return 1
}
