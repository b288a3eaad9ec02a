package normalize_test

import (
	"encoding/json"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/normalize"
	"github.com/wadi-engine/wadi/ops/opstest"
)

func TestOperator(t *testing.T) {
	opstest.Run(t, "testdata", func(body string, in *arrow.Schema) (opstest.Case, error) {
		set, err := opstest.Settings(body, "keys", "before", "final")
		if err != nil {
			return opstest.Case{}, err
		}
		var c normalize.Config
		if c.Keys, err = opstest.Columns(in, set["keys"]); err != nil {
			return opstest.Case{}, err
		}
		_, c.UpdateBefore = set["before"]
		_, c.FinalOnly = set["final"]
		doc, err := json.Marshal(c)
		if err != nil {
			return opstest.Case{}, err
		}
		v := job.Vertex{Name: "normalize", Kind: normalize.Kind, Config: doc}
		return opstest.Case{New: func() (ops.Operator, error) { return normalize.New(v, []*arrow.Schema{in}) }, Keys: c.Keys}, nil
	})
}
