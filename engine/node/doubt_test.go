package node

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/engine/peer"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/vector/mem"
)

// fast is a clock of which ten seconds pass in one.
type fast struct{ begun time.Time }

func (f fast) Now() time.Time                         { return f.begun.Add(10 * time.Since(f.begun)) }
func (f fast) After(d time.Duration) <-chan time.Time { return time.After(d / 10) }

// mute is a coordinator that welcomes a worker, whose heartbeats it never answers.
func mute(t *testing.T) (address string, registered <-chan *rpc.Register) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	all := make(chan *rpc.Register, 10)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			raw, err := l.Accept()
			if err != nil {
				return // closed
			}
			conn, _, err := peer.Accept(t.Context(), raw, peer.Identity{})
			if err != nil {
				continue
			}
			m := peer.NewMessages(conn)
			var first rpc.ToCoordinator
			if m.Receive(&first, time.Minute) == nil {
				_ = m.Send(rpc.ToWorker{Welcome: &rpc.Welcome{Interval: 1000, Timeout: 600_000}}) // the worker may be gone
				all <- first.Register
			}
		}
	}()
	return l.Addr().String(), all
}

// TestSilentCoordinatorIsLeft: a worker leaves a coordinator that says nothing any
// more when another leads, and not before.
func TestSilentCoordinatorIsLeft(t *testing.T) {
	one, first := mute(t)
	two, second := mute(t)
	var leads atomic.Value
	leads.Store(one)
	asked := make(chan struct{}, 1000)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, Options{ID: "w", Bind: "127.0.0.1:0", Clock: fast{time.Now()}, Alloc: mem.Default(), Leader: func(context.Context) (string, error) {
			asked <- struct{}{}
			return leads.Load().(string), nil
		}})
	}()
	if r := <-first; r == nil || r.ID != "w" {
		t.Fatalf("%+v", r)
	}
	for range 3 { // once to find the first, and then in doubt
		<-asked
	}
	select {
	case <-first:
		t.Error("the worker has left the coordinator that leads")
	default:
	}
	leads.Store(two)
	if r := <-second; r == nil || r.ID != "w" {
		t.Fatalf("%+v", r)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestLateCoordinatorIsNotJoined: a coordinator that answers after another has begun to
// lead is not registered with.
func TestLateCoordinatorIsNotJoined(t *testing.T) {
	two, second := mute(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var leads atomic.Value
	leads.Store(l.Addr().String())
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, Options{ID: "w", Bind: "127.0.0.1:0", Clock: fast{time.Now()}, Alloc: mem.Default(), Leader: func(context.Context) (string, error) {
			return leads.Load().(string), nil
		}})
	}()
	raw, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	<-time.After(100 * time.Millisecond) // it hangs: a second of the worker's
	leads.Store(two)
	conn, _, err := peer.Accept(t.Context(), raw, peer.Identity{})
	if err != nil {
		t.Fatal(err)
	}
	var first rpc.ToCoordinator
	if err := peer.NewMessages(conn).Receive(&first, time.Minute); err == nil {
		t.Errorf("a coordinator that was replaced is told %+v", first)
	}
	if r := <-second; r == nil || r.ID != "w" {
		t.Fatalf("%+v", r)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
