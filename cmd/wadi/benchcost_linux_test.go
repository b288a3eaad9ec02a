package main

import (
	"os"
	"testing"

	"github.com/wadi-engine/wadi/bench"
)

// TestPredictionHolds: an epoch in functions has the invocations that are predicted,
// and about the requests.
func TestPredictionHolds(t *testing.T) {
	t.Setenv("WADI_TEST_PROGRAM", "1") // for those that it starts
	o := bench.CostOptions{Queries: []string{"q5", "q12"}, Tasks: []int{2}, Rows: []int64{5000}, Epochs: 5, Program: os.Args[0]}
	err := bench.Cost(t.Context(), o, func(r bench.CostResult) error {
		c, p := r.Counted, r.Predicted
		if c.Invocations != p.Invocations || c.GBSeconds <= 0 || c.Epochs != 1 || r.Rows < 5000 {
			t.Errorf("%s: %+v, predicted %+v", r.Query, c, p)
		}
		for _, x := range [][2]int64{{c.Puts, p.Puts}, {c.Gets, p.Gets}} {
			if part := float64(x[0]) / float64(x[1]); part < 0.25 || part > 2.5 {
				t.Errorf("%s: requests: %d, predicted %d", r.Query, x[0], x[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
