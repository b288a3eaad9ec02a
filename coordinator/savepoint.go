package coordinator

import (
	"fmt"
	"slices"
	"time"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// A checkpoint that somebody has asked for is one like any other, at once. A
// savepoint is then copied to where it belongs to the user, when everything that
// it does not hold is published: two jobs may go on from it, and none of its
// rows is left to the job that has made it.
//
//	waiting ──► flying ──► publishing ──► exporting ──► answered
//	    │         │  claimed    │  all sinks    │  copied
//	    └─────────┴─────────────┴──── failed ───┴────► answered with an error
//
// A job that is to stop goes on when its savepoint fails: its tasks restart.

// Want is what somebody wants of a running job.
type Want uint8

const (
	// WantCheckpoint wants a checkpoint now.
	WantCheckpoint Want = iota
	// WantSavepoint wants a savepoint; the job goes on.
	WantSavepoint
	// WantStop wants the job to end with a savepoint.
	WantStop
	// WantDrain wants the job to end as if its input had: windows fire, and then
	// a savepoint is made, from which nothing can go on.
	WantDrain
)

func (w Want) String() string { return [...]string{"checkpoint", "savepoint", "stop", "drain"}[w] }

// noun is what is made.
func (w Want) noun() string {
	if w == WantCheckpoint {
		return "checkpoint"
	}
	return "savepoint"
}

// ends reports whether the job does not go on.
func (w Want) ends() bool { return w == WantStop || w == WantDrain }

// barrier is the kind of the barrier that carries the wish to the tasks.
func (w Want) barrier() stream.BarrierKind {
	return [...]stream.BarrierKind{stream.Checkpoint, stream.Savepoint, stream.Stop, stream.Drain}[w]
}

// request is a wish that is not answered yet.
type request struct {
	id       uint64
	want     Want
	target   string // the directory of savepoints
	stage    requestStage
	manifest *checkpoint.Manifest // once it is claimed
	deadline time.Time            // from then on
}

type requestStage uint8

const (
	waiting requestStage = iota
	flying
	publishing
	exporting
)

// maxRequests is how many wishes may wait.
const maxRequests = 32

func (m *machine) requested(e SavepointRequested) {
	refuse := func(format string, args ...any) {
		m.do(Answer{ID: e.ID, Err: fmt.Errorf("%w: "+format, append([]any{job.ErrUnavailable}, args...)...)})
	}
	switch {
	case m.phase != running || m.ending != nil:
		refuse("the job is not running: it is %v", statusOf(m.State))
	case m.stop || m.leaving():
		refuse("the job is about to stop")
	case len(m.requests) >= maxRequests:
		refuse("%d checkpoints and savepoints are waited for", len(m.requests))
	case !m.durable:
		m.do(Answer{ID: e.ID, Err: fmt.Errorf("%w: the job takes no checkpoints: set 'execution.checkpointing.dir' before it is started", job.ErrInvalid)})
	default:
		m.requests = append(m.requests, request{id: e.ID, want: e.Want, target: e.Target})
	}
}

// wish is the request that the next checkpoint is for, or nil.
func (s State) wish() *request {
	for i := range s.requests {
		if s.requests[i].stage == waiting {
			return &s.requests[i]
		}
	}
	return nil
}

// leaving reports whether the job ends with a savepoint that is asked for.
func (s State) leaving() bool {
	return slices.ContainsFunc(s.requests, func(r request) bool { return r.want.ends() })
}

// saving reports whether a savepoint is claimed and not yet the user's.
func (s State) saving() bool {
	return slices.ContainsFunc(s.requests, func(r request) bool { return r.stage >= publishing })
}

// inFlight is the request whose checkpoint is being taken, or nil.
func (s State) inFlight() *request {
	for i := range s.requests {
		if s.requests[i].stage == flying {
			return &s.requests[i]
		}
	}
	return nil
}

// answer ends a request.
func (m *machine) answer(r request, a Answer) {
	m.requests = slices.DeleteFunc(m.requests, func(o request) bool { return o.id == r.id })
	a.ID = r.id
	m.do(a)
}

// savepointClaimed goes on with the request of a checkpoint that stands.
func (m *machine) savepointClaimed(doc *checkpoint.Manifest) {
	r := m.inFlight()
	if r == nil {
		return
	}
	if r.want == WantCheckpoint {
		m.answer(*r, Answer{Epoch: doc.Epoch})
		return
	}
	r.stage, r.manifest, r.deadline = publishing, doc, m.now.Add(m.timeout())
}

// savepointLost fails the request of a checkpoint that was not made. It reports
// whether the job was to end with it: its sources have stopped.
func (m *machine) savepointLost(reason error) bool {
	r := m.inFlight()
	if r == nil {
		return false
	}
	ends := r.want.ends()
	m.answer(*r, Answer{Err: fmt.Errorf("%w: the %s was not made: %w", job.ErrUnavailable, r.want.noun(), reason)})
	return ends
}

// save moves on what is claimed: it is exported when the sinks hold everything.
func (m *machine) save() {
	for _, r := range slices.Clone(m.requests) {
		switch {
		case r.stage != publishing || r.want.ends() && m.phase != settling:
		case m.isPublished(r.manifest.Epoch):
			i := slices.IndexFunc(m.requests, func(o request) bool { return o.id == r.id })
			m.requests[i].stage = exporting
			m.do(Export{ID: r.id, Manifest: r.manifest, Target: r.target})
		case !m.now.Before(r.deadline) && !r.want.ends():
			m.answer(r, Answer{Err: fmt.Errorf("%w: the rows before the savepoint could not be published in %v", job.ErrUnavailable, m.timeout())})
		}
	}
}

// isPublished reports whether every row up to an epoch is in its target.
func (m *machine) isPublished(e stream.Epoch) bool {
	return !slices.ContainsFunc(m.sinks, func(k sinkState) bool { return len(k.pending) > 0 && k.pending[0].Epoch <= e })
}

func (m *machine) exported(e Exported) {
	i := slices.IndexFunc(m.requests, func(r request) bool { return r.id == e.ID })
	if i < 0 {
		return // given up
	}
	r := m.requests[i]
	if e.Err == nil {
		m.answer(r, Answer{Epoch: r.manifest.Epoch, Path: e.Path})
		return
	}
	err := fmt.Errorf("store the savepoint: %w", e.Err)
	m.answer(r, Answer{Err: err})
	if r.want == WantStop && m.phase == settling && m.ending.state == Stopped {
		m.accuse(err)
		m.ending, m.phase, m.resumeAt = nil, pausing, m.now
		m.total++
	}
}

// refuse fails all requests: those that are not claimed when tasks restart, and
// all when the job ends without them.
func (m *machine) refuse(err error, claimed bool) {
	for _, r := range slices.Clone(m.requests) {
		if claimed || r.stage < publishing {
			m.answer(r, Answer{Err: fmt.Errorf("%w: the %s was not made: %w", job.ErrUnavailable, r.want.noun(), err)})
		}
	}
}

// pinned is claims as retention sees them: what is being copied stays.
func (s State) pinned(claims []checkpoint.Kept) []checkpoint.Kept {
	if !s.saving() {
		return claims
	}
	return s.kinds(claims, checkpoint.Owned)
}

// unpinned undoes it.
func (s State) unpinned(claims []checkpoint.Kept) []checkpoint.Kept {
	if !s.saving() {
		return claims
	}
	return s.kinds(claims, checkpoint.Complete)
}

// kinds sets the kind of what is being copied.
func (s State) kinds(claims []checkpoint.Kept, k checkpoint.Kind) []checkpoint.Kept {
	claims = slices.Clone(claims)
	for i := range claims {
		for _, r := range s.requests {
			if r.manifest != nil && r.manifest.Epoch == claims[i].Epoch {
				claims[i].Kind = k
			}
		}
	}
	return claims
}
