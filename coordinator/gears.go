package coordinator

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/wadi-engine/wadi/job"
)

// Gears are what the tasks of a job run on in each gear.
type Gears struct {
	At job.Gear // in which it begins; "" means pipelined
	// Pipelined runs tasks that live long; nil when the job cannot be in that gear.
	Pipelined Worker
	// Launchers run the stages of the brief gears. One that is missing comes with
	// the Shift to its gear.
	Launchers map[job.Gear]Launcher
}

// Shift wants a job to change gear while it runs.
type Shift struct {
	To job.Gear
	// Launcher runs stages in a brief gear in which the job has not been.
	Launcher Launcher
	// Reason is for those who read why.
	Reason string
	// Answer is called once, unless the job ends before it has seen the wish: nil
	// when it has taken note. It must not wait.
	Answer func(error)
}

// RunGears runs a job as Run does, in the gear that it begins in and, from checkpoint
// to checkpoint, in those that Job.Shifts wishes for.
//
// In a brief gear no task lives longer than an epoch, and between the stages of one
// there is only storage. A job whose sources all end is done in one epoch, or in
// epochs of Settings.EpochRows per source task, one after the other. A job with a
// source that does not end takes an epoch per Settings.Interval, which it then needs.
// A stage that fails fails the attempt: the epoch is run again, as a whole and
// under a new number, as the restart strategy allows.
func RunGears(ctx context.Context, j Job, g Gears, h Host) (Result, error) {
	j = logged(j)
	if g.At == "" {
		g.At = job.Pipelined
	}
	d := &driver{Job: j, host: h, gear: g.At, workers: make(map[job.Gear]Worker), life: context.WithoutCancel(ctx)}
	d.holder, _ = g.Pipelined.(Holder)
	if g.Pipelined != nil {
		d.workers[job.Pipelined] = g.Pipelined
	}
	for gear, l := range g.Launchers {
		d.workers[gear] = d.stages(l)
	}
	if d.worker = d.workers[g.At]; d.worker == nil {
		return Result{}, fmt.Errorf("%w: nothing runs tasks in the %s gear", job.ErrInvalid, g.At)
	}
	if g.At.Brief() && j.Store == nil {
		return Result{}, fmt.Errorf("%w: the %s gear needs a checkpoint directory", job.ErrInvalid, g.At)
	}
	return d.run(ctx)
}

// logged lets nothing be logged when nobody listens.
func logged(j Job) Job {
	if j.Log == nil {
		j.Log = slog.New(slog.DiscardHandler)
	}
	return j
}

// stages is a worker for a brief gear.
func (d *driver) stages(l Launcher) *stages {
	w := &stages{ctx: d.life, launcher: l, host: d.host, store: d.Store, rows: d.Settings.EpochRows, log: d.Log, bugs: d.Settings.Bugs}
	if !d.bounded() {
		w.wait = d.Settings.Interval
	}
	return w
}

// sweepStages deletes the channels of an epoch that came to nothing before the job
// ended: no other follows that would find them.
func (d *driver) sweepStages(ctx context.Context, r Result) {
	if r.State == Fenced || r.State == Left {
		return // they are another's
	}
	for _, w := range d.workers {
		if s, ok := w.(*stages); ok && s.running != nil {
			s.sweep(ctx, d.id, d.state.next)
			return
		}
	}
}

// bounded reports whether every source ends; they are open.
func (d *driver) bounded() bool {
	for _, s := range d.sources {
		if !s.Bounded() {
			return false
		}
	}
	return true
}

// pace checks that somebody has said how long an epoch is, where the source does
// not, and tells it to the stages that were there before the sources.
func (d *driver) pace() error {
	if d.gear.Brief() && !d.bounded() && d.Settings.Interval == 0 {
		return unpaced(d.gear)
	}
	for _, w := range d.workers {
		if s, ok := w.(*stages); ok && !d.bounded() {
			s.wait = d.Settings.Interval
		}
	}
	return nil
}

// listenShifts turns wishes for another gear into messages.
func (d *driver) listenShifts() {
	d.host.Go(func() {
		for {
			select {
			case s := <-d.Shifts:
				d.host.Post(s)
			case <-d.io.Done():
				return
			}
		}
	})
}

// wish makes a wish for another gear an event.
func (d *driver) wish(s Shift) Event {
	err := d.state.shiftable(s.To)
	switch {
	case err != nil:
	case d.workers[s.To] != nil:
	case s.Launcher != nil && s.To.Brief():
		d.workers[s.To] = d.stages(s.Launcher)
	default:
		err = fmt.Errorf("%w: nothing runs tasks in the %s gear", job.ErrInvalid, s.To)
	}
	if s.Answer != nil {
		s.Answer(err)
	}
	if err != nil {
		return Tick{}
	}
	d.Log.Info("another gear is wished for", slog.String("gear", string(s.To)), slog.String("now", string(d.gear)), slog.String("reason", s.Reason))
	return GearRequested{Gear: s.To, Reason: s.Reason}
}

// engage lets the worker of a gear have the commands from now on. No task runs.
func (d *driver) engage(g job.Gear) {
	if d.gear != g {
		d.Log.Info("the job changes gear", slog.String("gear", string(g)), slog.String("before", string(d.gear)), slog.String("reason", d.state.gears.reason))
	}
	d.gear, d.worker = g, d.workers[g]
}
