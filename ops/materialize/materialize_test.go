package materialize_test

import (
	"encoding/json"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/idle"
	"github.com/wadi-engine/wadi/ops/materialize"
	"github.com/wadi-engine/wadi/ops/opstest"
)

func TestOperator(t *testing.T) {
	opstest.Run(t, "testdata", func(body string, in *arrow.Schema) (opstest.Case, error) {
		set, err := opstest.Settings(body, "keys", "ttl")
		if err != nil {
			return opstest.Case{}, err
		}
		var c materialize.Config
		if c.Keys, err = opstest.Columns(in, set["keys"]); err != nil {
			return opstest.Case{}, err
		}
		if _, ok := set["ttl"]; ok {
			c.TTLMillis = 60_000
		}
		doc, err := json.Marshal(c)
		if err != nil {
			return opstest.Case{}, err
		}
		build := idle.Around(materialize.New)
		v := job.Vertex{Name: "materialize", Kind: materialize.Kind, Config: doc}
		return opstest.Case{New: func() (ops.Operator, error) { return build(v, []*arrow.Schema{in}) }, Keys: c.Keys}, nil
	})
}
