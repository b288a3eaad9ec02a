package changelog_test

import (
	"encoding/json"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/changelog"
	"github.com/wadi-engine/wadi/ops/opstest"
	"github.com/wadi-engine/wadi/stream"
)

// An operator is "from" or "to", with its codes for +I, -U, +U and -D; a code of
// "-" is none. "skip" leaves out what has another code.
func TestOperators(t *testing.T) {
	opstest.Run(t, "testdata", func(body string, in *arrow.Schema) (opstest.Case, error) {
		set, err := opstest.Settings(body, "from", "to", "skip")
		if err != nil {
			return opstest.Case{}, err
		}
		build, texts := changelog.NewTo, set["to"]
		if from, ok := set["from"]; ok {
			build, texts = changelog.NewFrom, from
		}
		var c changelog.Config
		for i, text := range opstest.Words(texts) {
			if text != "-" {
				c.Codes = append(c.Codes, changelog.Code{Text: text, Kind: stream.RowKind(i)})
			}
		}
		_, c.Skip = set["skip"]
		doc, err := json.Marshal(c)
		if err != nil {
			return opstest.Case{}, err
		}
		v := job.Vertex{Name: "changelog", Config: doc}
		return opstest.Case{New: func() (ops.Operator, error) { return build(v, []*arrow.Schema{in}) }, Keys: []int{1}, NullFree: true}, nil
	})
}
