package rank

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// Lists are what slices are, and use blocks again that were given back.
func TestLists(t *testing.T) {
	l := newLists()
	defer l.close()
	rng := rand.New(rand.NewPCG(1, 2))
	parts, want := make([]partition, 50), make([][]entry, 50)
	size := 0
	for round := range 20_000 {
		g := rng.IntN(len(parts))
		p := &parts[g]
		switch n := len(want[g]); {
		case rng.IntN(40) == 0:
			l.clear(p)
			want[g] = nil
		case n > 0 && rng.IntN(4) == 0:
			at := rng.IntN(n)
			l.remove(p, at)
			want[g] = slices.Delete(want[g], at, at+1)
		default:
			at, e := rng.IntN(n+1), entry{key: rng.Uint64(), id: uint32(round)}
			l.insert(p, at, e)
			want[g] = slices.Insert(want[g], at, e)
		}
		if got := l.rows(p); !slices.Equal(got, want[g]) {
			t.Fatalf("round %d: partition %d is %v, want %v", round, g, got, want[g])
		}
		if round == 10_000 {
			size = l.region.Len()
		}
	}
	if l.region.Len() > 2*size {
		t.Errorf("%d bytes after half of the rounds, and %d in the end", size, l.region.Len())
	}
}

func TestClasses(t *testing.T) {
	for n := 1; n < 10_000; n++ {
		class := classOf(n)
		if size := sizeOf(class); size < n || class > 1 && sizeOf(class-1) >= n {
			t.Fatalf("%d entries are of class %d, which has %d", n, class, size)
		}
	}
}
