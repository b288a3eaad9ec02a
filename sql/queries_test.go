package sql_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi/internal/corpora"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/sql"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/parse"
)

var noTable = regexp.MustCompile(`no table "([^"]+)"`)

// TestFlinkPlannerQueries plans the queries of Flink's planner tests. Tables
// that a query names are made up, all with the same columns, so not every
// query can be planned; but each gets a plan or an error that is the user's,
// and nothing panics.
func TestFlinkPlannerQueries(t *testing.T) {
	f, err := os.Open(corpora.Path(t, "flink_sql_parse", "planner_queries.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	counts := map[string]int{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var q struct{ SQL, File, Test string }
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			t.Fatal(err)
		}
		err := planQuery(t, q.SQL, strings.HasPrefix(q.File, "batch"))
		switch {
		case err == nil:
			counts["planned"]++
		case strings.Contains(err.Error(), "not supported yet"):
			counts["not supported yet"]++
		default:
			counts["refused"]++
			if testing.Verbose() {
				t.Logf("%s %s\n%s\n%v", q.File, q.Test, q.SQL, err)
			}
		}
		var pe *parse.Error
		if err != nil && !errors.Is(err, job.ErrInvalid) && !errors.As(err, &pe) {
			t.Errorf("%s: %s\nerror of no class: %v", q.Test, q.SQL, err)
		}
	}
	t.Logf("%v", counts)
}

// planQuery plans a query over tables that appear as they are named.
func planQuery(t *testing.T, text string, batch bool) (err error) {
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("panic: %v\n%s", p, text)
			panic(p)
		}
	}()
	s := newSession(t)
	if batch {
		if err := s.Config().Set(sql.KeyRuntimeMode, "batch"); err != nil {
			t.Fatal(err)
		}
	}
	ctx := context.Background()
	run := func(text string) error {
		return s.Script(ctx, text, func(ast.Statement, sql.Result) error { return nil })
	}
	for range 12 {
		if err = run(text); err == nil {
			return nil
		}
		m := noTable.FindStringSubmatch(err.Error())
		if m == nil {
			return err
		}
		ddl := fmt.Sprintf("CREATE TABLE `%s` (a INT, b BIGINT, c STRING, d DOUBLE, e DECIMAL(10, 2), `int` INT, `long` BIGINT, "+
			"name STRING, x INT, y BIGINT, z STRING, id BIGINT, arr ARRAY<INT>, f ROW<f1 INT, f2 STRING>, mp MAP<STRING, INT>, flag BOOLEAN, "+
			"proctime AS PROCTIME(), ts TIMESTAMP(3), rowtime TIMESTAMP(3), WATERMARK FOR rowtime AS rowtime - INTERVAL '1' SECOND"+
			") WITH ('connector' = 'nexmark', 'bounded' = '%v')", strings.ReplaceAll(m[1], ".", "`.`"), batch)
		if made := run(ddl); made != nil {
			return err
		}
	}
	return err
}
