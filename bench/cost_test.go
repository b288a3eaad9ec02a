package bench_test

import (
	"strings"
	"testing"

	"github.com/wadi-engine/wadi/bench"
)

// TestCostStudy: every case of the study has an amount.
func TestCostStudy(t *testing.T) {
	var out strings.Builder
	if err := bench.CostStudy(&out); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "| $"); n != 2*9*4 {
		t.Errorf("%d amounts:\n%s", n, out.String())
	}
}
