package checkpoint

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// Facts are what a process has read of a job that it wants to run. It has
// taken the job over before, so that they do not change under its hands.
type Facts struct {
	// Generation and Term are the highest that were taken, or 0.
	Generation Generation
	Term       Term
	// Epoch is the highest number that was claimed, or 0.
	Epoch stream.Epoch
	// Terminal is the record of the newest generation, or nil.
	Terminal *Terminal
	// Claims are the newest claims, newest first, without gaps, down to the
	// first usable checkpoint, to a gap, or to number 1.
	Claims []Found
	// Published holds, by the UID of each sink, the highest epoch that its
	// target has recorded. It is nil until a decision asks for it.
	Published map[string]stream.Epoch
}

// Found is a claim as it was read.
type Found struct {
	Epoch    stream.Epoch
	Manifest *Manifest
	// Err says why the claim, or a run that it references, cannot be used.
	Err error
}

// Decision is what to do with a job.
//
//sumtype:decl
type Decision interface{ decision() }

type (
	// StartFresh says that nothing was ever claimed.
	StartFresh struct{}
	// Restore goes on from a checkpoint, after publishing what it still
	// holds. Skipped are the newer ones that cannot be used.
	Restore struct {
		Manifest *Manifest
		Skipped  []Found
	}
	// Done says that the job has finished, or that its checkpoints were deleted at
	// its end.
	Done struct{ Terminal Terminal }
	// AskSinks asks to decide again when Facts.Published is known.
	AskSinks struct{}
	// StepDown says that the facts are those of a newer owner.
	StepDown struct{ To Owner }
	// Refuse says that going on would lose or double rows; Err says which.
	Refuse struct{ Err error }
)

func (StartFresh) decision() {}
func (Restore) decision()    {}
func (Done) decision()       {}
func (AskSinks) decision()   {}
func (StepDown) decision()   {}
func (Refuse) decision()     {}

// Decide says how to run the job of which f was read; me is the caller, or the
// zero Owner before it has taken the job over. It is pure.
//
// A checkpoint that cannot be used is passed over for an older one only when
// no sink has published anything later: the rows between would be read, and
// published, once more.
func Decide(me Owner, f Facts) Decision {
	if f.Terminal != nil && (f.Terminal.State == Finished || f.Terminal.Discarded) {
		return Done{*f.Terminal}
	}
	if me.Generation != 0 && (f.Term > me.Term || f.Generation > me.Generation) {
		return StepDown{Owner{Generation: f.Generation, Term: f.Term}}
	}
	var skipped []Found
	for _, c := range f.Claims {
		switch {
		case c.Err != nil:
			skipped = append(skipped, c)
		case me.Generation != 0 && c.Manifest.Fences(me):
			return StepDown{c.Manifest.Owner}
		case c.Manifest.Kind != Aborted:
			return restore(c.Manifest, skipped, f)
		}
	}
	switch {
	case len(skipped) > 0:
		return fallBack(StartFresh{}, 0, skipped, f)
	case f.Epoch > stream.Epoch(len(f.Claims)):
		return Refuse{fmt.Errorf("%w: the checkpoints of the job before epoch %d are gone and no later one is complete; restore another checkpoint by its path",
			job.ErrInvalid, f.Epoch-stream.Epoch(len(f.Claims))+1)}
	}
	return StartFresh{}
}

func restore(m *Manifest, skipped []Found, f Facts) Decision {
	d := Restore{Manifest: m, Skipped: skipped}
	if len(skipped) == 0 {
		return d
	}
	return fallBack(d, m.Epoch, skipped, f)
}

// fallBack allows d, which goes on from epoch e, if nothing later was published.
func fallBack(d Decision, e stream.Epoch, skipped []Found, f Facts) Decision {
	if f.Published == nil {
		return AskSinks{}
	}
	var doubled []string
	for _, uid := range slices.Sorted(maps.Keys(f.Published)) {
		if p := f.Published[uid]; p > e {
			doubled = append(doubled, fmt.Sprintf("sink %s has published up to epoch %d", uid, p))
		}
	}
	if len(doubled) == 0 {
		return d
	}
	return Refuse{fmt.Errorf("%w: %w; going on from epoch %d would double the rows of the epochs after it: %s; put the file back, or restore another checkpoint by its path",
		job.ErrInvalid, skipped[0].Err, e, strings.Join(doubled, ", "))}
}
