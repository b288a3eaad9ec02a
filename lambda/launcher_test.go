package lambda_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/stage"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/job/cost"
	"github.com/wadi-engine/wadi/lambda"
)

// fast is a clock that runs twenty times as fast.
type fast struct{ begun time.Time }

func (f fast) Now() time.Time                         { return f.begun.Add(20 * time.Since(f.begun)) }
func (f fast) After(d time.Duration) <-chan time.Time { return time.After(d / 20) }

// calls is a function that does with the nth invocation of a task what it is told.
type calls struct {
	mu    sync.Mutex
	of    map[int]int // invocations, by task
	again map[int]bool
	does  func(ctx context.Context, task, n int) error
}

func (c *calls) Invoke(ctx context.Context, event json.RawMessage) (json.RawMessage, error) {
	var e lambda.Event
	if err := json.Unmarshal(event, &e); err != nil {
		return nil, err
	}
	task := e.Stage.Tasks[0].Task
	c.mu.Lock()
	c.of[task.Index]++
	c.again[task.Index] = c.again[task.Index] || e.Again
	n := c.of[task.Index]
	c.mu.Unlock()
	if err := c.does(ctx, task.Index, n); err != nil {
		return nil, err
	}
	return json.Marshal(lambda.Reply{Result: &stage.Result{Handles: []checkpoint.Handle{{Task: task}}}, Usage: cost.Usage{Puts: 1}})
}

// launch runs a stage of four tasks.
func launch(t *testing.T, does func(ctx context.Context, task, n int) error) (*calls, stage.Result, error) {
	t.Helper()
	c := &calls{of: map[int]int{}, again: map[int]bool{}, does: does}
	l := &lambda.Launcher{
		Invoker: c, Clock: fast{time.Now()}, NewID: func() string { return "id" }, Log: slog.New(slog.DiscardHandler), Concurrency: 4, Attempts: 3,
		Memory: 1 << 30,
	}
	s := stage.Spec{Job: "j", Graph: &job.Graph{Vertices: []job.Vertex{{ID: 0, Kind: job.KindSource, Parallelism: 4}}}}
	for i := range 4 {
		s.Tasks = append(s.Tasks, checkpoint.Assignment{Task: checkpoint.TaskID{Index: i}})
	}
	r, err := l.Run(t.Context(), s)
	return c, r, err
}

// TestLateIsDoubled: an invocation that hangs while the others of its stage have
// ended gets a second beside it, which says that it is not the first.
func TestLateIsDoubled(t *testing.T) {
	c, r, err := launch(t, func(ctx context.Context, task, n int) error {
		if task == 2 && n == 1 {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	})
	if err != nil || len(r.Handles) != 4 {
		t.Errorf("%d results, %v", len(r.Handles), err)
	}
	if u := r.Usage; u.Invocations != 5 || u.Puts != 4 || u.GBSeconds < 2 {
		t.Errorf("used: %+v, want that of five invocations, of which one told nothing and ran for two seconds with a GB", u)
	}
	for task, want := range []int{1, 1, 2, 1} {
		if c.of[task] != want || c.again[task] != (want > 1) {
			t.Errorf("task %d: %d invocations, again %v, want %d", task, c.of[task], c.again[task], want)
		}
	}
}

// TestLostIsInvokedAgain: as often as is allowed, and what fails for good is not.
func TestLostIsInvokedAgain(t *testing.T) {
	lost := fmt.Errorf("%w: nobody knows", job.ErrUnavailable)
	c, r, err := launch(t, func(_ context.Context, task, n int) error {
		if task == 1 && n < 3 {
			return lost
		}
		return nil
	})
	if err != nil || len(r.Handles) != 4 || c.of[1] != 3 || !c.again[1] || c.of[0] != 1 || r.Usage.Invocations != 6 {
		t.Errorf("%d results after %v invocations, %v", len(r.Handles), c.of, err)
	}
	c, _, err = launch(t, func(_ context.Context, task, _ int) error {
		if task == 1 {
			return lost
		}
		return nil
	})
	if !errors.Is(err, job.ErrUnavailable) || c.of[1] != 3 {
		t.Errorf("%v after %d invocations, want 3", err, c.of[1])
	}
	c, _, err = launch(t, func(_ context.Context, task, _ int) error {
		if task == 1 {
			return lambda.Failure{Type: "invalid", Message: "no such table"}
		}
		return nil
	})
	if !errors.Is(err, job.ErrInvalid) || c.of[1] != 1 {
		t.Errorf("%v after %d invocations, want 1", err, c.of[1])
	}
}
