package coordinator

import (
	"errors"
	"fmt"
	"time"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/job"
)

// A job that runs changes gear as it is rescaled: behind a checkpoint its tasks
// are cancelled, and the next attempt begins from there in the other gear.
//
//	pipelined: wish ─► checkpoint, which never overtakes rows ─► cancel ─► begin
//	brief:     wish ─► the epoch that runs ends, or is late and dropped ─► cancel ─► begin
//
// In a brief gear, staged or functions, nothing lives between two epochs: the
// newest checkpoint is all that there is. A gear in which nothing succeeds is left
// again: without a checkpoint of its own, its failures lead back to the gear before.

// fruitless is how often a new gear may fail before its first checkpoint.
const fruitless = 3

// unlimited is the timeout of a checkpoint whose barrier starts the work: an
// epoch may take long.
const unlimited = 100 * 365 * 24 * time.Hour

// GearRequested says that the tasks are to live in another gear, and why.
type GearRequested struct {
	Gear   job.Gear
	Reason string
}

func (GearRequested) event() {}

// gears is in which gear a job is, and in which it is to be.
type gears struct {
	at     job.Gear // of this attempt
	wish   job.Gear // of the next, or ""
	reason string   // of the wish
	// former is the gear before, until a checkpoint has succeeded in this one.
	former job.Gear
	failed int // attempts in this gear, without a checkpoint
	// back says that the wish is for the gear before.
	back bool
}

// changing reports whether the next attempt is not as this one.
func (s State) changing() bool { return s.scaled != nil || s.gears.wish != "" }

// timeout is for how long a checkpoint may take.
func (s State) timeout() time.Duration {
	if s.gears.at.Brief() {
		return unlimited
	}
	return s.settings.Timeout
}

// interval is the time between the starts of two checkpoints, or 0.
func (s State) interval() time.Duration {
	if s.gears.at.Brief() && s.bounded {
		return 0 // the epoch ends when all is read
	}
	return s.settings.Interval
}

// shiftable says why a job cannot change to a gear now.
func (s State) shiftable(to job.Gear) error {
	m := machine{State: s}
	switch {
	case !s.durable:
		return fmt.Errorf("%w: the job takes no checkpoints, from which it could go on: set 'execution.checkpointing.dir' before it is started", job.ErrInvalid)
	case s.ending != nil || s.phase == settling || s.phase == recording || s.phase == over:
		return fmt.Errorf("%w: the job has ended, or is about to", job.ErrInvalid)
	case m.stopping():
		return fmt.Errorf("%w: the job is about to stop", job.ErrUnavailable)
	case to.Brief() && !s.bounded && s.settings.Interval == 0:
		return unpaced(to)
	}
	return nil
}

// unpaced refuses a brief gear for sources without an end when nobody has said how
// long an epoch is.
func unpaced(g job.Gear) error {
	return fmt.Errorf("%w: a source does not end: set 'execution.checkpointing.interval', which is the length of an epoch in the %s gear", job.ErrInvalid, g)
}

// shift notes the wish for another gear.
func (m *machine) shift(e GearRequested) {
	if m.shiftable(e.Gear) != nil {
		return
	}
	if m.gears.wish = e.Gear; e.Gear == m.gears.at {
		m.gears.wish = "" // an earlier wish is taken back
	}
	m.gears.reason, m.gears.back, m.wished = e.Reason, false, m.now
}

// shifted makes the attempt that begins one of the gear that is wished for.
func (m *machine) shifted() {
	g := &m.gears
	if g.wish == "" {
		return
	}
	if g.former = g.at; g.back {
		g.former = ""
	}
	g.at, g.wish, g.failed, g.back = g.wish, "", 0, false
}

// hasten lets a job change whose tasks live for an epoch only: at once between two
// epochs, and behind one that runs unless it takes too long. A job that stops
// has its last epoch first.
func (m *machine) hasten() {
	if !m.gears.at.Brief() || !m.changing() || m.phase != running || m.stopping() {
		return
	}
	f := m.flight
	if f == nil || f.stage == freezing || f.stage == collecting && !m.now.Before(m.wished.Add(m.settings.LateEpoch)) {
		m.cancel(m.now)
	}
}

// hastens is when hasten drops the epoch that runs, or the zero time.
func (s State) hastens() (at time.Time) {
	if s.gears.at.Brief() && s.changing() && s.flight != nil && s.flight.stage == collecting {
		at = s.wished.Add(s.settings.LateEpoch)
	}
	return at
}

// fruitful notes that a checkpoint has succeeded in this gear.
func (m *machine) fruitful() { m.gears.former, m.gears.failed = "", 0 }

// goBack turns to the gear before when nothing succeeds in this one: it cannot be
// carried out, it has failed too often, or the restart strategy allows no more.
func (m *machine) goBack(err error) bool {
	g := &m.gears
	if g.former == "" || m.ending != nil || m.stopping() || errors.Is(err, checkpoint.ErrCorrupt) || errors.Is(err, job.ErrFenced) {
		return false
	}
	g.failed++
	peek := *m
	if _, again := peek.nextRestart(); again && g.failed < fruitless && !errors.Is(err, job.ErrInvalid) {
		return false
	}
	g.wish, g.back = g.former, true
	g.reason = fmt.Sprintf("nothing succeeds in the %s gear: %v", g.at, err)
	m.total++
	return true
}

// adoptGear goes on with tasks that a coordinator has left, which are pipelined: a
// job that was to be in another gear then changes to it.
func (m *machine) adoptGear() {
	if g := &m.gears; g.at.Brief() {
		g.wish, g.reason = g.at, "its coordinator was lost before it had changed"
		g.at, m.wished = job.Pipelined, m.now
	}
}
