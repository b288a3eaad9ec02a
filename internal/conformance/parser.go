package conformance

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/parse"
)

// parserCase is one statement or expression of Flink's parser tests. A ^ marks
// where it is wrong.
type parserCase struct {
	Test, Kind, SQL string
	OK, Fails       *string
}

func parserTests(dir string) ([]Case, error) {
	cases, err := readLines[parserCase](filepath.Join(dir, "flink_sql_parse", "parser_tests.jsonl"))
	out := make([]Case, len(cases))
	for i, c := range cases {
		out[i] = Case{Name: fmt.Sprintf("%s#%d", c.Test, i), SQL: c.SQL, Run: func(context.Context) error { return c.run() }}
	}
	return out, err
}

func (c *parserCase) run() error {
	text := c.SQL
	caret := strings.IndexByte(text, '^')
	if c.OK == nil {
		text = strings.ReplaceAll(text, "^", "")
	}
	var node ast.Node
	var err error
	if c.Kind == "expr" {
		node, err = parse.Expr(text)
	} else {
		node, err = parse.Statement(text)
	}
	if c.OK == nil && (c.Fails != nil || caret >= 0) {
		return refused(err)
	}
	if err != nil {
		return err
	}
	// What a tree prints is the same tree again.
	if c.Kind == "expr" {
		_, err = parse.Expr(ast.SQL(node))
	} else {
		_, err = parse.Statement(ast.SQL(node))
	}
	if err != nil {
		return fmt.Errorf("its printed form does not parse: %w\n%s", err, ast.SQL(node))
	}
	return nil
}

// refused wants an error with a position.
func refused(err error) error {
	var e *parse.Error
	switch {
	case err == nil:
		return errors.New("accepted, but it must fail")
	case !errors.As(err, &e) || e.Line < 1 || e.Col < 1:
		return fmt.Errorf("the error has no position: %w", err)
	}
	return nil
}

func plannerQueries(dir string) ([]Case, error) {
	type query struct{ File, Test, SQL string }
	queries, err := readLines[query](filepath.Join(dir, "flink_sql_parse", "planner_queries.jsonl"))
	out := make([]Case, len(queries))
	for i, q := range queries {
		name := fmt.Sprintf("%s.%s#%d", strings.TrimSuffix(filepath.Base(q.File), ".xml"), q.Test, i)
		out[i] = Case{Name: name, SQL: q.SQL, Run: func(context.Context) error {
			_, err := parse.Script(q.SQL)
			return err
		}}
	}
	return out, err
}
