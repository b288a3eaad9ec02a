package group_test

import (
	"encoding/json"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/group"
	"github.com/wadi-engine/wadi/ops/opstest"
)

func TestOperator(t *testing.T) {
	opstest.Run(t, "testdata", func(body string, in *arrow.Schema) (opstest.Case, error) {
		set, err := opstest.Settings(body, "keys", "aggs", "final", "changelog", "before")
		if err != nil {
			return opstest.Case{}, err
		}
		var c group.Config
		if c.Keys, err = opstest.Columns(in, set["keys"]); err != nil {
			return opstest.Case{}, err
		}
		if c.Aggs, err = opstest.Aggs(in, set["aggs"]); err != nil {
			return opstest.Case{}, err
		}
		_, c.FinalOnly = set["final"]
		_, c.Changelog = set["changelog"]
		_, c.UpdateBefore = set["before"]
		doc, err := json.Marshal(c)
		if err != nil {
			return opstest.Case{}, err
		}
		v := job.Vertex{Name: "group", Kind: group.Kind, Config: doc}
		return opstest.Case{
			New:  func() (ops.Operator, error) { return group.New(v, []*arrow.Schema{in}) },
			Keys: c.Keys,
		}, nil
	})
}
