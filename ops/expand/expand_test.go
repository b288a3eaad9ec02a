package expand_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/expand"
	"github.com/wadi-engine/wadi/ops/opstest"
)

// TestOperator runs the cases. A line "nulls a, b" is a grouping set without
// these columns; "nulls -" is one with all.
func TestOperator(t *testing.T) {
	opstest.Run(t, "testdata", func(body string, in *arrow.Schema) (opstest.Case, error) {
		var c expand.Config
		for line := range strings.Lines(body) {
			names, _ := strings.CutPrefix(strings.TrimSpace(line), "nulls ")
			null := []int{}
			if names != "-" {
				var err error
				if null, err = opstest.Columns(in, names); err != nil {
					return opstest.Case{}, err
				}
			}
			c.Nulls = append(c.Nulls, null)
		}
		doc, err := json.Marshal(c)
		if err != nil {
			return opstest.Case{}, err
		}
		v := job.Vertex{Name: "expand", Kind: expand.Kind, Config: doc}
		return opstest.Case{
			New:  func() (ops.Operator, error) { return expand.New(v, []*arrow.Schema{in}) },
			Keys: []int{0},
		}, nil
	})
}
