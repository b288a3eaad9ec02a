package conformance

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// duckdb answers queries over the same files, where the answers in the corpus are
// of tables whose generated texts were others.
const duckdb = `
import sys, duckdb
c = duckdb.connect()
for path in sys.argv[2:]:
    name = path.rsplit('/', 1)[1].removesuffix('.parquet')
    c.sql(f"CREATE VIEW {name} AS SELECT * FROM '{path}'")
for row in c.sql(sys.argv[1]).fetchall():
    print('|'.join('' if v is None else str(v) for v in row))
`

// hasDuckDB reports whether Python has DuckDB.
var hasDuckDB = sync.OnceValue(func() bool {
	return exec.CommandContext(context.Background(), "python3", "-c", "import duckdb").Run() == nil
})

// askDuckDB gives DuckDB's rows, their fields between bars.
func askDuckDB(ctx context.Context, dir, query string) ([]string, error) {
	args := []string{"-c", duckdb, query}
	for table := range tpchTables {
		args = append(args, filepath.Join(dir, table+".parquet"))
	}
	out, err := exec.CommandContext(ctx, "python3", args...).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return nil, fmt.Errorf("ask DuckDB: %w", err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n"), nil
}
