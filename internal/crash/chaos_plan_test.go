package crash

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// kind is a kind of fault.
type kind int

const (
	killLeader kind = iota
	killStandby
	killWorker
	pauseLeader
	pauseWorker
	cutLeader
	holdLeader
	cutWorker
	holdWorker
	fillDisk
	slowStore
)

// kinds tell what each fault is, and how long it lasts.
var kinds = [...]struct {
	name        string
	least, most time.Duration
}{
	killLeader:  {"the leader is killed", time.Second, 8 * time.Second},
	killStandby: {"a standby is killed", time.Second, 8 * time.Second},
	killWorker:  {"a worker is killed", time.Second, 8 * time.Second},
	pauseLeader: {"the leader stands still", time.Second, 30 * time.Second},
	pauseWorker: {"a worker stands still", time.Second, 30 * time.Second},
	cutLeader:   {"connections to the leader are cut", 0, 6 * time.Second},
	holdLeader:  {"nothing passes to the leader", time.Second, 15 * time.Second},
	cutWorker:   {"connections for data to a worker are cut", 0, 6 * time.Second},
	holdWorker:  {"nothing passes to a worker's port for data", time.Second, 15 * time.Second},
	fillDisk:    {"the disk of a worker is full", 2 * time.Second, 15 * time.Second},
	slowStore:   {"the store is slow and throttles", 2 * time.Second, 15 * time.Second},
}

// fault is one fault of a plan.
type fault struct {
	at, lasts time.Duration
	kind      kind
	who       int // the first choice among those that it may befall
}

func (f fault) String() string {
	return fmt.Sprintf("%7.1fs for %4.1fs: %s", f.at.Seconds(), f.lasts.Seconds(), kinds[f.kind].name)
}

// plan is what happens in a run: a function of the seed. Every kind comes once
// before any comes again.
func plan(seed uint64, total time.Duration, of []kind) (all []fault) {
	rnd := rand.New(rand.NewPCG(seed, 7))
	between := func(least, most time.Duration) time.Duration {
		return least + time.Duration(rnd.Int64N(int64(most-least)))
	}
	var bag []kind
	for at := between(2*time.Second, 3*time.Second); at < total; at += between(2*time.Second, 8*time.Second) {
		if len(bag) == 0 {
			bag = slices.Clone(of)
			rnd.Shuffle(len(bag), func(i, j int) { bag[i], bag[j] = bag[j], bag[i] })
		}
		k := kinds[bag[0]]
		most := max(k.least+time.Second, min(k.most, total/3)) // short runs have short faults
		all = append(all, fault{at: at, kind: bag[0], who: rnd.IntN(12), lasts: between(k.least, most)})
		bag = bag[1:]
	}
	return all
}

// every is all kinds.
func every() (all []kind) {
	for k := range kinds {
		all = append(all, kind(k))
	}
	return all
}

// TestChaosPlan: a seed gives the same faults again, and none but those of its time.
func TestChaosPlan(t *testing.T) {
	one, two := plan(5, 10*time.Minute, every()), plan(5, 10*time.Minute, every())
	if !slices.Equal(one, two) || len(one) < 60 || slices.Equal(one, plan(6, 10*time.Minute, every())) {
		t.Errorf("%v\n%v", one, two)
	}
	seen := map[kind]int{}
	for _, f := range one {
		seen[f.kind]++
		if f.at > 10*time.Minute || f.lasts < kinds[f.kind].least || f.lasts > kinds[f.kind].most+time.Second {
			t.Error(f)
		}
	}
	for k := range kinds {
		if seen[kind(k)] < len(one)/len(kinds) {
			t.Errorf("%s comes %d times", kinds[k].name, seen[kind(k)])
		}
	}
}
