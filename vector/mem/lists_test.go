package mem

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// Lists are what slices are, and use blocks again that were given back.
func TestLists(t *testing.T) {
	type element struct {
		key uint64
		id  uint32
	}
	l := NewLists[element](New(Options{}))
	defer l.Free()
	rng := rand.New(rand.NewPCG(1, 2))
	lists, want := make([]List, 50), make([][]element, 50)
	size := 0
	for round := range 20_000 {
		g := rng.IntN(len(lists))
		p := &lists[g]
		e := element{key: rng.Uint64(), id: uint32(round)}
		switch n := len(want[g]); {
		case rng.IntN(40) == 0:
			l.Clear(p)
			want[g] = nil
		case rng.IntN(40) == 0:
			want[g] = slices.Repeat([]element{e}, rng.IntN(9))
			l.Set(p, want[g])
		case n > 0 && rng.IntN(20) == 0:
			l.Cut(p, n-1)
			want[g] = want[g][:n-1]
		case n > 0 && rng.IntN(4) == 0:
			at := rng.IntN(n)
			l.Remove(p, at)
			want[g] = slices.Delete(want[g], at, at+1)
		case rng.IntN(2) == 0:
			l.Append(p, e)
			want[g] = append(want[g], e)
		default:
			at := rng.IntN(n + 1)
			l.Insert(p, at, e)
			want[g] = slices.Insert(want[g], at, e)
		}
		if got := l.Of(p); !slices.Equal(got, want[g]) || p.Len() != len(got) {
			t.Fatalf("round %d: list %d is %v, want %v", round, g, got, want[g])
		}
		if round == 10_000 {
			size = l.region.Len()
		}
	}
	if l.region.Len() > 2*size {
		t.Errorf("%d bytes after half of the rounds, and %d in the end", size, l.region.Len())
	}
}

func TestListClasses(t *testing.T) {
	for n := 1; n < 10_000; n++ {
		class := classOfList(n)
		if size := sizeOfList(class); size < n || class > 1 && sizeOfList(class-1) >= n {
			t.Fatalf("%d elements are of class %d, which has %d", n, class, size)
		}
	}
}
