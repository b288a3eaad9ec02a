package iceberg_test

import (
	"math"
	"testing"

	"github.com/wadi-engine/wadi/lakehouse/iceberg"
)

// TestPartitionsOfAnyNumber: partitions by infinities are read, too.
func TestPartitionsOfAnyNumber(t *testing.T) {
	for _, want := range []float64{0, 1.5, -1e300, math.Inf(1), math.Inf(-1), math.NaN()} {
		got, err := iceberg.KeptFloat(want)
		if err != nil || got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("%v became %v, %v", want, got, err)
		}
	}
}
