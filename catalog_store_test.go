package wadi_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi/internal/sqltest"
)

// TestCatalogStore: catalogs that one session creates, changes and drops are so for
// those that begin later; a file that Flink has written is one, too.
func TestCatalogStore(t *testing.T) {
	dir := filepath.ToSlash(t.TempDir())
	config := map[string]string{"table.catalog-store.kind": "file", "table.catalog-store.file.path": "file://" + dir + "/catalogs"}
	if err := os.MkdirAll(dir+"/catalogs", 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/catalogs/flinks.yaml", []byte("type: generic_in_memory\ndefault-database: own\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	first := sqltest.Env(t, config)
	sqltest.Run(t, first, `CREATE CATALOG lake COMMENT 'all of it' WITH ('type' = 'iceberg', 'catalog-type' = 'jdbc', 'uri' = 'jdbc:sqlite:`+dir+`/cat.db', 'warehouse' = '`+dir+`/lake');
		CREATE TABLE lake.`+"`default`"+`.t (id BIGINT); INSERT INTO lake.`+"`default`"+`.t VALUES (7);
		CREATE CATALOG gone WITH ('type' = 'generic_in_memory'); DROP CATALOG gone; ALTER CATALOG flinks SET ('x' = 'y');`)
	second := sqltest.Env(t, config)
	rows, err := sqltest.Shown(t, second, "SHOW CATALOGS")
	if want := []string{"default_catalog", "flinks", "lake"}; err != nil || !slices.Equal(rows, want) {
		t.Errorf("%q, %v, want %q", rows, err, want)
	}
	sqltest.Same(t, second, "SELECT CAST(id AS STRING) FROM lake.`default`.t", "7")
	rows, err = sqltest.Shown(t, second, "SHOW CREATE CATALOG lake")
	if err != nil || !strings.Contains(rows[0], "all of it") {
		t.Errorf("%q, %v", rows, err)
	}
	rows, err = sqltest.Shown(t, second, "SHOW CREATE CATALOG flinks")
	if err != nil || !strings.Contains(rows[0], "'x' = 'y'") || !strings.Contains(rows[0], "'default-database' = 'own'") {
		t.Errorf("%q, %v", rows, err)
	}
	if _, err = sqltest.Shown(t, second, "CREATE CATALOG lake WITH ('type' = 'generic_in_memory')"); err == nil || !strings.Contains(err.Error(), "catalog lake") {
		t.Errorf("%v, want that there is one", err)
	}
	sqltest.Run(t, second, "DROP CATALOG lake")
	if _, err = sqltest.Shown(t, sqltest.Env(t, config), "USE CATALOG lake"); err == nil {
		t.Error("it is used after it was dropped")
	}
}

// TestCatalogStoreBroken: a file that is no definition is named.
func TestCatalogStoreBroken(t *testing.T) {
	dir := filepath.ToSlash(t.TempDir())
	if err := os.WriteFile(dir+"/bad.yaml", []byte("- a list\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := sqltest.Env(t, map[string]string{"table.catalog-store.kind": "file", "table.catalog-store.file.path": "file://" + dir})
	if _, err := sqltest.Shown(t, env, "USE CATALOG bad"); err == nil || !strings.Contains(err.Error(), "/bad.yaml") {
		t.Errorf("%v, want the file's name", err)
	}
}
