package coordinator

import (
	"errors"
	"fmt"
	"time"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// A checkpoint's flight:
//
//	freezing ──► collecting ──► claiming ──► complete: Confirm, Publish
//	    │  snapshots   │  handles      │ no answer
//	    │  taken,      │  of all       ▼
//	    └─ barriers    └─ timeout, ─► aborting ──► aborted: the next number
//	       injected       declined                  (or complete after all)
//
// None begins before every task of the attempt runs: a task that restores, or waits
// for a slot, could not take part. There is one at a time, and the next begins when the number of the last one
// is settled: numbers are claimed in order.

// stopping says that the job ends with the next checkpoint.
func (m *machine) stopping() bool { return m.stop || m.leaving() }

// allDrained says that no source has a row left: the last barrier is due.
func (m *machine) allDrained() bool {
	drained := len(m.plan.sources) > 0
	for _, t := range m.tasks.all() {
		if drained = drained && (t.source < 0 || t.drained || t.last != nil); !drained {
			break
		}
	}
	return drained && m.phase == running
}

// due is when the next checkpoint begins, or the zero time.
func (s State) due() time.Time {
	m := machine{State: s}
	var at time.Time
	if s.opening > 0 {
		return at // the last that begins to run says so
	}
	if (s.wish() != nil || s.changing()) && !s.stop {
		return s.lastOver
	}
	if s.stop || m.allDrained() {
		if s.failures == 0 {
			return s.lastOver
		}
		return s.lastOver.Add(100 * time.Millisecond << min(s.failures, 6))
	}
	if s.durable && s.interval() > 0 {
		at = s.lastOpen.Add(s.interval())
		if pause := s.lastOver.Add(s.settings.MinPause); pause.After(at) {
			at = pause
		}
	}
	return at
}

// checkpointing starts a checkpoint that is due, and gives up one that takes
// too long.
func (m *machine) checkpointing() {
	if f := m.flight; f != nil {
		if f.stage <= collecting && m.now.Sub(f.began) >= m.timeout() {
			m.abort(fmt.Errorf("checkpoint of epoch %d took longer than %v", f.epoch, m.timeout()))
		}
		return
	}
	at := m.due()
	if at.IsZero() || m.now.Before(at) {
		return
	}
	kind := stream.Checkpoint
	if m.stop {
		kind = stream.Stop
	} else if r := m.wish(); r != nil {
		kind, r.stage = r.want.barrier(), flying
	}
	m.lastOpen = m.now
	m.flight = &flight{epoch: m.next, kind: kind, began: m.now, handles: newPages[*checkpoint.Handle](m.tasks.len())}
	m.do(Freeze{Attempt: m.attempt, Epoch: m.next})
}

// frozen injects the barrier behind the splits that the snapshots do not hold.
func (m *machine) frozen(e Frozen) {
	f := m.flight
	if m.phase != running || e.Attempt != m.attempt || f == nil || f.epoch != e.Epoch || f.stage != freezing {
		return
	}
	if e.Err != nil {
		m.abort(fmt.Errorf("snapshot the sources: %w", e.Err))
		return
	}
	f.stage, f.sources = collecting, e.Sources
	if m.settings.Bugs.GivenForgotten {
		m.forget(f.epoch)
	}
	for i, t := range m.tasks.all() {
		if t.source >= 0 && t.last == nil && !t.gone {
			m.inject(i, m.barrier())
		}
	}
	m.take()
	m.complete()
}

// barrier is that of the flight.
func (m *machine) barrier() stream.Barrier {
	f := m.flight
	b := stream.Barrier{Epoch: f.epoch, Kind: f.kind, Since: stream.Timestamp(f.began.UnixMilli())}
	if m.settings.Unaligned && m.durable && f.kind == stream.Checkpoint && m.gears.wish == "" {
		b.Overtake = b.Since + stream.Timestamp(m.settings.AlignedTimeout.Milliseconds())
	}
	return b
}

// sealed takes the handle of a task. That of a task that has ended stands for
// every later epoch too, even if its own is aborted.
func (m *machine) sealed(task int, r rpc.Sealed) {
	t := m.tasks.edit(task)
	t.failed = false
	if r.Handle.Ended {
		t.last = &r.Handle
	}
	if f := m.flight; f != nil && f.stage <= collecting && f.epoch == r.Epoch {
		*f.handles.edit(task) = &r.Handle
		if m.settings.Bugs.ConfirmBeforeClaim {
			m.send(rpc.Confirm{Epoch: f.epoch})
		}
	}
	m.complete()
}

func (m *machine) declined(task int, r rpc.Declined) {
	t := m.tasks.edit(task)
	t.failed = true
	if f := m.flight; f != nil && f.stage <= collecting && f.epoch == r.Epoch && !m.settings.Bugs.ClaimBeforeUpload {
		m.abort(fmt.Errorf("task %v could not store its state: %w", r.Task, r.Err))
	}
	if errors.Is(r.Err, checkpoint.ErrCorrupt) {
		m.failed(r.Err)
		return
	}
	m.checkGone(t, r.Task)
}

// checkGone restarts a task that has ended, and whose last state could not be stored:
// it is not there to report it again.
func (m *machine) checkGone(t *taskState, id checkpoint.TaskID) {
	if t.gone && t.failed && t.last == nil {
		m.died([]int{m.ordinal[id]}, fmt.Errorf("%w: the last state of task %v is not stored", job.ErrUnavailable, id))
	}
}

// complete offers the manifest for the claim once every task has reported.
func (m *machine) complete() {
	f := m.flight
	if f == nil || f.stage != collecting {
		return
	}
	if !m.settings.Bugs.ClaimBeforeUpload && m.waits(f) {
		return
	}
	handles := make([]checkpoint.Handle, 0, m.tasks.len())
	for i, t := range m.tasks.all() {
		switch {
		case f.handles.at(i) != nil:
			handles = append(handles, *f.handles.at(i))
		case t.last != nil && m.settings.Bugs.EndedForgotten:
		case t.last != nil:
			handles = append(handles, *t.last)
		case m.settings.Bugs.ClaimBeforeUpload && len(handles) > 0:
			handles = append(handles, m.previous(i))
		default:
			return
		}
	}
	f.stage = claiming
	f.manifest = m.newManifest(checkpoint.Complete)
	f.manifest.Pending = map[string][]ops.Pending{}
	for i, uid := range m.plan.sinks {
		if p := m.stage(i, handles, f.epoch); len(p) > 0 {
			f.manifest.Pending[uid] = p
		}
	}
	if m.manifest != nil {
		f.manifest.Parent = m.manifest.Epoch
	}
	for i := range handles {
		handles[i].Committables = nil // they are in Pending
	}
	f.manifest.Name, f.manifest.KeyGroups = m.graph.Name, m.graph.KeyGroups
	f.manifest.Vertices = checkpoint.VerticesOf(m.graph)
	f.manifest.Handles, f.manifest.Sources = handles, f.sources
	if m.settings.Bugs.CommitBeforeClaim {
		m.won()
		m.publish(false)
	}
	m.claim(f.manifest)
}

// waits reports whether the handle of a task is missing.
func (m *machine) waits(f *flight) bool {
	for i, t := range m.tasks.all() {
		if t.last == nil && f.handles.at(i) == nil {
			return true
		}
	}
	return false
}

// previous is the handle of a task in the newest checkpoint, for a bug that
// tests switch on.
func (m *machine) previous(task int) checkpoint.Handle {
	if m.manifest != nil {
		for _, h := range m.manifest.Handles {
			if h.Task == m.ids[task] {
				return h
			}
		}
	}
	return checkpoint.Handle{Task: m.ids[task], Groups: stream.KeyGroupRange{End: stream.KeyGroup(m.graph.KeyGroups)}, Watermark: stream.Start}
}

func (m *machine) newManifest(k checkpoint.Kind) *checkpoint.Manifest {
	return &checkpoint.Manifest{
		Kind: k, Job: m.job, Epoch: m.flight.epoch, Owner: m.owner,
		Created: stream.Timestamp(m.now.UnixMilli()),
	}
}

func (m *machine) claim(doc *checkpoint.Manifest) {
	if !m.durable {
		m.claimed(Claimed{Epoch: doc.Epoch, Kind: doc.Kind})
		return
	}
	m.claiming = true
	m.do(Claim{doc})
}

// abort claims the number of the flight as aborted.
func (m *machine) abort(reason error) {
	f := m.flight
	f.stage, f.reason = aborting, reason
	doc := m.newManifest(checkpoint.Aborted)
	doc.Reason = reason.Error()
	m.claim(doc)
}

func (m *machine) claimed(e Claimed) {
	m.claiming = false
	f := m.flight
	switch {
	case f == nil || f.epoch != e.Epoch:
		panic(fmt.Sprintf("epoch %d is claimed, but not in flight", e.Epoch))
	case errors.Is(e.Err, job.ErrFenced):
		m.fenced(e.Err)
		return
	case e.Err != nil:
		m.unclaimed(e.Err)
		return
	}
	m.flight, m.lastOver, m.next = nil, m.now, e.Epoch+1
	if e.Kind == checkpoint.Aborted {
		m.aborted(f)
		return
	}
	if m.flight = f; e.Standing != nil {
		f.manifest = e.Standing
	}
	m.won()
	m.flight = nil
	m.failures = 0
	m.forget(e.Epoch)
	m.savepointClaimed(f.manifest)
	if m.phase != running {
		return
	}
	m.send(rpc.Confirm{Epoch: e.Epoch})
	switch {
	case m.allEnded():
		m.ending = &ending{state: Finished}
		m.cancel(m.now)
	case f.kind == stream.Stop:
		m.ending = &ending{state: Stopped}
		m.cancel(m.now)
	case m.changing():
		m.cancel(m.now)
	}
}

// won takes over what the claimed manifest says, and lets old checkpoints go.
func (m *machine) won() {
	doc := m.flight.manifest
	m.manifest, m.problem = doc, nil
	m.fruitful()
	for i, uid := range m.plan.sinks {
		k := &m.sinks[i]
		all := doc.Pending[uid]
		for len(all) > 0 && all[0].Epoch <= k.published {
			all = all[1:] // while the claim was made
		}
		k.pending = all
	}
	if !m.durable {
		return
	}
	kept, files := checkpoint.Expire(m.pinned(append(m.retained[:len(m.retained):len(m.retained)], checkpoint.KeptOf(doc))), m.settings.Retained, m.settings.Bugs)
	m.retained = m.unpinned(kept)
	if len(files) > 0 {
		m.do(Delete{files})
	}
}

// aborted goes on after a checkpoint that did not succeed: nothing is lost.
func (m *machine) aborted(f *flight) {
	if m.durable {
		m.retained = append(m.retained[:len(m.retained):len(m.retained)], checkpoint.Kept{Epoch: f.epoch, Kind: checkpoint.Aborted})
	}
	m.problem = f.reason
	if m.savepointLost(f.reason) && m.phase == running {
		m.total++
		m.cancel(m.now) // the sources have stopped
		return
	}
	if m.changing() && m.phase == running {
		m.cancel(m.now) // it was only to be behind the newest rows
		return
	}
	if f.kind == stream.Savepoint || f.restart {
		return
	}
	m.failures++
	if m.phase != running || m.settings.TolerableFailures < 0 || m.failures <= m.settings.TolerableFailures {
		return
	}
	err := fmt.Errorf("%w: %d checkpoints in a row have failed: %w", job.ErrUnavailable, m.failures, f.reason)
	if f.kind == stream.Stop {
		m.end(Canceled, err) // with the checkpoint before
		return
	}
	m.failed(err)
}

// unclaimed goes on after a claim of which nothing is known: the number is
// claimed as aborted, or turns out to hold the manifest.
func (m *machine) unclaimed(err error) {
	if m.flight.stage == claiming {
		m.abort(err)
		return
	}
	// The store does not answer: begin anew when it may.
	m.flight = nil
	m.failed(fmt.Errorf("%w: %w", job.ErrUnavailable, err))
}

// fenced stops everything: the job is another's.
func (m *machine) fenced(err error) {
	m.flight = nil
	if m.phase == running {
		m.send(m.newCancel())
	}
	m.ending = &ending{Fenced, err}
	m.finish(Fenced, err)
}
