package node

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/exchange/remote"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/stream"
)

// hosting is a session whose jobs are opened by open.
func hosting(t *testing.T, open func() (engine.Options, error)) *session {
	t.Helper()
	transport, err := remote.Listen(t.Context(), "127.0.0.1:0", remote.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := newSession(&node{transport: transport, Options: Options{
		ID: "w", Log: slog.New(slog.DiscardHandler), Clock: engine.WallClock{},
		Open: func(context.Context, rpc.Start) (engine.Options, error) { return open() },
	}})
	t.Cleanup(func() {
		s.close()
		_ = transport.Close()
	})
	return s
}

// TestStartedAgain: a job that is dropped and started again waits until its old
// tasks are gone, and its transport is not forgotten then.
func TestStartedAgain(t *testing.T) {
	opened, closing, let := make(chan int, 2), make(chan bool), make(chan bool)
	n := 0
	s := hosting(t, func() (engine.Options, error) {
		n++
		opened <- n
		first := n == 1
		return engine.Options{Close: func() error {
			if first {
				closing <- true
				<-let
			}
			return nil
		}}, nil
	})
	s.start(t.Context(), rpc.Start{Job: "j"})
	<-opened
	s.drop("j")
	s.start(t.Context(), rpc.Start{Job: "j"})
	<-closing
	select {
	case <-opened:
		t.Fatal("the job is opened twice")
	case <-time.After(10 * time.Millisecond):
	}
	close(let)
	<-opened
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ending) != 0 || s.jobs["j"] == nil {
		t.Fatalf("%d jobs end", len(s.ending))
	}
}

// TestTooManyCommands: tasks that do not take their commands have failed; they can
// be canceled, and others deployed.
func TestTooManyCommands(t *testing.T) {
	s := hosting(t, nil)
	h := &hosted{s: s, start: rpc.Start{Job: "j"}, wake: make(chan struct{}, 1)}
	h.ledger.Command(rpc.Deploy{Tasks: []rpc.Assignment{{Task: checkpoint.TaskID{}}}})
	for e := range maxCommands {
		h.push(rpc.Confirm{Epoch: stream.Epoch(e)})
	}
	if h.ledger.Held("j") == nil {
		t.Fatal("it has failed too early")
	}
	h.push(rpc.Confirm{})
	h.push(rpc.Confirm{})
	if h.ledger.Held("j") != nil || len(h.queue) != maxCommands {
		t.Fatalf("%d commands wait", len(h.queue))
	}
	h.push(rpc.Cancel{})
	if _, ok := h.queue[maxCommands].(rpc.Cancel); !ok {
		t.Fatal("it cannot be canceled")
	}
}
