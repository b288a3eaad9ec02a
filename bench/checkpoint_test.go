package bench_test

import (
	"context"
	"testing"

	"github.com/wadi-engine/wadi/bench"
)

// TestCheckpoint: what a checkpoint writes follows what has changed, and tasks that
// fail go on.
func TestCheckpoint(t *testing.T) {
	bytes := map[string]int64{}
	err := bench.Checkpoint(t.Context(), bench.CheckpointOptions{State: 5_000_000, Changed: []float64{1, 10}, Dir: t.TempDir()}, func(_ context.Context, r bench.Result) error {
		bytes[r.Query] = r.Bytes
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	all, tenth, hundredth := bytes["first"], bytes["10 % changed"], bytes["1 % changed"]
	if all < 3_000_000 || tenth > all/5 || hundredth > tenth/5 || hundredth == 0 || bytes["recovery"] < all {
		t.Fatalf("bytes %v", bytes)
	}
}
