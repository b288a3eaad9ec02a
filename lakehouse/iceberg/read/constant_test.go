package read

import (
	"encoding/json"
	"math"
	"testing"

	ice "github.com/apache/iceberg-go"
)

// TestPartitionsOfAnyNumber: what is left of a partition's value in the position
// of a split is the value, of infinities too.
func TestPartitionsOfAnyNumber(t *testing.T) {
	for _, want := range []float64{0, 1.5, -1e300, math.Inf(1), math.Inf(-1), math.NaN()} {
		kept, err := ValueOf(want, ice.PrimitiveTypes.Float64)
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(kept)
		if err != nil {
			t.Fatal(err)
		}
		var back Value
		err = json.Unmarshal(b, &back)
		if got := float64(back.Float); err != nil || got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("%v became %v, %v", want, got, err)
		}
	}
}
