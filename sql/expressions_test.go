package sql_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/internal/corpora"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/bind"
	"github.com/wadi-engine/wadi/sql/function"
	"github.com/wadi-engine/wadi/sql/parse"
	"github.com/wadi-engine/wadi/vector/expr"
)

// expressionCase is one case of the corpus flink_expressions: an expression and
// the text of its value.
type expressionCase struct {
	ID       string  `json:"id"`
	SQL      string  `json:"sql"`
	Expected *string `json:"expected"`
	Config   any     `json:"config"`
}

var fieldName = regexp.MustCompile(`\bf\d+\b`)

// TestFlinkExpressions computes the cases of Flink's expression tests that need
// no input row; as there, values are compared as CAST to STRING prints them.
func TestFlinkExpressions(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(corpora.Path(t, "flink_expressions"), "*Test.json"))
	var right, wrong, missing int
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var suite struct {
			Cases []expressionCase `json:"cases"`
		}
		if err := json.Unmarshal(raw, &suite); err != nil {
			t.Fatal(err)
		}
		for _, c := range suite.Cases {
			if c.Expected == nil || c.SQL == "" || c.Config != nil || fieldName.MatchString(c.SQL) {
				continue
			}
			got, err := expressionText(c.SQL)
			switch {
			case err != nil && (strings.Contains(err.Error(), "not supported yet") || strings.Contains(err.Error(), "no function ")):
				missing++
				t.Logf("MISSING %s %s: %v", c.ID, c.SQL, err)
			case err != nil:
				wrong++
				t.Logf("WRONG %s %s: %v, want %s", c.ID, c.SQL, err, *c.Expected)
			case got != *c.Expected:
				wrong++
				t.Logf("WRONG %s %s: got %s, want %s", c.ID, c.SQL, got, *c.Expected)
			default:
				right++
			}
		}
	}
	t.Logf("%d right, %d wrong, %d not there yet", right, wrong, missing)
	if right < expressionsRight {
		t.Errorf("%d cases are right, it were %d", right, expressionsRight)
	}
}

// expressionsRight is how many cases are known to be right.
const expressionsRight = 673

func expressionText(text string) (out string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("PANIC %v", p)
		}
	}()
	b := &bind.Binder{Functions: function.New(), Zone: time.UTC}
	q, err := parse.Query("SELECT " + text)
	if err != nil {
		return "", fmt.Errorf("parse: %w", err)
	}
	sel, ok := q.(*ast.Select)
	if !ok || len(sel.Items) != 1 {
		return "", fmt.Errorf("not one expression")
	}
	v, err := b.Expr(context.Background(), sel.Items[0].Expr, "t", nil)
	if err != nil {
		return "", fmt.Errorf("bind: %w", err)
	}
	schema := arrow.NewSchema(nil, nil)
	args := []expr.Expr{v.Expr}
	for range 2 {
		args = append(args, &expr.Literal{Value: v.Type.WithNull(true).Text(), Of: arrow.BinaryTypes.StringView})
	}
	args[1] = &expr.Literal{Value: "STRING", Of: arrow.BinaryTypes.StringView}
	e := &expr.Call{Func: "cast", Args: args, Of: arrow.BinaryTypes.StringView}
	p, err := expr.Compile([]expr.Expr{e}, schema, expr.Env{Now: func() int64 { return 1_632_486_896_123 }})
	if err != nil {
		return "", fmt.Errorf("compile: %w", err)
	}
	rec := array.NewRecordBatch(schema, nil, 1)
	defer rec.Release()
	arrs, err := p.Eval(memory.DefaultAllocator, rec, nil)
	if err != nil {
		return "", fmt.Errorf("eval: %w", err)
	}
	defer arrs[0].Release()
	if arrs[0].IsNull(0) {
		return "NULL", nil
	}
	return arrs[0].(*array.StringView).Value(0), nil
}
