package dedup_test

import (
	"encoding/json"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/dedup"
	"github.com/wadi-engine/wadi/ops/opstest"
)

func TestOperator(t *testing.T) {
	opstest.Run(t, "testdata", func(body string, in *arrow.Schema) (opstest.Case, error) {
		set, err := opstest.Settings(body, "keys", "time", "last", "before", "final")
		if err != nil {
			return opstest.Case{}, err
		}
		var c dedup.Config
		if c.Keys, err = opstest.Columns(in, set["keys"]); err != nil {
			return opstest.Case{}, err
		}
		if name, ok := set["time"]; ok {
			at, err := opstest.Columns(in, name)
			if err != nil {
				return opstest.Case{}, err
			}
			c.Time = &at[0]
		}
		_, c.Last = set["last"]
		_, c.UpdateBefore = set["before"]
		_, c.FinalOnly = set["final"]
		doc, err := json.Marshal(c)
		if err != nil {
			return opstest.Case{}, err
		}
		v := job.Vertex{Name: "dedup", Kind: dedup.Kind, Config: doc}
		return opstest.Case{New: func() (ops.Operator, error) { return dedup.New(v, []*arrow.Schema{in}) }, Keys: c.Keys}, nil
	})
}
