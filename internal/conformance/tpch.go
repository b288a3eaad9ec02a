package conformance

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/wadi-engine/wadi/stream"
)

// tpchTables are the columns of the benchmark's tables.
var tpchTables = map[string]string{
	"supplier": "s_suppkey INT, s_name STRING, s_address STRING, s_nationkey INT, s_phone STRING, s_acctbal DECIMAL(15, 2), s_comment STRING",
	"part": "p_partkey INT, p_name STRING, p_mfgr STRING, p_brand STRING, p_type STRING, p_size INT, p_container STRING, " +
		"p_retailprice DECIMAL(15, 2), p_comment STRING",
	"partsupp": "ps_partkey INT, ps_suppkey INT, ps_availqty INT, ps_supplycost DECIMAL(15, 2), ps_comment STRING",
	"customer": "c_custkey INT, c_name STRING, c_address STRING, c_nationkey INT, c_phone STRING, c_acctbal DECIMAL(15, 2), " +
		"c_mktsegment STRING, c_comment STRING",
	"orders": "o_orderkey BIGINT, o_custkey INT, o_orderstatus STRING, o_totalprice DECIMAL(15, 2), o_orderdate DATE, " +
		"o_orderpriority STRING, o_clerk STRING, o_shippriority INT, o_comment STRING",
	"lineitem": "l_orderkey BIGINT, l_partkey INT, l_suppkey INT, l_linenumber INT, l_quantity DECIMAL(15, 2), l_extendedprice DECIMAL(15, 2), " +
		"l_discount DECIMAL(15, 2), l_tax DECIMAL(15, 2), l_returnflag STRING, l_linestatus STRING, l_shipdate DATE, l_commitdate DATE, " +
		"l_receiptdate DATE, l_shipinstruct STRING, l_shipmode STRING, l_comment STRING",
	"nation": "n_nationkey INT, n_name STRING, n_regionkey INT, n_comment STRING",
	"region": "r_regionkey INT, r_name STRING, r_comment STRING",
}

// bothModes computes a query as a stream and as a batch, and compares each.
func bothModes(ctx context.Context, w *world, define func(*session) error, query string, compare func([][]any) error) error {
	var errs []error
	for _, batch := range []bool{true, false} {
		name := map[bool]string{true: "batch", false: "streaming"}[batch]
		rows, err := func() ([][]any, error) {
			s, err := newSession(w, batch, 1, nil)
			if err != nil {
				return nil, err
			}
			defer s.close()
			if err := define(s); err != nil {
				return nil, err
			}
			a, err := s.query(ctx, query)
			if err != nil {
				return nil, err
			}
			return a.rows()
		}()
		if err == nil {
			err = compare(rows)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
			if unsupported(err) != nil {
				break
			}
		}
	}
	return errors.Join(errs...)
}

// risingwaveTPCH are the 22 queries over the tables of scale 0.001, whose rows
// stand in the corpus.
func risingwaveTPCH(dir string) ([]Case, error) {
	root := filepath.Join(dir, "risingwave_tpch")
	var cases []struct {
		ID      string   `json:"id"`
		SQL     []string `json:"sql_flink_suggested"`
		Queries []struct {
			Expected []string `json:"expected_lines"`
		} `json:"queries"`
	}
	if err := readJSON(filepath.Join(root, "cases.json"), &cases); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil, nil
		}
		return nil, err
	}
	out := make([]Case, len(cases))
	load := sync.OnceValues(func() (map[string]*table, error) { return loadTPCH(root) })
	for i, c := range cases {
		query := c.SQL[len(c.SQL)-1]
		out[i] = Case{Name: c.ID, SQL: query, Run: func(ctx context.Context) error {
			w := newWorld()
			w.cut = 0
			tables, err := load()
			if err != nil {
				return err
			}
			w.tables = tables
			return bothModes(ctx, w, defineTPCH(ctx), query, func(rows [][]any) error { return sameLines(rows, c.Queries[0].Expected) })
		}}
	}
	return out, nil
}

func defineTPCH(ctx context.Context) func(*session) error {
	return func(s *session) error {
		for name, cols := range tpchTables {
			if err := s.define(ctx, fmt.Sprintf("CREATE TEMPORARY TABLE %s (%s) WITH ('connector' = '%s')", name, cols, connectorName)); err != nil {
				return err
			}
		}
		return nil
	}
}

// loadTPCH reads the tables, which stand as JSON objects.
func loadTPCH(root string) (map[string]*table, error) {
	out := map[string]*table{}
	for name, cols := range tpchTables {
		rows, err := readLines[map[string]any](filepath.Join(root, name+".jsonl"))
		if err != nil {
			return nil, err
		}
		t := &table{}
		for _, r := range rows {
			c := change{kind: stream.Insert}
			for _, col := range split(cols) {
				field, _, _ := strings.Cut(col, " ")
				c.row = append(c.row, r[field])
			}
			t.rows = append(t.rows, c)
		}
		out[name] = t
	}
	return out, nil
}

// sameLines compares rows with lines of values between blanks or tabs.
func sameLines(rows [][]any, want []string) error {
	used := make([]bool, len(want))
	wrong := len(rows) != len(want)
	for _, r := range rows {
		found := false
		for i, l := range want {
			if !used[i] && sameLine(r, l) {
				used[i], found = true, true
				break
			}
		}
		wrong = wrong || !found
	}
	if !wrong {
		return nil
	}
	return differ(rowTexts(rows), want)
}

// sameLine reports whether a line is the values of a row, one after the other.
// Fractions are compared to six digits: engines keep more or fewer.
func sameLine(row []any, line string) bool {
	rest := strings.Join(strings.Fields(line), " ")
	for _, v := range row {
		text := strings.Join(strings.Fields(javaText(v)), " ")
		switch v.(type) {
		case nil:
			text = "NULL"
		case int64, float64, float32, decimalCell:
			word, _, _ := strings.Cut(rest, " ")
			if !nearly(text, word) {
				return false
			}
			text = word
		}
		after, ok := strings.CutPrefix(rest, text)
		if !ok {
			return false
		}
		rest = strings.TrimSpace(after)
	}
	return rest == ""
}

// nearly compares numbers to six digits.
func nearly(a, b string) bool {
	x, err1 := strconv.ParseFloat(a, 64)
	y, err2 := strconv.ParseFloat(b, 64)
	if err1 != nil || err2 != nil || math.IsNaN(x) || math.IsInf(x, 0) {
		return a == b
	}
	return math.Abs(x-y) <= 1e-6*math.Max(1, math.Abs(y))
}

// tpchData is the directory that holds the generated tables: one folder per
// scale, sf0.01 and sf1, of Parquet files.
func tpchData() string {
	if dir := os.Getenv("WADI_TPCH"); dir != "" {
		return dir
	}
	return filepath.Join(os.TempDir(), "wadi-tpch")
}

// duckdbTPCH are the 22 queries over generated tables, with DuckDB's answers.
func duckdbTPCH(dir string) ([]Case, error) {
	root := filepath.Join(dir, "duckdb_tpch", "extension", "tpch", "dbgen")
	var out []Case
	for _, scale := range []string{"0.01", "1"} {
		for _, path := range files(root, "queries", "q*.sql") {
			name := folder(path)
			text, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			answer, err := os.ReadFile(filepath.Join(root, "answers", "sf"+scale, name+".csv"))
			if err != nil {
				return nil, err
			}
			data := filepath.Join(tpchData(), "sf"+scale)
			query := flinkTPCH(strings.TrimSuffix(strings.TrimSpace(string(text)), ";"))
			c := Case{Name: "sf" + scale + "/" + name, SQL: query, Run: func(ctx context.Context) error {
				return runDuckdb(ctx, data, name, query, string(answer))
			}}
			if _, err := os.Stat(filepath.Join(data, "lineitem.parquet")); err != nil {
				c.Skip = fmt.Sprintf("no tables in %s: pip install tpchgen-cli && tpchgen-cli parquet -s %s --output-dir=%s", data, scale, data)
			}
			if readsTexts[name] && !hasDuckDB() {
				c.Skip = "its filter reads texts that tpchgen-cli makes otherwise, and Python has no DuckDB to ask: pip install duckdb"
			}
			out = append(out, c)
		}
	}
	return out, nil
}

// readsTexts are the queries whose rows hang on generated texts.
var readsTexts = map[string]bool{"q13": true}

// flinkTPCH changes what Flink's dialect has not: grouping by an alias.
func flinkTPCH(query string) string {
	return strings.Replace(query, "GROUP BY\n        supplier_no", "GROUP BY\n        l_suppkey", 1)
}

// generated are the columns whose text tpchgen-cli makes otherwise than the
// generator that DuckDB's answers are of.
var generated = map[string]bool{"s_address": true, "s_comment": true, "c_address": true, "c_comment": true}

func runDuckdb(ctx context.Context, data, name, query, answer string) error {
	define := func(s *session) error {
		for table, cols := range tpchTables {
			ddl := fmt.Sprintf("CREATE TEMPORARY TABLE %s (%s) WITH ('connector' = 'filesystem', 'format' = 'parquet', 'path' = '%s')",
				table, strings.ReplaceAll(cols, "key INT", "key BIGINT"), filepath.Join(data, table+".parquet"))
			if err := s.define(ctx, ddl); err != nil {
				return err
			}
		}
		return nil
	}
	lines := strings.Split(strings.TrimSuffix(answer, "\n"), "\n") // NULL alone is an empty line
	head := strings.Split(lines[0], "|")
	want := lines[1:]
	if readsTexts[name] {
		var err error
		if want, err = askDuckDB(ctx, data, query); err != nil {
			return err
		}
	}
	return bothModes(ctx, newWorld(), define, query, func(rows [][]any) error { return sameFields(rows, head, want) })
}

// sameFields compares rows with lines of fields between bars, but for generated
// texts.
func sameFields(rows [][]any, head, want []string) error {
	strip := func(fields []string) string {
		var out []string
		for i, f := range fields {
			if i >= len(head) || generated[head[i]] {
				continue
			}
			out = append(out, sixDigits(f))
		}
		return strings.Join(out, "|")
	}
	got, expected := make([]string, len(rows)), make([]string, len(want))
	for i, r := range rows {
		fields := javaEach(r)
		for c, v := range r {
			if v == nil {
				fields[c] = ""
			}
		}
		got[i] = strip(fields)
	}
	for i, l := range want {
		expected[i] = strip(strings.Split(l, "|"))
	}
	return sameTexts(got, expected, false)
}

// sixDigits rounds a number to six digits behind the point: engines keep more
// or fewer of an average.
func sixDigits(text string) string {
	x, ok := new(big.Rat).SetString(text)
	if !ok {
		return text
	}
	return strings.TrimRight(strings.TrimRight(x.FloatString(6), "0"), ".")
}
