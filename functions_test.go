package wadi_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/sqltest"
)

// functionsEnv has functions of rows and one of whole arrays.
func functionsEnv(t *testing.T) *wadi.Env {
	t.Helper()
	env, err := wadi.Local(wadi.Options{Functions: []wadi.Function{
		wadi.Func1("shout", func(s string) (string, error) { return strings.ToUpper(s) + "!", nil }),
		wadi.Func2("gcd", func(a, b int64) (int64, error) {
			if b == 0 {
				return 0, errors.New("gcd of 0")
			}
			for b != 0 {
				a, b = b, a%b
			}
			return a, nil
		}),
		wadi.Func1("explode", func(int64) (bool, error) { panic("boom") }),
		{Name: "twice", Args: []string{"DOUBLE"}, Result: "DOUBLE", Call: func(alloc memory.Allocator, _ int, args []arrow.Array) (arrow.Array, error) {
			b := array.NewFloat64Builder(alloc)
			defer b.Release()
			for i, v := range args[0].(*array.Float64).Float64Values() {
				if args[0].IsNull(i) {
					b.AppendNull()
				} else {
					b.Append(2 * v)
				}
			}
			return b.NewArray(), nil
		}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = env.Close() })
	return env
}

func TestFunctionsOfGo(t *testing.T) {
	env := functionsEnv(t)
	err := env.Execute(t.Context(), `
		CREATE FUNCTION cry AS 'shout' LANGUAGE GO;
		CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS cry AS 'shout';
		CREATE FUNCTION count_c AS 'com.github.nexmark.flink.udf.CountChar'`, func(wadi.Outcome) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	got, err := sqltest.Line(t, env, `SELECT shout(s), cry('a'), gcd(n, 12), twice(n), count_c(s, 'l') FROM (VALUES ('hello', 18), (CAST(NULL AS STRING), CAST(NULL AS INT))) AS t(s, n) WHERE n IS NULL OR gcd(n, 6) = 6`)
	if want := "HELLO!,A!,6,36,2 (null),A!,(null),(null),0"; err != nil || got != want {
		t.Errorf("%s %v, want %s", got, err, want)
	}
}

func TestFunctionsOfGoFail(t *testing.T) {
	env := functionsEnv(t)
	for query, want := range map[string]string{
		"SELECT gcd(n, 0) FROM (VALUES (1)) AS t(n)":  "function GCD at line 1, column 8: gcd of 0",
		"SELECT explode(n) FROM (VALUES (1)) AS t(n)": "function EXPLODE at line 1, column 8 panicked: boom",
		"SELECT shout(1)": "SHOUT cannot be applied to arguments of type (INT); it is called as SHOUT(STRING)",
		"CREATE FUNCTION f AS 'org.example.F' LANGUAGE JAVA":     "code of Java, Scala and Python does not run; write it in Go, register it with wadi.Options.Functions",
		"CREATE FUNCTION f AS 'org.example.F' USING JAR 'f.jar'": "no JAR is read",
		"CREATE FUNCTION upper AS 'shout'":                       "there is a function UPPER already",
		"DROP FUNCTION upper":                                    "function UPPER is built in, and stays",
		"DROP FUNCTION nothing":                                  "no function NOTHING was created",
		"ALTER FUNCTION nothing AS 'shout'":                      "no function NOTHING was created",
	} {
		err := env.Execute(t.Context(), query, func(o wadi.Outcome) error {
			if o.Query == nil {
				return nil
			}
			for _, err := range o.Query.All(t.Context()) {
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", query, err, want)
		}
	}
}
