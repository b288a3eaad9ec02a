package leader_test

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/coordinator/cluster"
	"github.com/wadi-engine/wadi/coordinator/leader"
	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/internal/objstore"
)

func store(t *testing.T) checkpoint.Store {
	t.Helper()
	stores := objstore.New(objstore.Options{})
	t.Cleanup(func() { _ = stores.Close() })
	b, err := stores.Open(t.Context(), "file://"+t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestOneLeads: of many candidates for a term one wins, and all know which.
func TestOneLeads(t *testing.T) {
	s := store(t)
	for term := range uint64(15) {
		var group sync.WaitGroup
		var wins atomic.Int32
		var mu sync.Mutex
		seen := map[string]bool{}
		for i := range 8 {
			group.Go(func() {
				nonce := string(rune('a' + i))
				r, err := leader.Take(t.Context(), s, leader.Record{Nonce: nonce}, term)
				if err != nil {
					t.Error(err)
					return
				}
				if r.Nonce == nonce {
					wins.Add(1)
				}
				mu.Lock()
				seen[r.Nonce] = true
				mu.Unlock()
			})
		}
		group.Wait()
		if wins.Load() != 1 || len(seen) != 1 {
			t.Fatalf("term %d: %d have won, %v lead", term+1, wins.Load(), seen)
		}
		if r, err := leader.Current(t.Context(), s); err != nil || r.Term != term+1 {
			t.Fatalf("the newest term is %+v, %v", r, err)
		}
	}
}

// TestStandbyLeads: a standby leads when the leader is gone, not before, and the
// old leader learns of it.
func TestStandbyLeads(t *testing.T) {
	s := store(t)
	o := leader.Options{Store: s, Clock: engine.WallClock{}, Log: slog.New(slog.DiscardHandler), Timeout: time.Second}
	serve := func(term uint64) *cluster.Cluster {
		c, err := cluster.Listen(t.Context(), "127.0.0.1:0", cluster.Options{Clock: engine.WallClock{}})
		if err != nil {
			t.Fatal(err)
		}
		c.Lead(term)
		return c
	}
	first := serve(1)
	one, err := leader.Campaign(t.Context(), leader.Record{Nonce: "one", RPC: first.Addr().String()}, o)
	if err != nil || one.Term != 1 {
		t.Fatalf("%+v, %v", one, err)
	}
	followed := make(chan leader.Record, 10)
	won := make(chan leader.Record, 1)
	standby := o
	standby.Follow = func(r leader.Record) { followed <- r }
	go func() {
		r, err := leader.Campaign(t.Context(), leader.Record{Nonce: "two"}, standby)
		if err != nil {
			t.Error(err)
		}
		won <- r
	}()
	if r := <-followed; r.Nonce != "one" {
		t.Fatalf("the standby follows %+v", r)
	}
	deposed := make(chan leader.Record, 1)
	go func() {
		r, err := leader.Reign(t.Context(), one, o, 10*time.Millisecond)
		if err != nil {
			t.Error(err)
		}
		deposed <- r
	}()
	select {
	case r := <-won:
		t.Fatalf("%+v leads beside the first", r)
	case <-deposed:
		t.Fatal("the leader is deposed by nobody")
	default:
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for range 2 {
		select {
		case r := <-won:
			if r.Nonce != "two" || r.Term != 2 {
				t.Errorf("%+v", r)
			}
		case r := <-deposed:
			if r.Term != 2 {
				t.Errorf("deposed by %+v", r)
			}
		case <-ctx.Done():
			t.Fatal("no standby leads within five seconds")
		}
	}
}

// TestOneTermForOneLoss: when the leader of many standbys is gone, one takes the next
// term, and the others follow it although it does not lead at once.
func TestOneTermForOneLoss(t *testing.T) {
	s := store(t)
	o := leader.Options{Store: s, Clock: engine.WallClock{}, Log: slog.New(slog.DiscardHandler), Timeout: time.Second}
	listen := func() *cluster.Cluster {
		c, err := cluster.Listen(t.Context(), "127.0.0.1:0", cluster.Options{Clock: engine.WallClock{}})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	first := listen()
	first.Lead(1)
	if one, err := leader.Campaign(t.Context(), leader.Record{Nonce: "first", RPC: first.Addr().String()}, o); err != nil || one.Term != 1 {
		t.Fatalf("%+v, %v", one, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var standbys sync.WaitGroup
	defer standbys.Wait()
	defer cancel()
	const many = 4
	follow, lead := make(chan leader.Record, 100), make(chan leader.Record, many)
	for i := range many {
		c := listen()
		t.Cleanup(func() { _ = c.Close() })
		mine := o
		mine.Follow = func(r leader.Record) { follow <- r }
		standbys.Go(func() {
			r, err := leader.Campaign(ctx, leader.Record{Nonce: string(rune('a' + i)), RPC: c.Addr().String()}, mine)
			if err != nil {
				return // the test has ended
			}
			<-engine.WallClock{}.After(700 * time.Millisecond) // it reads what there is to take up; longer than a standby tries
			c.Lead(r.Term)
			lead <- r
		})
	}
	for range many {
		if r := <-follow; r.Term != 1 {
			t.Fatalf("a standby follows %+v", r)
		}
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if r := <-lead; r.Term != 2 {
		t.Errorf("%+v leads", r)
	}
	for range many - 1 {
		if r := <-follow; r.Term != 2 {
			t.Errorf("a standby follows %+v", r)
		}
	}
	if r, err := leader.Current(t.Context(), s); err != nil || r.Term != 2 {
		t.Errorf("the newest term is %+v, %v", r, err)
	}
}
