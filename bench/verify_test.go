package bench_test

import (
	"context"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/bench"
)

// inDuckDB says what some of the measured queries select, for DuckDB over the
// bids; the others are compared with Flink's answers elsewhere.
var inDuckDB = map[string]string{
	"q0": `SELECT auction, bidder, price, "dateTime" AS begins, extra FROM bid`,
	"q1": `SELECT auction, bidder, (0.908 * price)::DECIMAL(23, 3) AS price, "dateTime" AS begins, extra FROM bid`,
	"q2": `SELECT auction, price FROM bid WHERE auction % 123 = 0`,
	"tumble": `SELECT auction, time_bucket(INTERVAL 10 SECOND, "dateTime") AS begins, COUNT(*) AS n, SUM(price) AS s, MAX(price) AS m
		FROM bid GROUP BY ALL`,
	"q5count": `SELECT auction, COUNT(*) AS n, begins, begins + INTERVAL 10 SECOND AS ends FROM (
		SELECT auction, time_bucket(INTERVAL 2 SECOND, "dateTime") - k * INTERVAL 2 SECOND AS begins FROM bid, range(5) t(k)) GROUP BY ALL`,
}

// sumScript is the blackhole's checksum, in DuckDB.
const sumScript = `
import hashlib, sys, duckdb
bids, query = sys.argv[1:]
con = duckdb.connect()
con.execute("SET enable_progress_bar = false")
con.execute(f"CREATE VIEW bid AS SELECT * FROM read_parquet('{bids}')")
# Which half of the digest is called lower depends on the version of DuckDB.
first = int.from_bytes(hashlib.md5(b"a").digest()[:8], "little")
half = next(f for f in ("md5_number_lower", "md5_number_upper") if con.sql(f"SELECT {f}('a')").fetchall()[0][0] == first)
rel = con.sql(query)
cast = lambda c, t: f"strftime(\"{c}\", '%Y-%m-%d %H:%M:%S.%g')" if str(t).startswith("TIMESTAMP") else f"\"{c}\"::varchar"
text = " || ".join(f"coalesce({cast(c, t)}, '\\N') || chr(9)" for c, t in zip(rel.columns, rel.types))
print(*con.sql(f"SELECT count(*), sum({half}({text})::HUGEINT) % 18446744073709551616::HUGEINT FROM ({query})").fetchall()[0])
`

// TestVerify writes the bids to Parquet and computes these queries over them in
// DuckDB: as many rows must reach the blackhole, and sum up to the same.
func TestVerify(t *testing.T) {
	ctx := context.Background()
	if !bench.DuckDB(ctx) {
		t.Skip("no python3 with duckdb and pyarrow")
	}
	const events, rate = 300_000, 10_000
	dir := t.TempDir()
	env, err := wadi.Local(wadi.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer env.Close()
	script := bench.NexmarkTables(events, rate) + "CREATE TABLE bids (auction BIGINT, bidder BIGINT, price BIGINT, `dateTime` TIMESTAMP(3), extra STRING)\n" +
		"WITH ('connector' = 'filesystem', 'format' = 'parquet', 'path' = '" + dir + "');\n" +
		"INSERT INTO bids SELECT auction, bidder, price, `dateTime`, extra FROM bid;"
	err = env.Execute(ctx, script, func(o wadi.Outcome) error {
		if o.Pipeline == nil {
			return nil
		}
		_, err := o.Pipeline.Run(ctx)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for name, query := range inDuckDB {
		out, err := exec.Command("python3", "-c", sumScript, filepath.Join(dir, "part-*"), query).CombinedOutput()
		if err != nil {
			t.Fatalf("%s in DuckDB: %v\n%s", name, err, out)
		}
		want[name] = strings.TrimSpace(string(out))
	}
	for _, parallelism := range []int{1, 2} {
		for _, mode := range []string{"streaming", "batch"} {
			o := bench.NexmarkOptions{
				Queries: slices.Sorted(maps.Keys(inDuckDB)), Events: events, Rate: rate, Parallelism: parallelism, Mode: mode, Verify: true,
			}
			err := bench.Nexmark(ctx, o, func(_ context.Context, r bench.Result) error {
				if got := fmt.Sprintf("%d %s", r.RowsOut, r.Checksum); got != want[r.Query] {
					t.Errorf("%s in %s at %d: rows and checksum %s; DuckDB: %s", r.Query, mode, parallelism, got, want[r.Query])
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}
