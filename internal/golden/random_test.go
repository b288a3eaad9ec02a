package golden

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	randomFor  = flag.Duration("random-for", time.Minute, "for how long random queries are made")
	randomSeed = flag.Uint64("random-seed", 0, "of the first tables; 0 means others every time")
)

// TestRandom makes tables and queries, and compares the answers of all modes
// with that of a batch, and that with DuckDB's where there is one. What it
// prints of a failure is a golden case.
func TestRandom(t *testing.T) {
	spend := *randomFor
	if testing.Short() {
		spend = min(spend, 3*time.Second)
	}
	seed := *randomSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano()) % 1e9
	}
	duck := startDuck(t)
	deadline := time.Now().Add(spend)
	queries, refused := 0, 0
	for ; time.Now().Before(deadline) && !t.Failed(); seed++ {
		g := &generator{Rand: rand.New(rand.NewPCG(seed, 1))}
		tables := g.tables()
		path := filepath.Join(t.TempDir(), "random.txt")
		if err := os.WriteFile(path, []byte(tables), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := readFile(path)
		if err != nil {
			t.Fatal(err)
		}
		r := newRunner(t, f)
		if duck != nil {
			duck.load(t, r.world)
		}
		for range 6 {
			b := &block{text: g.query()}
			if problem := compareModes(t.Context(), r, b); problem != "" {
				if strings.Contains(problem, "not supported") {
					refused++
					continue
				}
				t.Fatalf("-random-seed %d: %s\n\n%squery\n%s\n----\n%s", seed, problem, tables, b.text, strings.Join(b.rows, "\n"))
			}
			if duck != nil {
				if want, ok := duck.ask(t, b.text); ok && !slices.Equal(want, b.rows) {
					t.Fatalf("-random-seed %d: DuckDB answers otherwise\n\n%squery\n%s\n----\n%s\n\nnot\n%s", seed, tables, b.text, strings.Join(want, "\n"), strings.Join(b.rows, "\n"))
				}
			}
			queries++
		}
	}
	t.Logf("%d queries, %d refused", queries, refused)
}

// compareModes runs a query in every mode and says what differs from a batch,
// whose rows it leaves in b.
func compareModes(ctx context.Context, r *runner, b *block) string {
	for i, m := range modes() {
		got, err := r.answer(ctx, b, m)
		if err != nil {
			return fmt.Sprintf("%s: %v", m.name, err)
		}
		if i == 0 {
			b.rows = got
		} else if !slices.Equal(got, b.rows) {
			return fmt.Sprintf("%s answers\n%s", m.name, strings.Join(got, "\n"))
		}
	}
	return ""
}

const duckScript = `
import sys, json, duckdb
con = duckdb.connect()
def text(v):
    if v is None: return "NULL"
    if v == "": return "''"
    return str(v)
for line in sys.stdin:
    try:
        cur = con.execute(json.loads(line))
        rows = sorted(", ".join(text(v) for v in r) for r in cur.fetchall()) if cur.description else []
        print(json.dumps({"rows": rows}), flush=True)
    except Exception as e:
        print(json.dumps({"error": str(e)}), flush=True)
`

// duckdb is another engine, in a process of its own.
type duckdb struct {
	in  *json.Encoder
	out *bufio.Scanner
}

func startDuck(t *testing.T) *duckdb {
	if exec.Command("python3", "-c", "import duckdb").Run() != nil {
		t.Log("without DuckDB: no python3 that has it")
		return nil
	}
	cmd := exec.Command("python3", "-c", duckScript)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	d := &duckdb{in: json.NewEncoder(in), out: bufio.NewScanner(out)}
	d.out.Buffer(nil, 1<<24)
	return d
}

// load makes the tables of the world.
func (d *duckdb) load(t *testing.T, w *world) {
	t.Helper()
	for name, table := range w.tables {
		var rows []string
		for _, cells := range table.cells {
			values := make([]string, len(cells))
			for i, c := range cells {
				switch c {
				case nullCell:
					values[i] = c
				case emptyCell:
					values[i] = "''"
				default:
					values[i] = "'" + c + "'"
				}
			}
			rows = append(rows, "("+strings.Join(values, ", ")+")")
		}
		ddl := fmt.Sprintf("CREATE OR REPLACE TABLE %s (id INT, k INT, v BIGINT, s VARCHAR, d DECIMAL(8, 2), ts TIMESTAMP)", name)
		for _, sql := range []string{ddl, "INSERT INTO " + name + " VALUES " + strings.Join(rows, ", ")} {
			if _, ok := d.ask(t, sql); !ok {
				t.Fatalf("DuckDB does not take %s", sql)
			}
		}
	}
}

// ask runs a statement; ok is false when DuckDB refuses it.
func (d *duckdb) ask(t *testing.T, sql string) (rows []string, ok bool) {
	t.Helper()
	if err := d.in.Encode(sql); err != nil {
		t.Fatal(err)
	}
	if !d.out.Scan() {
		t.Fatalf("DuckDB has ended: %v", d.out.Err())
	}
	var answer struct {
		Rows  []string
		Error string
	}
	if err := json.Unmarshal(d.out.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	slices.Sort(answer.Rows)
	return answer.Rows, answer.Error == ""
}
