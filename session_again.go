package wadi

import (
	"context"
	"log/slog"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/coordinator/leader"
	"github.com/wadi-engine/wadi/job"
)

// A coordinator that was replaced, and does not know it yet, may start a job again that
// its successor has adopted: that fences the successor, and then it finds that it is
// fenced itself. Neither has the job then. Who leads is said by storage alone, so that
// who leads goes on with it; and one that leads no more gives up no worker.

// leadsStill reports whether this process leads, by the newest record in storage; while
// that cannot be read, it may.
func (s *Session) leadsStill(ctx context.Context) bool {
	term := s.ha.term.Load()
	now, err := leader.Current(ctx, s.ha.store)
	return err != nil || now.Term == term
}

// again goes on with a job that has ended here because another process has fenced it,
// when this one leads.
func (s *Session) again(old *Run, id job.ID) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	select {
	case <-s.Done():
		return
	case <-time.After(time.Second): //nolint:forbidigo // for the other to find that it is fenced
	}
	if s.ha.term.Load() == 0 || !s.leadsStill(ctx) {
		return
	}
	log := s.ha.log.With(slog.String("job", string(id)))
	data, err := s.ha.store.Get(ctx, jobFile(id))
	if err != nil {
		log.Error("a job that another process has fenced does not go on", slog.Any("error", err))
		return
	}
	d, err := s.ha.documents.decode(data)
	if err == nil {
		log.Warn("a job goes on that a process has fenced which does not lead")
		s.jobs.remove(old)
		err = s.resume(ctx, d)
	}
	if err != nil {
		log.Error("a job that another process has fenced does not go on", slog.Any("error", err))
	}
}

// remove forgets a run, which another of the same job follows.
func (j *jobs) remove(r *Run) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i, s := range j.list {
		if s.run == r {
			j.list = append(j.list[:i:i], j.list[i+1:]...)
			return
		}
	}
}

// unlessClosed ends a run that was started while the session was closed.
func (s *Session) unlessClosed(r *Run) {
	select {
	case <-s.Done():
		r.Cancel(coordinator.ErrSuspend)
	default:
	}
}
