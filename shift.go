package wadi

import (
	"context"
	"fmt"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/job"
)

// Gear is how the tasks of the job live at present.
func (r *Run) Gear() string { return string(r.tasks.gear()) }

// chosenGear is what was asked for last.
func (r *Run) chosenGear() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.chosen
}

// ChangeGear makes the tasks live in another gear while the job runs: pipelined,
// staged or functions. Behind the next checkpoint, which is taken at once, the job
// goes on from there, without a row lost or doubled. It returns when the job has
// taken note. A gear in which nothing succeeds is left again for the one before.
func (r *Run) ChangeGear(ctx context.Context, name string) error {
	g, err := job.ParseGear(name)
	if err != nil {
		return err
	}
	if err := r.shift(ctx, g, "somebody has asked for it"); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.chosen = string(g)
	return nil
}

// shift changes the gear, and says why.
func (r *Run) shift(ctx context.Context, g job.Gear, reason string) error {
	s := coordinator.Shift{To: g, Reason: reason}
	if g.Brief() {
		var err error
		if s.Launcher, err = r.open(ctx, g); err != nil {
			return err
		}
	}
	answers := make(chan error, 1)
	s.Answer = func(err error) { answers <- err }
	select {
	case r.shifts <- s:
	case <-r.done:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case err := <-answers:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-r.done:
		return fmt.Errorf("%w: the job has ended", job.ErrInvalid)
	}
}

// ChangeGear makes the tasks live in another gear.
func (j sessionJob) ChangeGear(ctx context.Context, name string) error {
	return j.session.changeGear(ctx, j.run, name)
}

// ChosenGear is what was asked for last.
func (j sessionJob) ChosenGear() string { return j.run.chosenGear() }

// changeGear changes the gear of a job, and then notes it where another coordinator
// would find it: one that comes between goes on in the gear before.
func (s *Session) changeGear(ctx context.Context, r *Run, name string) error {
	if err := r.ChangeGear(ctx, name); err != nil {
		return err
	}
	g, err := job.ParseGear(name)
	if err != nil {
		return err
	}
	return s.amend(ctx, r, func(d *submittedJob) { d.Config[keyGear] = string(g) })
}
