package bench_test

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/wadi-engine/wadi/bench"
)

// TestMemory runs a small case of make bench-memory: state of four times its
// share of the memory, measured from outside.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the binary")
	}
	binary := filepath.Join(t.TempDir(), "wadi")
	if out, err := exec.Command("go", "build", "-o", binary, "../cmd/wadi").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	o := bench.MemoryOptions{Binary: binary, Events: 8_000_000, Limit: "256m", Dir: t.TempDir()}
	err := bench.Memory(context.Background(), o, func(_ context.Context, r bench.Result) error {
		t.Logf("%s: %.0f events per second of CPU, %d MB", r.Query, r.EventsPerCPU, r.PeakRSS>>20)
		if r.RowsOut < o.Events/2 {
			t.Errorf("%s: %d rows came out", r.Query, r.RowsOut)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
