package checkpoint

import (
	"slices"

	"github.com/wadi-engine/wadi/internal/mutant"
	"github.com/wadi-engine/wadi/stream"
)

// Kept is what retention must know of a claim that stands.
type Kept struct {
	Epoch stream.Epoch
	Kind  Kind
	Files []string // that it references
}

// KeptOf describes a manifest for retention.
func KeptOf(m *Manifest) Kept {
	k := Kept{Epoch: m.Epoch, Kind: m.Kind}
	for _, f := range m.Files() {
		k.Files = append(k.Files, f.Name)
	}
	slices.Sort(k.Files)
	return k
}

// Expire keeps the newest retained checkpoints of claims, which are in epoch
// order, and returns the files to delete for it, in the order in which they
// must go: a manifest before the runs that only it references. Aborted numbers
// go with the checkpoints before them. Savepoints stay.
func Expire(claims []Kept, retained int, bugs mutant.Set) (kept []Kept, files []string) {
	first := len(claims) // the oldest that stays
	for n := 0; first > 0 && n < max(1, retained); {
		first--
		if claims[first].Kind == Complete {
			n++
		}
	}
	for i, c := range claims {
		if i >= first || c.Kind == Owned {
			kept = append(kept, c)
		} else {
			files = append(files, ClaimFile(c.Epoch))
		}
	}
	needed := map[string]bool{}
	for _, c := range kept {
		for _, r := range c.Files {
			needed[r] = true
		}
	}
	if bugs.RetainTooFew {
		clear(needed)
	}
	for _, c := range claims[:first] {
		if c.Kind == Owned {
			continue
		}
		for _, r := range c.Files {
			if !needed[r] {
				needed[r] = true
				files = append(files, r)
			}
		}
	}
	return kept, files
}

// Orphans returns the run files among files that an older generation than g
// wrote and no claim references: left by uploads that were never claimed. All
// claims that stand must be in claims.
func Orphans(files []string, claims []Kept, g Generation) []string {
	needed := map[string]bool{}
	for _, c := range claims {
		for _, r := range c.Files {
			needed[r] = true
		}
	}
	var orphans []string
	for _, f := range files {
		if by, ok := generationOf(f); ok && by < g && !needed[f] {
			orphans = append(orphans, f)
		}
	}
	return orphans
}
