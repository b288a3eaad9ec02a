package iceberg_test

import (
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
			if kind == "rest" {
				url, shared := testserver.REST(t)
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
			sqltest.Run(t, env, "DROP VIEW big; DROP TABLE n")
			if _, err := sqltest.Line(t, env, "SELECT * FROM big"); err == nil {
				t.Error("a view that was dropped is read")
			}
		})
	}
}
