package wadi_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/corpora"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/parse"
)

// TestNexmarkAsFlink runs the Nexmark queries over the events that Flink 2.3
// answered, in streaming and in batch mode, and compares the final tables. What
// is not there yet must say so.
func TestNexmarkAsFlink(t *testing.T) {
	dir := corpora.Path(t, "flink_nexmark_golden")
	for _, set := range []string{".", "extra", "late"} {
		expected := digests(t, filepath.Join(dir, set))
		files, _ := filepath.Glob(filepath.Join(dir, set, "*.sql"))
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), ".sql")
			want, ok := expected[name]
			if !ok {
				continue
			}
			for _, mode := range []string{"streaming", "streaming at 4", "batch"} {
				if set == "late" && mode != "streaming" { // what is late depends on the order of rows
					continue
				}
				t.Run(set+"/"+name+"/"+mode, func(t *testing.T) { runNexmark(t, dir, file, mode, want) })
			}
		}
	}
}

type digest struct{ rows, sha string }

// digests reads changelog.tsv: the number of rows of each result, and the
// SHA-256 of its sorted lines.
func digests(t *testing.T, dir string) map[string]digest {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "changelog.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]digest{}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) >= 3 {
			out[f[0]] = digest{rows: f[1], sha: f[2]}
		}
	}
	return out
}

var withClause = regexp.MustCompile(`(?s)\) WITH \(\s*'connector' = 'nexmark'.*?\);`)

func runNexmark(t *testing.T, dir, file, mode string, want digest) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	runtime, wide := strings.CutSuffix(mode, " at 4")
	parallelism := 1
	if wide {
		parallelism = 4
	}
	env, err := wadi.Local(wadi.Options{Parallelism: parallelism, Config: map[string]string{
		"execution.runtime-mode": runtime, "pipeline.auto-watermark-interval": "0 ms",
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer env.Close()
	ddl, err := os.ReadFile(filepath.Join(dir, "ddl.sql"))
	if err != nil {
		t.Fatal(err)
	}
	events := filepath.Join(dir, "events.parquet")
	if strings.Contains(file, "/late/") {
		events = filepath.Join(dir, "late", "events.parquet")
	}
	with := ") WITH ('connector' = 'filesystem', 'format' = 'parquet', 'path' = '" + events + "');"
	script := withClause.ReplaceAllString(string(ddl), with)
	if err := env.Execute(ctx, script, func(wadi.Outcome) error { return nil }); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := finalRows(ctx, env, string(text))
	if err != nil {
		if strings.Contains(err.Error(), "not supported yet") || strings.Contains(err.Error(), "side_input") {
			t.Skip(strings.SplitN(err.Error(), "\n", 2)[0])
		}
		t.Fatal(err)
	}
	if floats.MatchString(strings.Join(lines[:min(1, len(lines))], "")) {
		compareRounded(t, lines, strings.TrimSuffix(file, ".sql")+".jsonl.gz")
		return
	}
	h := sha256.New()
	for _, l := range lines {
		h.Write([]byte(l + "\n"))
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != want.sha {
		t.Errorf("%d rows of digest %s, want %s of %s", len(lines), got, want.rows, want.sha)
		differ(t, lines, golden(t, strings.TrimSuffix(file, ".sql")+".jsonl.gz"))
	}
}

// floats are numbers whose last digits depend on the order of additions.
var floats = regexp.MustCompile(`[,\[]-?[0-9]+(\.[0-9]+)?[eE][+-]?[0-9]+|[,\[]-?[0-9]+\.[0-9]+`)

// rounded keeps nine digits of them.
func rounded(line string) string {
	return floats.ReplaceAllStringFunc(line, func(s string) string {
		f, err := strconv.ParseFloat(s[1:], 64)
		if err != nil {
			return s
		}
		return s[:1] + strconv.FormatFloat(f, 'g', 9, 64)
	})
}

// compareRounded compares rows with floats to the golden file.
func compareRounded(t *testing.T, got []string, file string) {
	want := golden(t, file)
	for i := range got {
		got[i] = rounded(got[i])
	}
	for i := range want {
		want[i] = rounded(want[i])
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%d rows, want %d", len(got), len(want))
		differ(t, got, want)
	}
}

// golden reads the rows of a result file, or none when it is packed otherwise.
func golden(t *testing.T, file string) []string {
	f, err := os.Open(file)
	if err != nil {
		return nil
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	s := bufio.NewScanner(z)
	s.Buffer(nil, 1<<20)
	s.Scan() // the description
	var out []string
	for s.Scan() {
		out = append(out, s.Text())
	}
	return out
}

// differ shows the first rows that only one side has.
func differ(t *testing.T, got, want []string) {
	count := map[string]int{}
	for _, l := range got {
		count[l]++
	}
	shown := 0
	for _, l := range want {
		if count[l]--; count[l] < 0 && shown < 4 {
			t.Logf("missing %s", l)
			shown++
		}
	}
	shown = 0
	for _, l := range got {
		if count[l] > 0 && shown < 4 {
			t.Logf("not Flink's %s", l)
			shown++
		}
	}
}

// finalRows runs the queries of a script and gives the final table of the
// last, one line per row, sorted. The query of an INSERT is run alone.
func finalRows(ctx context.Context, env *wadi.Env, script string) ([]string, error) {
	stmts, err := parse.Script(script)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, stmt := range stmts {
		text := ast.SQL(stmt)
		if in, ok := stmt.(*ast.Insert); ok {
			text = ast.SQL(in.Query)
		} else if _, ok := stmt.(ast.Query); !ok {
			if err := env.Execute(ctx, text, func(wadi.Outcome) error { return nil }); err != nil {
				return nil, err
			}
			continue
		}
		out = out[:0]
		for rec, err := range env.SQL(text).All(ctx) {
			if err != nil {
				return nil, err
			}
			for i := range int(rec.NumRows()) {
				out = append(out, rowText(rec, i))
			}
		}
	}
	slices.Sort(out)
	return out, nil
}

// rowText prints a row as the golden files have it.
func rowText(rec arrow.RecordBatch, i int) string {
	parts := make([]string, rec.NumCols())
	for c, col := range rec.Columns() {
		parts[c] = cellText(col, i)
	}
	return "[" + strings.Join(parts, ",") + "]"
}

func cellText(a arrow.Array, i int) string {
	if a.IsNull(i) {
		return "null"
	}
	switch a := a.(type) {
	case *array.Int8, *array.Int16, *array.Int32, *array.Int64, *array.Boolean, *array.Float64, *array.Float32:
		return a.ValueStr(i)
	case *array.Timestamp:
		unit := a.DataType().(*arrow.TimestampType).Unit
		return `"` + a.Value(i).ToTime(unit).Format("2006-01-02 15:04:05.000") + `"`
	case *array.Decimal128:
		return `"` + a.Value(i).ToString(a.DataType().(*arrow.Decimal128Type).Scale) + `"`
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(a.ValueStr(i)); err != nil {
		return fmt.Sprint(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}
