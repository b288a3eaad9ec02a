package wadi

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

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
// staged, functions, or auto, by which the job chooses. Behind the next checkpoint,
// which is taken at once, the job goes on from there, without a row lost or doubled.
// It returns when the job has taken note. A gear in which nothing succeeds is left
// again for the one before.
func (r *Run) ChangeGear(ctx context.Context, name string) error {
	if strings.EqualFold(name, automatic) {
		return r.choose()
	}
	g, err := job.ParseGear(name)
	if err != nil {
		return fmt.Errorf("%w, or %s", err, automatic)
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
	return s.amendGear(ctx, r)
}

// inGear is told that the job has changed gear. One that went back from the gear
// that was asked for is left where it is.
func (r *Run) inGear(g job.Gear) {
	l, ok := r.history.Life()
	r.mu.Lock()
	if ok && r.chosen != automatic && len(l.Shifts) > 0 && l.Shifts[0].Back {
		r.chosen = string(g)
	}
	r.mu.Unlock()
	if r.shifted != nil {
		r.shifted(r)
	}
}

// amendGear notes in which gear a job is, and which was asked for, where another
// coordinator would find it.
func (s *Session) amendGear(ctx context.Context, r *Run) error {
	return s.amend(ctx, r, func(d *submittedJob) { d.Config[keyGear], d.Gear = r.chosenGear(), r.tasks.gear() })
}

// gearChanged notes the gear beside what called it.
func (s *Session) gearChanged(r *Run) {
	if s.ha == nil {
		return
	}
	s.group.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.amendGear(ctx, r); err != nil && r.running() {
			s.ha.log.Warn("the gear of a job is not stored", slog.String("job_name", r.Name()), slog.Any("error", err))
		}
	})
}
