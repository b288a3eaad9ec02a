package wadi_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/coordinator/cluster"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/job"
)

// shifted changes the gear of a job that runs and waits until its tasks live in it,
// and for another epoch. It says how long the change took.
func shifted(t *testing.T, run *wadi.Run, gear string) time.Duration {
	t.Helper()
	epoch := run.Progress().Epoch
	await.That(t, "an epoch before "+gear, func() bool {
		if s := run.Progress().State; s == "FINISHING" {
			t.Fatalf("the job has ended before it was in the %s gear", gear)
		}
		return run.Progress().Epoch > epoch
	})
	if err := run.ChangeGear(t.Context(), gear); err != nil {
		t.Fatal(err)
	}
	var took time.Duration
	await.That(t, "the "+gear+" gear", func() bool {
		l, _ := run.Life()
		took = l.Shifts[0].Took
		return run.Gear() == gear && took > 0
	})
	return took
}

// TestShift: a job changes gear while it runs, with stages and invocations that get
// lost, in one process and on workers: each row is there once, and no change takes
// long.
func TestShift(t *testing.T) {
	calm := t.TempDir()
	if r := gear(t, calm, false, nil, nil, nil); r.State != coordinator.Finished {
		t.Fatalf("undisturbed: %+v", r)
	}
	want := output(t, calm)
	for _, on2 := range []bool{false, true} {
		dir := t.TempDir()
		f, url := serveFunction(t)
		config := clustered(dir)
		maps.Copy(config, map[string]string{"execution.functions.target": url, "wadi.staged.rows-per-epoch": "500"})
		r := &relay{lost: 5}
		var env *wadi.Env
		if on2 {
			var c *cluster.Cluster
			env, c = coordinateWith(t, wadi.Options{Launcher: r}, config)
			work(t, c, nil)
			work(t, c, nil)
		} else {
			var err error
			if env, err = wadi.Local(wadi.Options{Config: config, Launcher: r}); err != nil {
				t.Fatal(err)
			}
			defer env.Close()
		}
		res := on(t, env, dir, true, func(run *wadi.Run) {
			for _, g := range []string{"staged", "pipelined", "functions", "staged", "functions", "pipelined"} {
				if took := shifted(t, run, g); took > 3*time.Second {
					t.Errorf("the change to %s takes %v", g, took)
				}
			}
			l, _ := run.Life()
			if len(l.Shifts) != 6 || l.Shifts[0].From != job.Functions || l.Shifts[0].To != job.Pipelined || l.Shifts[0].Epoch == 0 {
				t.Errorf("the log says %+v", l.Shifts)
			}
		})
		if res.State != coordinator.Finished || r.launched.Load() == 0 || f.events.Load() == 0 {
			t.Errorf("%+v after %d stages and %d events", res, r.launched.Load(), f.events.Load())
		}
		if got := output(t, dir); !slices.Equal(got, want) {
			t.Errorf("on workers %v: %d rows, want the %d of the undisturbed run", on2, len(got), len(want))
		}
		if left := channelsOf(t, dir); len(left) > 0 {
			t.Errorf("channels stay: %v", left)
		}
	}
}

// TestShiftRefused: what makes no sense is refused, with what to do.
func TestShiftRefused(t *testing.T) {
	for _, c := range []struct {
		config     map[string]string
		gear, want string
	}{
		{nil, "sixth", "want pipelined, staged or functions"},
		{nil, "staged", "set 'execution.checkpointing.dir'"},
		{nil, "functions", "set 'execution.checkpointing.dir'"},
		{map[string]string{"execution.checkpointing.dir": "mem://refused"}, "functions", "'execution.functions.target' = ''"},
		{map[string]string{"execution.checkpointing.dir": "mem://refused"}, "staged", "set 'execution.checkpointing.interval'"},
	} {
		env, err := wadi.Local(wadi.Options{Config: c.config})
		if err != nil {
			t.Fatal(err)
		}
		err = env.Execute(t.Context(), `CREATE TABLE ticks (n INT) WITH ('connector' = 'datagen', 'rows-per-second' = '5');
			CREATE TABLE gone (n INT) WITH ('connector' = 'blackhole');
			INSERT INTO gone SELECT n FROM ticks`, func(o wadi.Outcome) error {
			if o.Pipeline == nil {
				return nil
			}
			run, err := o.Pipeline.Start(t.Context(), wadi.RestoreNone)
			if err != nil {
				return err
			}
			await.That(t, "it runs", func() bool { return run.Progress().State == "RUNNING" })
			err = run.ChangeGear(t.Context(), c.gear)
			if !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v to %s: %v, want %s", c.config, c.gear, err, c.want)
			}
			if run.Gear() != "pipelined" {
				t.Errorf("the gear is %s", run.Gear())
			}
			run.Cancel(errors.New("enough"))
			_, _ = run.Wait()
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		_ = env.Close()
	}
}

// TestShiftInVain: a gear in which nothing succeeds is left again, and the job goes on.
func TestShiftInVain(t *testing.T) {
	dir := t.TempDir()
	config := clustered(dir)
	maps.Copy(config, map[string]string{"execution.functions.target": "http://127.0.0.1:1", "execution.functions.attempts": "1", "restart-strategy.type": "none"})
	env, err := wadi.Local(wadi.Options{Config: config})
	if err != nil {
		t.Fatal(err)
	}
	defer env.Close()
	res := on(t, env, dir, true, func(run *wadi.Run) {
		epoch := run.Progress().Epoch
		await.That(t, "an epoch", func() bool { return run.Progress().Epoch > epoch })
		if err := run.ChangeGear(t.Context(), "functions"); err != nil {
			t.Fatal(err)
		}
		await.That(t, "the way back", func() bool {
			l, _ := run.Life()
			return len(l.Shifts) == 2 && l.Shifts[0].Took > 0
		})
		if l, _ := run.Life(); l.Gear != job.Pipelined || !strings.Contains(l.Shifts[0].Reason, "nothing succeeds in the functions gear") {
			t.Errorf("%+v", l.Shifts)
		}
	})
	if res.State != coordinator.Finished {
		t.Errorf("%+v", res)
	}
}
