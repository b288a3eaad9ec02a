package conformance

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/parse"
)

// nexmarkMode is one way to run a query.
type nexmarkMode struct {
	name        string
	batch       bool
	parallelism int
	crashes     int
}

var nexmarkModes = []nexmarkMode{
	{name: "streaming", parallelism: 1},
	{name: "batch", batch: true, parallelism: 1},
	{name: "streaming at 4", parallelism: 4},
	{name: "streaming with crashes", parallelism: 1, crashes: 5},
}

// nexmarkQuery is one query over the fixed events, and the digest of what Flink
// answered.
type nexmarkQuery struct {
	dir, file string
	late      bool
	sha       string
	batch     bool // Flink gives the same as a batch
}

func nexmarkCases(dir string) ([]Case, error) {
	root := filepath.Join(dir, "flink_nexmark_golden")
	batch, err := batchSame(root)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []Case
	for _, part := range []string{".", "extra", "late"} {
		digests, err := nexmarkDigests(filepath.Join(root, part))
		if err != nil {
			return nil, err
		}
		for _, file := range files(root, part, "*.sql") {
			name := folder(file)
			sha, ok := digests[name]
			if !ok {
				continue // the tables
			}
			q := nexmarkQuery{dir: root, file: file, late: part == "late", sha: sha, batch: batch[name] && part != "late"}
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			out = append(out, Case{Name: filepath.Join(part, name), SQL: string(text), Run: q.run})
		}
	}
	return out, nil
}

// nexmarkDigests reads changelog.tsv: the SHA-256 of each result's sorted lines.
func nexmarkDigests(dir string) (map[string]string, error) {
	text, err := os.ReadFile(filepath.Join(dir, "changelog.tsv"))
	out := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) >= 3 {
			out[f[0]] = f[2]
		}
	}
	return out, err
}

// batchSame reads which queries Flink answers in batch mode as it does in
// streaming mode.
func batchSame(root string) (map[string]bool, error) {
	text, err := os.ReadFile(filepath.Join(root, "batch_compare.txt"))
	out := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && f[1] == "same" {
			out[f[0]] = true
		}
	}
	return out, err
}

func (q *nexmarkQuery) run(ctx context.Context) error {
	var errs []error
	for _, m := range nexmarkModes {
		// What is late depends on the order of the rows.
		if m.batch && !q.batch || q.late && m.parallelism > 1 {
			continue
		}
		if err := q.mode(ctx, m); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", m.name, err))
			if unsupported(err) != nil {
				break // it is the same in every mode
			}
		}
	}
	return errors.Join(errs...)
}

var (
	nexmarkWith  = regexp.MustCompile(`(?s)\) WITH \(\s*'connector' = 'nexmark'.*?\);`)
	sideInput    = regexp.MustCompile(`(?s)CREATE TABLE side_input.*?WITH\s*\(.*?\);`)
	nexmarkTable = regexp.MustCompile(`(?s)(CREATE TABLE nexmark_\w+\s*\([^;]*?\))[^;()]*?(?:PARTITIONED BY \([^)]*\)\s*)?WITH\s*\([^;]*\);`)
)

func (q *nexmarkQuery) mode(ctx context.Context, m nexmarkMode) error {
	w := newWorld()
	s, err := newSession(w, m.batch, m.parallelism, map[string]string{"execution.checkpointing.interval": "50 ms"})
	if err != nil {
		return err
	}
	defer s.close()
	ddl, err := os.ReadFile(filepath.Join(q.dir, "ddl.sql"))
	if err != nil {
		return err
	}
	text, err := os.ReadFile(q.file)
	if err != nil {
		return err
	}
	script := q.tables(string(ddl))
	if sideInput.Match(text) { // the query declares it itself
		script = sideInput.ReplaceAllString(script, "")
	}
	if err := s.define(ctx, script); err != nil {
		return err
	}
	sink, types, err := q.statements(ctx, s, q.tables(string(text)), m)
	if err != nil {
		return err
	}
	return q.compare(w, sink, types)
}

// tables reads the events and the side input from their files, and writes
// results into the world.
func (q *nexmarkQuery) tables(script string) string {
	events := filepath.Join(q.dir, "events.parquet")
	if q.late {
		events = filepath.Join(q.dir, "late", "events.parquet")
	}
	script = nexmarkWith.ReplaceAllString(script, ") WITH ('connector' = 'filesystem', 'format' = 'parquet', 'path' = '"+events+"');")
	script = sideInput.ReplaceAllString(script, "CREATE TABLE side_input (key BIGINT, `value` VARCHAR) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = '"+
		filepath.Join(q.dir, "side_input.csv")+"');")
	return nexmarkTable.ReplaceAllString(script, "$1 WITH ('connector' = '"+connectorName+"');")
}

// statements runs the script, and gives the sink of its last query.
func (q *nexmarkQuery) statements(ctx context.Context, s *session, script string, m nexmarkMode) (sink string, types []datatype.Type, err error) {
	stmts, err := parse.Script(script)
	if err != nil {
		return "", nil, err
	}
	for _, stmt := range stmts {
		text := ast.SQL(stmt)
		switch stmt := stmt.(type) {
		case *ast.Insert:
			sink = stmt.Table.Parts[len(stmt.Table.Parts)-1]
			err = s.crashing(ctx, text, m.crashes)
		case ast.Query:
			if sink, err = s.declare(ctx, text); err == nil {
				err = s.crashing(ctx, "INSERT INTO "+sink+" "+text, m.crashes)
			}
		default:
			err = s.define(ctx, text)
		}
		if err != nil {
			return sink, nil, err
		}
	}
	return sink, s.world.types[sink], nil
}

// crashing runs a job, kills it after an epoch, and goes on from its last
// checkpoint, so many times.
func (s *session) crashing(ctx context.Context, sql string, crashes int) error {
	if crashes == 0 {
		return s.insert(ctx, sql)
	}
	for i := 0; ; i++ {
		alive, kill := context.WithCancel(ctx)
		if i < crashes {
			epoch := s.world.wait()
			go func() {
				select {
				case <-epoch:
					kill()
				case <-alive.Done():
				}
			}()
		}
		var res wadi.Result
		err := s.env.Execute(ctx, sql, func(o wadi.Outcome) error {
			run, err := o.Pipeline.Named("nexmark").Start(alive, wadi.RestoreLatest)
			if err == nil {
				res, err = run.Wait()
			}
			return err
		})
		killed := alive.Err() != nil && ctx.Err() == nil
		kill()
		switch {
		case res.State == coordinator.Finished:
			return nil
		case !killed && err != nil:
			return err
		case !killed:
			return fmt.Errorf("the job is %v", res.State)
		}
	}
}

// compare compares the final table with Flink's: by its digest, or, where there
// are floats, whose last digits depend on the order of additions, by rounded rows.
func (q *nexmarkQuery) compare(w *world, sink string, types []datatype.Type) error {
	changes := w.changes(sink)
	lines := map[string]int{}
	var floats bool
	for _, c := range changes {
		text, approx := goldenRow(c.row, types)
		floats = floats || approx
		if c.kind.Retracts() {
			lines[text]--
		} else {
			lines[text]++
		}
	}
	var got []string
	for text, n := range lines {
		if n < 0 {
			return fmt.Errorf("row %s is taken away %d times more than it is added", text, -n)
		}
		for range n {
			got = append(got, text)
		}
	}
	slices.Sort(got)
	h := sha256.New()
	for _, l := range got {
		h.Write([]byte(l + "\n"))
	}
	if hex.EncodeToString(h.Sum(nil)) == q.sha {
		return nil
	}
	want, err := goldenLines(strings.TrimSuffix(q.file, ".sql") + ".jsonl.gz")
	if err != nil {
		return fmt.Errorf("%d rows with another digest than Flink's (%w)", len(got), err)
	}
	if floats {
		for i := range got {
			got[i] = rounded(got[i])
		}
		for i := range want {
			want[i] = rounded(want[i])
		}
		slices.Sort(got)
		slices.Sort(want)
		if slices.Equal(got, want) {
			return nil
		}
	}
	return firstDifferences(got, want)
}

// firstDifferences shows the first rows that only one side has.
func firstDifferences(got, want []string) error {
	count := map[string]int{}
	for _, l := range got {
		count[l]++
	}
	text := fmt.Sprintf("%d rows, want %d", len(got), len(want))
	shown := 0
	for _, l := range want {
		if count[l]--; count[l] < 0 && shown < 4 {
			text += "\n  missing " + l
			shown++
		}
	}
	shown = 0
	for _, l := range got {
		if count[l] > 0 && shown < 4 {
			text += "\n  not Flink's " + l
			count[l]--
			shown++
		}
	}
	return errors.New(text)
}

// goldenLines reads the rows of a result file.
func goldenLines(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	s := bufio.NewScanner(z)
	s.Buffer(nil, 1<<20)
	s.Scan() // the description
	var out []string
	for s.Scan() {
		out = append(out, s.Text())
	}
	return out, s.Err()
}

var floatText = regexp.MustCompile(`[,\[]-?[0-9]+(\.[0-9]+)?[eE][+-]?[0-9]+|[,\[]-?[0-9]+\.[0-9]+`)

// rounded keeps nine digits of the floats of a line.
func rounded(line string) string {
	return floatText.ReplaceAllStringFunc(line, func(s string) string {
		f, err := strconv.ParseFloat(s[1:], 64)
		if err != nil {
			return s
		}
		return s[:1] + strconv.FormatFloat(f, 'g', 9, 64)
	})
}

// goldenRow prints a row as the result files have it, and says whether there
// are floats in it.
func goldenRow(row []any, types []datatype.Type) (text string, floats bool) {
	parts := make([]string, len(row))
	for i, v := range row {
		parts[i] = goldenCell(v, types[i])
		switch v.(type) {
		case float32, float64:
			floats = true
		}
	}
	return "[" + strings.Join(parts, ",") + "]", floats
}

func goldenCell(v any, t datatype.Type) string {
	switch v := v.(type) {
	case nil, bool, int64, float32, float64:
		return javaText(v)
	case timestampCell:
		return `"` + time.Time(v).Format("2006-01-02 15:04:05"+fraction(t.Precision)) + `"`
	case instantCell:
		return `"` + time.Time(v).UTC().Format("2006-01-02 15:04:05"+fraction(t.Precision)) + `Z"`
	case listCell:
		return goldenList(v, func(int) datatype.Type { return *t.Elem })
	case rowCell:
		return goldenList(v, func(i int) datatype.Type { return t.Fields[i].Type })
	case mapCell:
		key, value := t.Key, t.Elem
		if t.Kind == datatype.Multiset {
			key, value = t.Elem, &datatype.Type{Kind: datatype.Int}
		}
		entries := make([]string, len(v))
		for i, kv := range v {
			entries[i] = "[" + goldenCell(kv[0], *key) + "," + goldenCell(kv[1], *value) + "]"
		}
		slices.Sort(entries)
		return `{"map":[` + strings.Join(entries, ",") + "]}"
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(javaText(v)); err != nil {
		return err.Error()
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func goldenList(v []any, t func(int) datatype.Type) string {
	parts := make([]string, len(v))
	for i, x := range v {
		parts[i] = goldenCell(x, t(i))
	}
	return "[" + strings.Join(parts, ",") + "]"
}

// fraction is the layout of so many digits behind the second.
func fraction(digits int) string {
	if digits == 0 {
		return ""
	}
	return "." + strings.Repeat("0", digits)
}
