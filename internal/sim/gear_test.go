package sim

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/job"
)

// shifting runs a calm job that begins in a gear, and wants another, and after some
// more steps a third, at a step of its coordinator; 0 is never. It says how many
// steps there were, and how many changes.
func shifting(t *testing.T, from, to, then job.Gear, at int) (steps, shifts int) {
	t.Helper()
	scenario(t, func(r *run) {
		h := &host{w: r.w, of: &process{name: "job"}}
		wk := h.alone(r.store, r.target)
		wk.pace = 60
		brief := &stages{w: r.w, of: h.of, store: r.store, table: r.target, pace: 60}
		var history coordinator.History
		want := func(g job.Gear) {
			h.Post(coordinator.Shift{To: g, Reason: "test", Answer: func(err error) {
				if err != nil && at < 3 {
					t.Errorf("step %d: %v", at, err)
				}
			}})
		}
		j := coordinator.Job{
			Graph: graph(joined, 2, 2), Store: r.store, Connectors: r.connectors(), NewID: r.newID, History: &history,
			Settings: coordinator.Settings{Interval: 20 * time.Millisecond, EpochRows: 7, LateEpoch: time.Duration(1+at%3*20) * time.Millisecond},
			Progress: func(coordinator.Progress) {
				switch steps++; steps {
				case at:
					want(to)
				case at + 15:
					want(then)
				}
			},
		}
		gears := coordinator.Gears{At: from, Pipelined: wk, Launchers: map[job.Gear]coordinator.Launcher{job.Staged: brief, job.Functions: brief}}
		res, err := coordinator.RunGears(context.Background(), j, gears, h)
		if err != nil || res.State != coordinator.Finished || res.Restarts != 0 {
			t.Fatalf("%+v %v", res, err)
		}
		if err := r.check(); err != nil {
			t.Fatal(err)
		}
		l, _ := history.Life()
		shifts = len(l.Shifts)
	})
	return steps, shifts
}

// TestShiftAtEachStep: a job changes gear and back at each step of its life, in every
// direction: nothing fails, and each row is there once.
func TestShiftAtEachStep(t *testing.T) {
	for _, c := range [][2]job.Gear{{job.Pipelined, job.Staged}, {job.Staged, job.Pipelined}, {job.Functions, job.Staged}} {
		from, to := c[0], c[1]
		t.Run(fmt.Sprintf("%s to %s", from, to), func(t *testing.T) {
			most, _ := shifting(t, from, to, from, -20)
			changes := 0
			for at := 1; at <= most && !t.Failed(); at++ {
				_, n := shifting(t, from, to, from, at)
				changes += n
			}
			t.Logf("%d steps, %d changes", most, changes)
			if changes < most {
				t.Errorf("%d changes at %d steps are too few", changes, most)
			}
		})
	}
}
