package wadi_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/vector/mem"
)

// TestChangeBackend: a job runs with its state in memory, is stopped, goes on with
// it on disk, is stopped, and ends in memory: each row is there once.
func TestChangeBackend(t *testing.T) {
	defer func() {
		if err := mem.Default().SetPaging(mem.Paging{}); err != nil {
			t.Error(err)
		}
	}()
	calm, dir := t.TempDir(), t.TempDir()
	memory := map[string]string{"state.backend.type": "hashmap"}
	disk := map[string]string{"state.backend.type": "rocksdb", "taskmanager.memory.managed.size": "1m", "io.tmp.dirs": t.TempDir()}
	if r := gear(t, calm, false, memory, nil, nil); r.State != coordinator.Finished {
		t.Fatalf("undisturbed: %+v", r)
	}
	want := output(t, calm)
	run := func(config map[string]string, epochs uint64, from wadi.Result) wadi.Result {
		var stop func(wadi.Progress) bool
		if epochs > 0 {
			stop = func(p wadi.Progress) bool { return uint64(p.Epoch) >= uint64(from.Epoch)+epochs }
		}
		r := gear(t, dir, epochs > 0, maps.Clone(config), nil, stop)
		if r.Restored != from.Epoch {
			t.Fatalf("%+v, want it to go on from epoch %d", r, from.Epoch)
		}
		return r
	}
	first := run(memory, 3, wadi.Result{})
	second := run(disk, 4, first)
	if third := run(memory, 0, second); third.State != coordinator.Finished {
		t.Fatalf("at the end: %+v", third)
	}
	if got := output(t, dir); !slices.Equal(got, want) || len(want) < 100 {
		t.Errorf("%d rows, want the %d of the undisturbed run", len(got), len(want))
	}
}
