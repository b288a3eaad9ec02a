package iceberg_test

import (
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/sqltest"
)

// TestIcebergTableIsAltered: statements change the columns of a table under the
// rows that are there.
func TestIcebergTableIsAltered(t *testing.T) {
	dir := t.TempDir()
	env, err := wadi.Local(wadi.Options{Config: map[string]string{"execution.runtime-mode": "batch"}})
	if err != nil {
		t.Fatal(err)
	}
	defer env.Close()
	sqltest.Run(t, env, `
		CREATE CATALOG lake WITH ('type' = 'iceberg', 'catalog-type' = 'jdbc', 'uri' = 'jdbc:sqlite:`+dir+`/c.db', 'warehouse' = '`+dir+`/wh');
		USE CATALOG lake;
		CREATE TABLE n (id INT, name STRING, gone INT);
		INSERT INTO n VALUES (1, 'a', 7);
		ALTER TABLE n RENAME name TO title;
		ALTER TABLE n MODIFY id BIGINT;
		ALTER TABLE n DROP gone;
		ALTER TABLE n ADD (gone STRING FIRST);
		ALTER TABLE n SET ('partitioning' = 'bucket(2, id)', 'sort-order' = 'title DESC');
		INSERT INTO n VALUES ('x', 3000000000, 'b')`)
	sqltest.Same(t, env, "SELECT COALESCE(gone, '-') || CAST(id AS STRING) || title FROM n", "-1a", "x3000000000b")
	for _, bad := range []string{"ALTER TABLE n MODIFY id INT", "ALTER TABLE n ADD (must INT NOT NULL)", "ALTER TABLE n SET ('sort-order' = 'nope')"} {
		if err := env.Execute(t.Context(), bad, func(wadi.Outcome) error { return nil }); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}
