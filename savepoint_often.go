package wadi

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/statetable"
	"github.com/wadi-engine/wadi/job"
)

// saving says when a job makes savepoints by itself: at the multiples of a period
// since midnight UTC, and behind them by an offset. That depends on nothing but the
// clock, so that it is the same for whoever leads the job.
type saving struct {
	every, offset time.Duration // every is 0 for never
	kept          int           // of those that it has made
}

// next is the first time behind now.
func (s saving) next(now time.Time) time.Time {
	return now.Add(-s.offset).Truncate(s.every).Add(s.every + s.offset)
}

// savingOften reads when jobs make savepoints by themselves.
func (e *Env) savingOften(checkpoints bool) (saving, error) {
	k := &keyReader{get: e.Config}
	s := saving{every: k.duration(keySavepointEvery), offset: k.duration(keySavepointOffset), kept: k.int(keySavepointRetained)}
	switch {
	case k.err != nil:
		return s, k.err
	case s.every < 0 || s.offset < 0 || s.kept < 1:
		return s, fmt.Errorf("%w: '%s' and '%s': want a positive time, and '%s' 1 or more", job.ErrInvalid, keySavepointEvery, keySavepointOffset, keySavepointRetained)
	case !checkpoints:
		s.every = 0
	case s.every > 0 && e.Config(keyCheckpointDir) == "":
		return s, fmt.Errorf("%w: '%s' needs '%s': a job that takes no checkpoints has no savepoints", job.ErrInvalid, keySavepointEvery, keyCheckpointDir)
	}
	return s, nil
}

// saveOften makes the savepoints of a job until it is told to stop, and waits for
// the one that is being made.
func (e *Env) saveOften(ctx context.Context, r *Run, s saving) (stop func()) {
	if s.every == 0 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			now := time.Now() //nolint:forbidigo // the schedule is of the wall clock
			due := s.next(now)
			timer := time.NewTimer(due.Sub(now)) //nolint:forbidigo // the schedule is of the wall clock
			select {
			case <-timer.C:
				e.saveNow(ctx, r, due, s.kept)
			case <-ctx.Done():
				timer.Stop()
				return
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// saveNow makes one savepoint, and removes the oldest of those of the schedule.
func (e *Env) saveNow(ctx context.Context, r *Run, due time.Time, kept int) {
	id, _, _ := r.state()
	if id == "" {
		return // it has not begun yet
	}
	log := e.log.With(slog.String("job", string(id)))
	of := scheduled(id)
	a, err := r.ask(ctx, coordinator.Request{Want: coordinator.WantSavepoint, Folder: of + due.UTC().Format("20060102T150405.000Z")})
	if err == nil {
		log.Info("savepoint of the schedule", slog.String("path", a.Path))
		err = e.removeScheduled(ctx, r.savepoints(), id, kept)
	}
	if err != nil && ctx.Err() == nil {
		log.Warn("a savepoint of the schedule", slog.Any("error", err))
	}
}

// scheduled is how the names of the folders of a job's savepoints begin which it
// makes by itself. The time follows, so that they are in order.
func scheduled(id job.ID) string { return coordinator.SavepointDir(id, "periodic-") }

// removeScheduled removes the oldest savepoints of a job that were made by the
// schedule, so that some are kept.
func (e *Env) removeScheduled(ctx context.Context, dir string, id job.ID, kept int) error {
	b, err := e.stores.Open(ctx, strings.TrimRight(dir, "/"), nil)
	if err != nil {
		return err
	}
	names, err := b.Dirs(ctx, "")
	if err != nil {
		return err
	}
	names = slices.DeleteFunc(names, func(n string) bool { return !strings.HasPrefix(n, scheduled(id)) })
	var mine []string // the names tell only the first digits of the job's id
	for _, n := range names {
		c, err := statetable.Open(ctx, e.openState, b.URL(n))
		if err == nil && c.Job == id && c.Kind == checkpoint.Owned {
			mine = append(mine, n)
		}
	}
	for _, n := range mine[:max(0, len(mine)-kept)] {
		if err := checkpoint.Dispose(ctx, checkpoint.Sub(b, n)); err != nil {
			return fmt.Errorf("remove savepoint %s: %w", b.URL(n), err)
		}
	}
	return nil
}
