package conformance

import (
	"context"
	"errors"
	"os"

	"github.com/wadi-engine/wadi/sql/parse"
)

// arroyoQueries are scripts of another dialect, over connectors that are not
// there: intervals without units, names that are reserved in Flink. They must
// parse, or be refused with a position.
func arroyoQueries(dir string) ([]Case, error) {
	var out []Case
	for _, path := range files(dir, "arroyo", "planner_queries", "*.sql") {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		out = append(out, Case{Name: folder(path), SQL: string(text), Run: func(context.Context) error {
			_, err := parse.Script(string(text))
			var e *parse.Error
			if err == nil || errors.As(err, &e) && e.Line > 0 && e.Col > 0 {
				return nil
			}
			return err
		}})
	}
	return out, nil
}
