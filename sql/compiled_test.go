package sql_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/sql"
	"github.com/wadi-engine/wadi/sql/ast"
)

const compiledTables = `CREATE TABLE g (a INT, b STRING, ts AS CURRENT_TIMESTAMP) WITH ('connector' = 'datagen');
CREATE TABLE p (a INT, n BIGINT) WITH ('connector' = 'print');
CREATE TABLE secret (a INT, n BIGINT) WITH ('connector' = 'print', 'password' = 'x');
CREATE TABLE referred (a INT, n BIGINT) WITH ('connector' = 'print', 'k' = '${env:WADI_COMPILED}');
`

// script gives the result of the last statement.
func script(t *testing.T, s *sql.Session, text string) (last sql.Result, err error) {
	t.Helper()
	err = s.Script(context.Background(), text, func(_ ast.Statement, r sql.Result) error {
		last = r
		return nil
	})
	return last, err
}

// TestCompiledPlan compiles a plan at one time and executes it at another: the
// job is the same, but for the time.
func TestCompiledPlan(t *testing.T) {
	now := int64(1000)
	s, err := sql.New(sql.Options{Registry: registry(), Now: func() int64 { return now }})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "plan.json")
	insert := "INSERT INTO p SELECT a, COUNT(*) FROM g WHERE CAST(ts AS STRING) > b GROUP BY a"
	if _, err := script(t, s, compiledTables+"COMPILE PLAN '"+path+"' FOR "+insert); err != nil {
		t.Fatal(err)
	}
	now = 2000
	want, err := script(t, s, insert)
	if err != nil {
		t.Fatal(err)
	}
	got, err := script(t, newSessionAt(t, now), "EXECUTE PLAN 'file://"+path+"'")
	if err != nil {
		t.Fatal(err)
	}
	if g, w := graphJSON(t, got), graphJSON(t, want); g != w {
		t.Errorf("executed\n%s\nwant\n%s", g, w)
	}
	if got, want := got.(*sql.Plan).Tables, []job.Ident{{Catalog: "default_catalog", Database: "default_database", Name: "p"}}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("tables %v, want %v", got, want)
	}
}

func newSessionAt(t *testing.T, now int64) *sql.Session {
	t.Helper()
	s, err := sql.New(sql.Options{Registry: registry(), Now: func() int64 { return now }})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// graphJSON writes a graph with the keys of configs in order.
func graphJSON(t *testing.T, r sql.Result) string {
	t.Helper()
	g := r.(*sql.Plan).Graph
	for i := range g.Vertices {
		var c any
		if err := json.Unmarshal(g.Vertices[i].Config, &c); err != nil {
			t.Fatal(err)
		}
		g.Vertices[i].Config, _ = json.Marshal(c)
	}
	text, err := json.MarshalIndent(g, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestCompiledPlanRefused(t *testing.T) {
	t.Setenv("WADI_COMPILED", "v")
	dir := t.TempDir()
	for name, text := range map[string]string{
		"text.json": "hello", "other.json": "{}", "new.json": `{"wadi":"plan","version":9,"sum":"","plan":{}}`,
		"edited.json": `{"wadi":"plan","version":1,"sum":"00","plan":{"graph":{}}}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ text, want string }{
		{"EXECUTE PLAN '%s/none.json'", "no such file"},
		{"EXECUTE PLAN '%s/text.json'", "is no plan"},
		{"EXECUTE PLAN '%s/other.json'", "is no plan"},
		{"EXECUTE PLAN '%s/new.json'", "has version 9"},
		{"EXECUTE PLAN '%s/edited.json'", "was changed"},
		{"EXECUTE PLAN 's3://bucket%s/a.json'", "a file of this machine"},
		{"COMPILE PLAN '%s/a.json' FOR INSERT INTO secret VALUES (1, 2)", "option 'password'"},
		{"COMPILE PLAN '%s/a.json' FOR INSERT INTO referred VALUES (1, 2)", "refers to ${…}"},
		{"COMPILE PLAN '%s/a/b.json' FOR INSERT INTO p VALUES (1, 2)", "no such file"},
		{"COMPILE PLAN '%s/text.json' FOR INSERT INTO p VALUES (1, 2)", "is there already"},
		{"COMPILE PLAN '%s/text.json' IF NOT EXISTS FOR INSERT INTO p VALUES (1, 2); INSERT INTO referred VALUES (1, 2); SHOW TABELS", "TABLES"},
		{"COMPILE AND EXECUTE PLAN '%s/text.json' FOR INSERT INTO p VALUES (1, 2)", "is no plan"},
	} {
		_, err := script(t, newSession(t), compiledTables+fmt.Sprintf(c.text, dir))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.text, err, c.want)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "a*")); len(left) > 0 {
		t.Errorf("refused plans left %v", left)
	}
}
