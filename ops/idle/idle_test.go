package idle_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/builtin"
	"github.com/wadi-engine/wadi/ops/opstest"
	"github.com/wadi-engine/wadi/vector/agg"
)

// An operator is:
//
//	kind group-agg
//	keys k           spread its rows; the configuration names them once more
//	aggs count(*)    of group-agg and over-table
//	config {…}       the rest, as JSON
func TestOperators(t *testing.T) {
	registry := &ops.Registry{}
	builtin.Register(registry)
	opstest.Run(t, "testdata", func(body string, in *arrow.Schema) (opstest.Case, error) {
		set, err := opstest.Settings(body, "kind", "keys", "aggs", "config", "number")
		if err != nil {
			return opstest.Case{}, err
		}
		keys, err := opstest.Columns(in, set["keys"])
		if err != nil {
			return opstest.Case{}, err
		}
		config := map[string]any{}
		if err := json.Unmarshal([]byte(set["config"]), &config); err != nil {
			return opstest.Case{}, err
		}
		var aggs []agg.Spec
		if text, ok := set["aggs"]; ok {
			if aggs, err = opstest.Aggs(in, text); err != nil {
				return opstest.Case{}, err
			}
			config["aggs"] = aggs
		}
		doc, err := json.Marshal(config)
		if err != nil {
			return opstest.Case{}, err
		}
		v := job.Vertex{Name: "op", Kind: set["kind"], Config: doc}
		if strings.HasPrefix(v.Kind, "over") {
			out := append(in.Fields(), arrow.Field{Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true})
			v.Output = job.Schema{Schema: arrow.NewSchema(out, nil)}
		}
		build := registry.Operators[v.Kind]
		return opstest.Case{New: func() (ops.Operator, error) { return build(v, []*arrow.Schema{in}) }, Keys: keys}, nil
	})
}
