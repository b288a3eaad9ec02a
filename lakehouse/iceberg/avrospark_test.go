package iceberg_test

import (
	"slices"
	"testing"

	"github.com/wadi-engine/wadi/internal/sqltest"
)

// TestAvroOfSpark reads a table of Avro files that Spark has written, with deletes of
// Avro, of columns of every type that were renamed, widened, added and dropped since.
// What Spark reads of it was noted with the table.
func TestAvroOfSpark(t *testing.T) {
	env := sqltest.Env(t, map[string]string{"execution.runtime-mode": "batch", "table.local-time-zone": "UTC"})
	sqltest.Run(t, env, "CREATE TEMPORARY VIEW spark AS SELECT * FROM read_iceberg('testdata/avro_spark', allow_moved_paths => 'true')")
	rows, err := sqltest.Shown(t, env, `SELECT COUNT(*), SUM(id), SUM(f), SUM(d), SUM(cost), SUM(big), MAX(`+"`day`"+`), MAX(ts), MIN(`+"`local`"+`), SUM(s.a), SUM(CHAR_LENGTH(s.`+"`b c`"+`)),
		SUM(l[1]), SUM(m['k']), SUM(CHAR_LENGTH(mm[CAST(id AS INT)].x)), COUNT(note), COUNT(s) FROM spark`)
	if err != nil {
		t.Fatal(err)
	}
	const sums = "182, 9000017860, 8930, 4465, 179.85, -17860000000000.0000000000, 2024-07-18, 2024-01-01 00:00:00.000199, 2023-12-31 23:59:59.999801, 13960, 343, 17860, 17860, 441, 1, 140"
	if len(rows) != 1 || rows[0] != sums {
		t.Errorf("rows %q, want %q", rows, sums)
	}
	rows, err = sqltest.Shown(t, env, "SELECT * FROM spark WHERE id IN (15, 16, 9000000000) OR id IS NULL")
	slices.Sort(rows)
	if want := []string{
		`15, Bonn, TRUE, 7.5, 3.75, 0.15, -15000000000.0000000000, 2024-01-16, 2024-01-01 00:00:00.000015, 2023-12-31 23:59:59.999985, NULL, [15, NULL], {k=15}, {15={"x":"15"}}, NULL`,
		`16, Ulm, FALSE, 8, 4, 0.16, -16000000000.0000000000, 2024-01-17, 2024-01-01 00:00:00.000016, 2023-12-31 23:59:59.999984, {"a":16,"b c":"16"}, [16, NULL], {k=16}, {16={"x":"16"}}, NULL`,
		`9000000000, Ulm, NULL, NULL, NULL, 1.25, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, wide`,
		`NULL, Ulm, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL`,
	}; err != nil || !slices.Equal(rows, want) {
		t.Errorf("rows %q, %v, want %q", rows, err, want)
	}
}
