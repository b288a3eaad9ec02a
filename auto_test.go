package wadi_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lambda"
)

const ticking = `CREATE TABLE ticks (n INT) WITH ('connector' = 'datagen', 'rows-per-second' = '50');
	CREATE TABLE gone (n INT) WITH ('connector' = 'blackhole');
	INSERT INTO gone SELECT n FROM ticks`

// TestAuto: a job to which little comes becomes functions by itself, and pipelined
// again when they are too slow for its freshness. What somebody asks for, it does.
func TestAuto(t *testing.T) {
	handle := wadi.StageHandler(wadi.Options{})
	var slow atomic.Bool
	server := httptest.NewServer(lambda.Host{Log: slog.New(slog.DiscardHandler), Handler: func(ctx context.Context, e json.RawMessage) (json.RawMessage, error) {
		if slow.Load() {
			time.Sleep(4 * time.Second)
		}
		return handle(ctx, e)
	}})
	defer server.Close()
	env, err := wadi.Local(wadi.Options{Config: map[string]string{
		"execution.gear": "auto", "execution.freshness": "2 s", "execution.gear.auto.min-time": "1 s", "cost.price.core-hour": "100",
		"execution.functions.target": server.URL, "execution.checkpointing.dir": t.TempDir(),
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer env.Close()
	err = env.Execute(t.Context(), ticking, func(o wadi.Outcome) error {
		if o.Pipeline == nil {
			return nil
		}
		run, err := o.Pipeline.Start(t.Context(), wadi.RestoreNone)
		if err != nil {
			return err
		}
		defer func() {
			run.Cancel(errors.New("enough"))
			_, _ = run.Wait()
		}()
		reason := func(to string) string {
			await.That(t, "the "+to+" gear", func() bool { return run.Gear() == to })
			l, _ := run.Life()
			return l.Shifts[0].Reason
		}
		if got := reason("functions"); !strings.Contains(got, "an hour costs $") || !strings.Contains(got, "in the functions gear and $") {
			t.Errorf("to functions: %s", got)
		}
		epoch := run.Progress().Epoch
		await.That(t, "an epoch of functions", func() bool { return run.Progress().Epoch > epoch })
		slow.Store(true)
		if got := reason("pipelined"); !strings.Contains(got, "rows are older than 2s") {
			t.Errorf("back: %s", got)
		}
		slow.Store(false)
		if err := run.ChangeGear(t.Context(), "staged"); err != nil {
			t.Error(err)
		}
		if got := reason("staged"); got != "somebody has asked for it" {
			t.Errorf("asked for: %s", got)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestAutoRefused: a job that is to choose needs something to choose from.
func TestAutoRefused(t *testing.T) {
	env, err := wadi.Local(wadi.Options{Config: map[string]string{"execution.gear": "auto", "execution.checkpointing.dir": "mem://auto"}})
	if err != nil {
		t.Fatal(err)
	}
	defer env.Close()
	err = env.Execute(t.Context(), ticking, func(o wadi.Outcome) error {
		if o.Pipeline == nil {
			return nil
		}
		run, err := o.Pipeline.Start(t.Context(), wadi.RestoreNone)
		if err == nil {
			run.Cancel(errors.New("enough"))
			_, _ = run.Wait()
		}
		return err
	})
	if !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), "'execution.functions.target'") {
		t.Error(err)
	}
}
