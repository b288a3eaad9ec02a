package union_test

import (
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/opstest"
	"github.com/wadi-engine/wadi/ops/union"
)

// An operator is a union of the input and of a second one whose columns are
// the body.
func TestOperator(t *testing.T) {
	opstest.Run(t, "testdata", func(body string, in *arrow.Schema) (opstest.Case, error) {
		other, err := opstest.Schema(body)
		if err != nil {
			return opstest.Case{}, err
		}
		return opstest.Case{
			New:  func() (ops.Operator, error) { return union.New(job.Vertex{}, []*arrow.Schema{in, other}) },
			Keys: []int{0},
		}, nil
	})
}
