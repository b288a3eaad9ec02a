package checkpoint

import (
	"github.com/wadi-engine/wadi/internal/mutant"
	"github.com/wadi-engine/wadi/stream"
)

// Takeover makes a process the owner of a job: a pure machine like Claiming.
//
//	take the next term (a new leader)
//	  └► take the next generation (a new attempt)
//	       └► list the claims: which number is the next?
//	            └► claim it as aborted; while an older owner gets it first,
//	               the number after it
//
// When it has won, no older owner can claim anything: numbers are claimed in
// order, and the next one is gone. What older owners have claimed until then
// is in storage and will be read. The order matters: claims that were listed
// before the generation is taken may be deleted by the older owner meanwhile,
// and an abort that wins one of their numbers again fences nobody.
//
// Of two that start at once, the one with the newer term goes on.
type Takeover struct {
	// Me is who takes over; Generation and Term become known on the way.
	Me Owner
	// NewTerm and NewGeneration say what to take: both at the start of a
	// process, the generation when tasks restart, the term when a standby leads on.
	NewTerm, NewGeneration bool
	// LastTerm and LastGeneration are the highest numbers that a listing
	// showed. They are hints.
	LastTerm       Term
	LastGeneration Generation

	Bugs mutant.Set

	phase   takePhase
	claim   Claiming
	outcome Outcome
}

type takePhase uint8

const (
	takeTerm takePhase = iota
	readTerm
	takeGeneration
	readGeneration
	listClaims
	takeNumber
	takeDone
)

// Begin returns the machine at its first operation.
func (t Takeover) Begin() Takeover {
	switch {
	case t.NewTerm:
		t.Me.Term = t.LastTerm + 1
		t.phase = takeTerm
	default:
		t = t.beginGeneration()
	}
	return t
}

func (t Takeover) beginGeneration() Takeover {
	if !t.NewGeneration {
		return t.beginList()
	}
	t.Me.Generation = t.LastGeneration + 1
	t.phase = takeGeneration
	if t.Bugs.SameGeneration {
		t.Me.Generation = max(1, t.LastGeneration)
	}
	return t
}

func (t Takeover) beginList() Takeover {
	t.phase = listClaims
	return t
}

func (t Takeover) beginClaim(number stream.Epoch) Takeover {
	t.phase = takeNumber
	t.claim = Claiming{Me: t.Me, Epoch: number, Kind: Aborted, Bugs: t.Bugs}
	if t.Bugs.NoFence || t.Bugs.AdoptUnfenced && !t.NewGeneration {
		t.claim.Epoch--
		return t.end(Won)
	}
	return t
}

// Outcome is Won when the job is ours, Fenced when a newer owner was met, and
// Open before.
func (t Takeover) Outcome() Outcome { return t.outcome }

// Number is the epoch that was claimed as aborted, once Won.
func (t Takeover) Number() stream.Epoch { return t.claim.Epoch }

// Op is the next operation, while the outcome is Open.
func (t Takeover) Op() Op {
	switch t.phase {
	case takeTerm:
		return Op{PutIfAbsent, TermFile(t.Me.Term)}
	case readTerm:
		return Op{Get, TermFile(t.Me.Term)}
	case takeGeneration:
		return Op{PutIfAbsent, GenerationFile(t.Me.Generation)}
	case readGeneration:
		return Op{Get, GenerationFile(t.Me.Generation)}
	case listClaims:
		return Op{List, claims}
	case takeNumber:
		return t.claim.Op()
	case takeDone:
	}
	panic("takeover has ended")
}

// Apply is the machine after the reply to Op.
func (t Takeover) Apply(r Reply) Takeover {
	if !r.OK {
		return t
	}
	switch t.phase {
	case takeTerm:
		if r.Found {
			t.phase = readTerm
			return t
		}
		return t.beginGeneration()
	case readTerm:
		// Another process starts at this moment, unless the document is ours:
		// the reply to it was lost.
		if r.Owner.Nonce == t.Me.Nonce {
			return t.beginGeneration()
		}
		return t.end(Fenced)
	case takeGeneration:
		if r.Found && !t.Bugs.SameGeneration {
			t.phase = readGeneration
			return t
		}
		return t.beginList()
	case readGeneration:
		return t.generationTaken(r)
	case listClaims:
		return t.beginClaim(r.Newest + 1)
	case takeNumber:
		return t.claimed(t.claim.Apply(r))
	case takeDone:
	}
	panic("takeover has ended")
}

func (t Takeover) generationTaken(r Reply) Takeover {
	switch {
	case r.Owner == t.Me:
		return t.beginList()
	case r.Owner.Term >= t.Me.Term:
		return t.end(Fenced)
	}
	t.Me.Generation++
	t.phase = takeGeneration
	return t
}

func (t Takeover) claimed(c Claiming) Takeover {
	t.claim = c
	switch c.Outcome() {
	case Won:
		return t.end(Won)
	case Fenced:
		return t.end(Fenced)
	case Taken:
		return t.beginClaim(c.Epoch + 1)
	case Open:
	}
	return t
}

func (t Takeover) end(o Outcome) Takeover {
	t.outcome, t.phase = o, takeDone
	return t
}
