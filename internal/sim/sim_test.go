package sim_test

import (
	"flag"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/wadi-engine/wadi/internal/mutant"
	"github.com/wadi-engine/wadi/internal/sim"
)

var (
	seeds = flag.Uint64("seeds", 500, "how many seeds to try; for a mutant 8000 at most, until it is found")
	first = flag.Uint64("first", 1, "the first of them")
)

// each calls f for so many seeds, on two threads.
func each(seeds uint64, f func(seed uint64) (more bool)) {
	var (
		wg   sync.WaitGroup
		next atomic.Uint64
	)
	for range 2 {
		wg.Go(func() {
			for {
				n := next.Add(1) - 1
				if n >= seeds || !f(*first+n) {
					next.Store(seeds)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestSim(t *testing.T) {
	each(*seeds, func(seed uint64) bool {
		if err := sim.Run(seed, mutant.Set{}); err != nil {
			t.Errorf("%v\ngo test ./internal/sim -run Sim -first %d -seeds 1", err, seed)
			return false
		}
		return true
	})
}

// TestSimFleet runs the job on a cluster whose leaders, nodes and network fail.
func TestSimFleet(t *testing.T) {
	each(*seeds, func(seed uint64) bool {
		if err := sim.RunFleet(seed, mutant.Set{}); err != nil {
			t.Errorf("%v\ngo test ./internal/sim -run SimFleet -first %d -seeds 1", err, seed)
			return false
		}
		return true
	})
}

// TestDeterministic runs seeds twice.
func TestDeterministic(t *testing.T) {
	for seed := range uint64(20) {
		a, b := sim.Run(seed, mutant.Set{NoFence: true}), sim.Run(seed, mutant.Set{NoFence: true})
		if fmt.Sprint(a) != fmt.Sprint(b) {
			t.Fatalf("seed %d: %v, then %v", seed, a, b)
		}
	}
}

// TestMutants switches on the bugs of the protocol, one by one: each is found.
func TestMutants(t *testing.T) {
	bugs := reflect.TypeFor[mutant.Set]()
	for i := range bugs.NumField() {
		live := sim.Run
		switch bugs.Field(i).Tag.Get("found") {
		case "model", "steps":
			continue
		case "fleet":
			live = sim.RunFleet
		}
		t.Run(bugs.Field(i).Name, func(t *testing.T) {
			var set mutant.Set
			reflect.ValueOf(&set).Elem().Field(i).SetBool(true)
			var mu sync.Mutex
			found := ""
			each(max(*seeds, 8000), func(seed uint64) bool {
				err := live(seed, set)
				mu.Lock()
				defer mu.Unlock()
				if err != nil && found == "" {
					found = fmt.Sprintf("seed %d: %v", seed, err)
				}
				return found == ""
			})
			if found == "" {
				t.Error("not found")
			}
			t.Log(found)
		})
	}
}
