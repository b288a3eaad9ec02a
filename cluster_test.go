package wadi_test

import (
	"context"
	"errors"
	"maps"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/coordinator/cluster"
	"github.com/wadi-engine/wadi/engine/peer"
)

// coordinate returns an Env that runs its jobs on workers, and its cluster.
func coordinate(t *testing.T, config map[string]string) (*wadi.Env, *cluster.Cluster) {
	t.Helper()
	return coordinateWith(t, wadi.Options{}, config)
}

func coordinateWith(t *testing.T, o wadi.Options, config map[string]string) (*wadi.Env, *cluster.Cluster) {
	t.Helper()
	all := map[string]string{"jobmanager.rpc.port": "0", "heartbeat.interval": "20 ms", "heartbeat.timeout": "5 s", "wadi.cluster.secret": "of this test"}
	maps.Copy(all, config)
	o.Config = all
	env, err := wadi.Local(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = env.Close() })
	c, err := env.Coordinate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return env, c
}

// work starts a worker of c; the returned function kills it and waits.
func work(t *testing.T, c *cluster.Cluster, config map[string]string) (kill func() error) {
	t.Helper()
	return workWith(t, c, wadi.Options{}, config)
}

func workWith(t *testing.T, c *cluster.Cluster, o wadi.Options, config map[string]string) (kill func() error) {
	t.Helper()
	_, port, err := net.SplitHostPort(c.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{"jobmanager.rpc.address": "127.0.0.1", "jobmanager.rpc.port": port, "wadi.cluster.secret": "of this test"}
	maps.Copy(all, config)
	o.Config = all
	env, err := wadi.Local(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- env.Work(ctx) }()
	ended := false
	kill = func() error {
		cancel()
		if ended {
			return nil
		}
		ended = true
		return <-done
	}
	t.Cleanup(func() {
		_ = kill()
		_ = env.Close()
	})
	return kill
}

// on runs the job of the gears on a cluster; during is called with its progress.
func on(t *testing.T, env *wadi.Env, dir string, limited bool, during func(*wadi.Run)) wadi.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var res wadi.Result
	err := env.Execute(ctx, gearOf(dir, limited), func(o wadi.Outcome) error {
		if o.Pipeline == nil {
			return nil
		}
		run, err := o.Pipeline.Start(ctx, wadi.RestoreNone)
		if err != nil {
			return err
		}
		if during != nil {
			during(run)
		}
		res, err = run.Wait()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func clustered(dir string) map[string]string {
	return map[string]string{
		"pipeline.name": "clustered", "execution.runtime-mode": "streaming", "execution.checkpointing.dir": "file://" + dir + "/checkpoints",
		"execution.checkpointing.interval": "50 ms", "restart-strategy.type": "fixed-delay", "parallelism.default": "2",
		"restart-strategy.fixed-delay.attempts": "100", "restart-strategy.fixed-delay.delay": "1 ms",
	}
}

// TestCluster: a job whose tasks are on two workers gives what it gives in one
// process, and goes on when a worker is lost and another comes.
func TestCluster(t *testing.T) {
	calm := t.TempDir()
	if r := gear(t, calm, false, nil, nil, nil); r.State != coordinator.Finished {
		t.Fatalf("in one process: %+v", r)
	}
	want := output(t, calm)
	t.Run("undisturbed", func(t *testing.T) {
		dir := t.TempDir()
		env, c := coordinate(t, clustered(dir))
		work(t, c, nil)
		work(t, c, nil)
		if r := on(t, env, dir, false, nil); r.State != coordinator.Finished || r.Restarts != 0 {
			t.Fatalf("%+v", r)
		}
		if got := output(t, dir); !slices.Equal(got, want) {
			t.Errorf("two workers give other rows: %d, want %d", len(got), len(want))
		}
	})
	t.Run("a worker is lost", func(t *testing.T) {
		dir := t.TempDir()
		env, c := coordinate(t, clustered(dir))
		work(t, c, map[string]string{"taskmanager.resource-id": "one"})
		kill := work(t, c, map[string]string{"taskmanager.resource-id": "two"})
		r := on(t, env, dir, true, func(run *wadi.Run) {
			for run.Progress().Epoch < 3 {
				select {
				case <-run.Done():
					t.Error("the job ended before a worker was lost")
					return
				case <-time.After(time.Millisecond):
				}
			}
			if err := kill(); err != nil {
				t.Error(err)
			}
			work(t, c, map[string]string{"taskmanager.resource-id": "three"})
		})
		if r.State != coordinator.Finished || r.Restarts != 1 {
			t.Fatalf("%+v", r)
		}
		if got := output(t, dir); !slices.Equal(got, want) {
			t.Errorf("after the loss of a worker there are other rows: %d, want %d", len(got), len(want))
		}
		for _, w := range c.Workers() {
			if w.Used != 0 {
				t.Errorf("worker %s has %d slots in use after the job", w.ID, w.Used)
			}
		}
	})
}

// TestStrangerIsNoWorker: a worker that does not know the secret is told so.
func TestStrangerIsNoWorker(t *testing.T) {
	_, c := coordinate(t, nil)
	_, port, _ := net.SplitHostPort(c.Addr().String())
	env, err := wadi.Local(wadi.Options{Config: map[string]string{"jobmanager.rpc.address": "127.0.0.1", "jobmanager.rpc.port": port, "wadi.cluster.secret": "guessed"}})
	if err != nil {
		t.Fatal(err)
	}
	defer env.Close()
	if err := env.Work(t.Context()); !errors.Is(err, peer.ErrRefused) {
		t.Errorf("a stranger: %v", err)
	}
}
