package wadi_test

import (
	"context"
	"errors"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/sqltest"
)

// mean is the state of PRODUCT: its zero value is that of no rows.
type mean struct{ Product, N float64 }

// An aggregate function and a table function of rows, called from SQL and from
// Frames.
func ExampleAgg1() {
	type word struct {
		Word   string
		Length int64
	}
	env, err := wadi.Local(wadi.Options{
		Config: map[string]string{"execution.runtime-mode": "batch"},
		Aggregates: []wadi.AggregateFunction{wadi.Agg1("product", wadi.Agg[func(*mean, float64) error, mean, float64]{
			Add: func(s *mean, v float64) error {
				if s.N == 0 {
					s.Product = 1
				}
				s.Product, s.N = s.Product*v, s.N+1
				return nil
			},
			Merge: func(s, other *mean) error {
				s.Product, s.N = s.Product*other.Product, s.N+other.N
				return nil
			},
			Result: func(s *mean) (float64, bool) { return s.Product, s.N > 0 },
		})},
		TableFunctions: []wadi.TableFunction{wadi.Table1("words", func(text string, yield func(word)) error {
			for _, w := range strings.Fields(text) {
				yield(word{Word: w, Length: int64(len(w))})
			}
			return nil
		})},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer env.Close()
	ctx := context.Background()
	lines := env.SQL("SELECT * FROM (VALUES ('a stitch in time'), ('saves nine')) AS t (line)")
	long := lines.JoinLateral(wadi.Fn("words", wadi.Col("line")), "word", "length").
		GroupBy().Agg(wadi.Count().As("words"), wadi.Fn("product", wadi.Col("length")).As("product"))
	if err := long.Show(ctx, os.Stdout); err != nil {
		log.Fatal(err)
	}
	q := env.SQL("SELECT word, length FROM (VALUES ('saves nine')) AS t (line), LATERAL TABLE(words(line)) AS w (word, length) ORDER BY word")
	if err := q.Show(ctx, os.Stdout); err != nil {
		log.Fatal(err)
	}
	// Output:
	// +-------+---------+
	// | words | product |
	// +-------+---------+
	// |     6 |   960.0 |
	// +-------+---------+
	// 1 row in set
	// +-------+--------+
	// |  word | length |
	// +-------+--------+
	// |  nine |      4 |
	// | saves |      5 |
	// +-------+--------+
	// 2 rows in set
}

// breaking has functions that panic, fail, or give what does not fit.
func breaking(t *testing.T) *wadi.Env {
	t.Helper()
	odd := func(n int64) error {
		if n%2 == 1 {
			panic("odd")
		}
		return nil
	}
	short := wadi.TableFunction{Name: "short", Args: []string{"BIGINT"}, Result: "BIGINT"}
	short.Call = func(memory.Allocator, int, []arrow.Array) ([]int32, []arrow.Array, error) { return nil, nil, nil }
	env, err := wadi.Local(wadi.Options{
		Config:    map[string]string{"execution.runtime-mode": "batch"},
		Functions: []wadi.Function{wadi.Func1("even", func(n int64) (int64, error) { return n, odd(n) })},
		Aggregates: []wadi.AggregateFunction{wadi.Agg1("sum_even", wadi.Agg[func(*int64, int64) error, int64, int64]{
			Add:    func(s *int64, n int64) error { *s += n; return odd(n) },
			Result: func(s *int64) (int64, bool) { return *s, true },
		})},
		TableFunctions: []wadi.TableFunction{
			wadi.Table1("halves", func(n int64, yield func(int64)) error { yield(n / 2); return odd(n) }),
			wadi.Table1("never", func(int64, func(int64)) error { return errors.New("never") }), short,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = env.Close() })
	return env
}

func TestFunctionsOfGoBreak(t *testing.T) {
	env := breaking(t)
	const rows = " FROM (VALUES (CAST(2 AS BIGINT)), (3)) AS t (n)"
	for query, want := range map[string]string{
		"SELECT\n  even(n)" + rows:                                         "function EVEN at line 2, column 3 panicked: odd",
		"SELECT sum_even(n)" + rows:                                        "function SUM_EVEN at line 1, column 8 panicked: odd",
		"SELECT sum_even(n) OVER (ORDER BY n)" + rows:                      "function SUM_EVEN at line 1, column 8 panicked: odd",
		"SELECT h" + rows + ", LATERAL TABLE(halves(n)) AS u (h)":          "function HALVES at line 1, column 73 panicked: odd",
		"SELECT h" + rows + ", LATERAL TABLE(never(n)) AS u (h)":           "function NEVER at line 1, column 73: never",
		"SELECT h" + rows + ", LATERAL TABLE(short(n)) AS u (h)":           "function SHORT at line 1, column 73: it gave 0 numbers of rows for 2 rows",
		"SELECT 1" + rows + " JOIN (VALUES (1)) AS u (m) ON even(n) < m+9": "function EVEN at line 1, column 88 panicked: odd",
	} {
		if got, err := sqltest.Line(t, env, query); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %s %v, want %s", query, got, err, want)
		}
	}
}

// TestFunctionsOfGoDeadLetters: 'error.policy' of a table is also that of the
// functions that are called for its rows.
func TestFunctionsOfGoDeadLetters(t *testing.T) {
	env := breaking(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "in.csv"), []byte("1\n2\n3\n4\n5\n6\nseven\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	sqltest.Run(t, env, `
		CREATE TABLE dead (source STRING, reason STRING, bytes BYTES) WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = '`+dir+`/dead');
		CREATE TABLE good (n BIGINT) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = '`+dir+`/good');
		CREATE TABLE halved (n BIGINT) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = '`+dir+`/halved');
		CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = '`+dir+`/in.csv',
			'error.policy' = 'dead-letter', 'error.table' = 'dead');
		INSERT INTO good SELECT even(n) FROM numbers WHERE n < 5 AND even(n) > 0;
		INSERT INTO halved SELECT h FROM numbers /*+ OPTIONS('error.policy' = 'skip') */, LATERAL TABLE(halves(n)) AS u (h)`)
	if got, want := sqltest.Texts(t, env, "SELECT CAST(n AS STRING) FROM good"), []string{"2", "4"}; !slices.Equal(got, want) {
		t.Errorf("good: %q, want %q", got, want)
	}
	if got, want := sqltest.Texts(t, env, "SELECT CAST(n AS STRING) FROM halved"), []string{"1", "2", "3"}; !slices.Equal(got, want) {
		t.Errorf("halved: %q, want %q", got, want)
	}
	want := []string{
		`seven`,
		`{"n":1} function EVEN at line 7, column 64 panicked: odd`,
		`{"n":3} function EVEN at line 7, column 64 panicked: odd`,
	}
	got := sqltest.Texts(t, env, "SELECT CAST(bytes AS STRING) || ' ' || reason FROM dead")
	if len(got) != 3 || !strings.HasPrefix(got[0], want[0]) || !strings.HasPrefix(got[1], want[1]) || !strings.HasPrefix(got[2], want[2]) {
		t.Errorf("dead: %q, want %q", got, want)
	}
}

// TestFunctionsOfGoDefined: what is wrong with a function is said when it is given.
func TestFunctionsOfGoDefined(t *testing.T) {
	type list []int
	for _, c := range []struct {
		o    wadi.Options
		want string
	}{
		{wadi.Options{Aggregates: []wadi.AggregateFunction{wadi.Agg1("f", wadi.Agg[func(*list, int64) error, list, int64]{
			Add: func(*list, int64) error { return nil }, Result: func(*list) (int64, bool) { return 0, false },
		})}}, "function f: its state, a wadi_test.list, has no fixed size"},
		{wadi.Options{TableFunctions: []wadi.TableFunction{wadi.Table1("f", func(int64, func(struct{})) error { return nil })}}, "function f: struct {} has no exported fields"},
		{wadi.Options{TableFunctions: []wadi.TableFunction{wadi.Table1("tumble", func(int64, func([]int)) error { return nil })}}, "a column cannot be made of a []int"},
		{wadi.Options{TableFunctions: []wadi.TableFunction{wadi.Table1("upper", func(int64, func(int64)) error { return nil })}}, "there is a function UPPER already"},
	} {
		if _, err := wadi.Local(c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}
