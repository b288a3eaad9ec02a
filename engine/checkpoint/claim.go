package checkpoint

import (
	"github.com/wadi-engine/wadi/internal/mutant"
	"github.com/wadi-engine/wadi/stream"
)

// Claiming claims one number: a pure machine that is asked for the next
// operation and told the reply. It is comparable, so that a model checker can
// tell which of its states it has seen.
//
//	      ┌ won ──────────────────────────► verify: is there a newer
//	put ──┤                                 generation or term?
//	 ▲    └ exists ─► read ─┬ ours ────────►  │        │
//	 │                      ├ theirs, newer ──┼────► Fenced
//	 │                      └ theirs, older ──┼─► Taken
//	 └── no reply, or gone when read          └ no ► Won
//
// Why a claim that has won is verified: retention deletes old claims, and a
// process that slept since before the deletion would win the number again. By
// then its successor has taken a generation or a term, which is never deleted.
type Claiming struct {
	Me    Owner
	Epoch stream.Epoch
	Kind  Kind

	Bugs mutant.Set

	phase claimPhase
	// stands is the kind of our document that holds the number: an abort that
	// follows a manifest whose reply was lost finds that manifest.
	stands  Kind
	outcome Outcome
}

type claimPhase uint8

const (
	claimPut claimPhase = iota
	claimRead
	claimVerifyGeneration
	claimVerifyTerm
	claimDone
)

// Outcome is how a claim ended.
type Outcome uint8

const (
	// Open means that the claim has not ended.
	Open Outcome = iota
	// Won means that the number is ours, as Standing says.
	Won
	// Taken means that an older owner has the number.
	Taken
	// Fenced means that a newer owner has taken the job over; this one must stop.
	Fenced
)

func (o Outcome) String() string { return [...]string{"open", "won", "taken", "fenced"}[o] }

// Verb is what an operation asks of the store.
type Verb uint8

// The verbs of Store that the machines need.
const (
	PutIfAbsent Verb = iota
	Get
	List
)

// Op is an operation on one file, or on all whose names begin with File.
type Op struct {
	Verb Verb
	File string
}

// Reply is what the store answered.
type Reply struct {
	// OK is false when it is not known what happened. The machine tries again.
	OK bool
	// Found says of PutIfAbsent that the file was there already, and of Get
	// that it is there.
	Found bool
	// Owner and Kind are what Get read; a file that cannot be read has the
	// zero Owner, which is older than any.
	Owner Owner
	Kind  Kind
	// Newest is the highest number that List saw claimed, or 0.
	Newest stream.Epoch
}

// Outcome reports how the claim ended, or Open.
func (c Claiming) Outcome() Outcome { return c.outcome }

// Standing is the kind of our document that holds the number, once Won.
func (c Claiming) Standing() Kind { return c.stands }

// Op is the next operation, while the outcome is Open.
func (c Claiming) Op() Op {
	switch c.phase {
	case claimPut:
		return Op{PutIfAbsent, ClaimFile(c.Epoch)}
	case claimRead:
		return Op{Get, ClaimFile(c.Epoch)}
	case claimVerifyGeneration:
		return Op{Get, GenerationFile(c.Me.Generation + 1)}
	case claimVerifyTerm:
		return Op{Get, TermFile(c.Me.Term + 1)}
	case claimDone:
	}
	panic("claim has ended")
}

// Apply is the machine after the reply to Op.
func (c Claiming) Apply(r Reply) Claiming {
	if !r.OK {
		return c
	}
	switch c.phase {
	case claimPut:
		if r.Found {
			c.phase = claimRead
			if c.Bugs.LostClaimWon {
				c = c.won(c.Kind)
			}
			return c
		}
		return c.won(c.Kind)
	case claimRead:
		return c.read(r)
	case claimVerifyGeneration:
		if r.Found {
			return c.end(Fenced)
		}
		c.phase = claimVerifyTerm
		return c
	case claimVerifyTerm:
		if r.Found {
			return c.end(Fenced)
		}
		return c.end(Won)
	case claimDone:
	}
	panic("claim has ended")
}

func (c Claiming) read(r Reply) Claiming {
	switch {
	case !r.Found:
		c.phase = claimPut
		return c
	case r.Owner == c.Me:
		return c.won(r.Kind)
	case r.Owner.Fences(c.Me):
		return c.end(Fenced)
	}
	return c.end(Taken)
}

func (c Claiming) won(k Kind) Claiming {
	c.stands, c.phase = k, claimVerifyGeneration
	if c.Bugs.NoVerify || c.Bugs.NoFence || c.Bugs.AdoptUnfenced || c.Bugs.LostClaimWon || c.Bugs.SameGeneration {
		return c.end(Won)
	}
	return c
}

func (c Claiming) end(o Outcome) Claiming {
	c.outcome, c.phase = o, claimDone
	return c
}
