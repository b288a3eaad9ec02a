package iceberg_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/sqltest"
	"github.com/wadi-engine/wadi/internal/testserver"
	"github.com/wadi-engine/wadi/lakehouse/catalogs"
)

// TestViewsAreKept: a view in a catalog that keeps views is there for the next
// session, and its names are looked up beside it.
func TestViewsAreKept(t *testing.T) {
	for _, kind := range []string{"sqlite", "rest", "hadoop"} {
		t.Run(kind, func(t *testing.T) {
			dir := t.TempDir()
			options := map[string]string{
				"sqlite": "'catalog-type' = 'jdbc', 'uri' = 'jdbc:sqlite:" + dir + "/c.db', 'warehouse' = '" + dir + "/wh'",
				"hadoop": "'catalog-type' = 'hadoop', 'warehouse' = '" + dir + "/wh'",
			}
			var url string
			if kind == "rest" {
				var shared string
				url, shared = testserver.REST(t)
				options[kind] = "'catalog-type' = 'rest', 'uri' = '" + url + "', 'warehouse' = 'file://" + shared + "'"
			}
			open := func() *wadi.Env {
				env, err := wadi.Local(wadi.Options{Catalogs: catalogs.Openers(), Config: map[string]string{"execution.runtime-mode": "batch"}})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { env.Close() })
				sqltest.Run(t, env, "CREATE CATALOG lake WITH ('type' = 'iceberg', "+options[kind]+"); USE CATALOG lake; CREATE DATABASE IF NOT EXISTS views; USE views")
				return env
			}
			env := open()
			sqltest.Run(t, env, "DROP VIEW IF EXISTS big; DROP TABLE IF EXISTS n; CREATE TABLE n (id INT, name STRING); INSERT INTO n VALUES (1, 'a'), (2, 'b'), (3, 'c')")
			const view = "CREATE VIEW big (number, text) AS SELECT id, UPPER(name) FROM n WHERE id > 1"
			if kind == "hadoop" {
				if err := env.Execute(t.Context(), view, func(wadi.Outcome) error { return nil }); err == nil || !strings.Contains(err.Error(), "keeps no views") {
					t.Errorf("a view in a hadoop catalog: %v", err)
				}
				return
			}
			sqltest.Run(t, env, view)
			env = open()
			sqltest.Same(t, env, "SELECT CAST(number AS STRING) || text FROM big", "2B", "3C")
			sqltest.Same(t, env, "SELECT CAST(number AS STRING) || text FROM lake.views.big WHERE number = 3", "3C")
			if kind == "sqlite" {
				for _, change := range []string{"CREATE OR REPLACE VIEW big AS SELECT 1 AS a", "ALTER VIEW big AS SELECT 1 AS a", "ALTER VIEW big RENAME TO small"} {
					if _, err := sqltest.Shown(t, env, change); err == nil || !strings.Contains(err.Error(), "a jdbc catalog does not change views; DROP VIEW it") {
						t.Errorf("%s: %v", change, err)
					}
				}
			} else {
				changeViews(t, env)
				checkVersions(t, url+"/v1/namespaces/views/views/big", 4)
			}
			sqltest.Run(t, env, "DROP VIEW big; DROP TABLE n")
			if _, err := sqltest.Line(t, env, "SELECT * FROM big"); err == nil {
				t.Error("a view that was dropped is read")
			}
		})
	}
}

// checkVersions counts the versions of a view that a REST server has.
func checkVersions(t *testing.T, url string, want int) {
	t.Helper()
	reply, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	var view struct {
		Metadata struct {
			Versions []struct {
				ID int `json:"version-id"`
			}
			Log     []any `json:"version-log"`
			Current int   `json:"current-version-id"`
		}
	}
	if err := json.NewDecoder(reply.Body).Decode(&view); err != nil {
		t.Fatal(err)
	}
	if m := view.Metadata; len(m.Versions) != want || len(m.Log) != want || m.Current != want {
		t.Errorf("the view is %+v, want %d versions", m, want)
	}
}

// changeViews changes the view big, and gives it back its name.
func changeViews(t *testing.T, env *wadi.Env) {
	t.Helper()
	shown := func(want ...string) {
		t.Helper()
		rows, err := sqltest.Shown(t, env, "SHOW CREATE VIEW big")
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(rows[0], w) {
				t.Errorf("the view is %s, without %s", rows[0], w)
			}
		}
	}
	sqltest.Run(t, env, "CREATE OR REPLACE VIEW big (a) COMMENT 'of one column' AS SELECT id FROM n")
	sqltest.Same(t, env, "SELECT CAST(a AS STRING) FROM big", "1", "2", "3")
	shown("COMMENT 'of one column'", "`a`")
	sqltest.Run(t, env, "ALTER VIEW big AS SELECT id, id * 2 AS b FROM n WHERE id < 3")
	sqltest.Same(t, env, "SELECT CAST(id + b AS STRING) FROM big", "3", "6")
	shown("COMMENT 'of one column'", "`b`")
	for _, same := range []string{"CREATE OR REPLACE VIEW big AS SELECT 1 AS a", "CREATE OR REPLACE VIEW big AS SELECT 1 AS a"} {
		sqltest.Run(t, env, same)
	}
	sqltest.Run(t, env, "ALTER VIEW big RENAME TO small")
	sqltest.Same(t, env, "SELECT CAST(a AS STRING) FROM small", "1")
	if _, err := sqltest.Line(t, env, "SELECT * FROM big"); err == nil {
		t.Error("a view is read by the name that it had")
	}
	if _, err := sqltest.Shown(t, env, "ALTER VIEW small RENAME TO n"); err == nil || !strings.Contains(err.Error(), "already exists") {
		t.Errorf("a view gets the name of a table: %v", err)
	}
	if _, err := sqltest.Shown(t, env, "CREATE OR REPLACE VIEW n AS SELECT 1 AS a"); err == nil || !strings.Contains(err.Error(), "n is a table") {
		t.Errorf("a table is replaced by a view: %v", err)
	}
	sqltest.Run(t, env, "ALTER VIEW small RENAME TO big")
}
