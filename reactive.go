package wadi

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/sql"
)

// reaction gives every job as many tasks as there are slots (scheduler-mode:
// reactive): when it is submitted, and while workers come and go.
type reaction struct {
	on        atomic.Bool
	submitted chan struct{} // holds a token when there is a new job
}

// reactive reports whether jobs take all slots that there are.
func (s *Session) reactive(e *Env) bool { return strings.EqualFold(e.Config(keyScheduler), "reactive") }

// slotsThere is how many slots the workers have.
func (s *Session) slotsThere() (n int) {
	for _, w := range s.cluster.Workers() {
		n += w.Slots
	}
	return n
}

// filling is how many tasks each vertex gets that may have any number.
func filling(g *job.Graph, slots int) map[job.VertexID]int {
	wishes := make(map[job.VertexID]int)
	for _, v := range g.Vertices {
		if g.Scales(v.ID) {
			wishes[v.ID] = min(slots, g.KeyGroups)
		}
	}
	return wishes
}

// fitted is the plan of a job that is about to be started: with as many tasks as
// there are slots, when jobs follow the workers.
func (s *Session) fitted(p *sql.Plan) (*sql.Plan, error) {
	if !s.reaction.on.Load() {
		return p, nil
	}
	slots := s.slotsThere()
	if slots == 0 {
		return p, nil // until a worker comes
	}
	g, err := p.Graph.Scaled(filling(&p.Graph, slots))
	if err != nil {
		return nil, err
	}
	fit := *p
	fit.Graph = *g
	return &fit, nil
}

// react follows the workers and the jobs that come.
func (s *Session) react(ctx context.Context) {
	const again = 200 * time.Millisecond
	filled := make(map[*Run]int)
	for {
		changed := s.cluster.Changed()
		slots := s.slotsThere()
		var retry <-chan time.Time
		now := make(map[*Run]int)
		for _, j := range s.jobs.all() {
			if now[j.run] = filled[j.run]; slots == 0 || filled[j.run] == slots || !j.run.running() {
				continue
			}
			switch ready, err := s.fill(ctx, j.run, slots); {
			case err != nil && !errors.Is(err, job.ErrInvalid):
				s.o.Log.Info("a job is not rescaled yet", slog.String("job_name", j.run.Name()), slog.Any("error", err))
				retry = engine.WallClock{}.After(again)
			case !ready:
				retry = engine.WallClock{}.After(again)
			default:
				now[j.run] = slots
			}
		}
		filled = now
		select {
		case <-changed:
		case <-s.reaction.submitted:
		case <-retry:
		case <-ctx.Done():
			return
		}
	}
}

// fill gives a job as many tasks of each vertex as there are slots. A job that
// begins is not ready for that: its tasks may be about to be adopted, from workers
// that come one after the other. One in a brief gear holds no slots.
func (s *Session) fill(ctx context.Context, r *Run, slots int) (ready bool, err error) {
	if r.tasks.gear().Brief() {
		return false, nil
	}
	l, ok := r.history.Life()
	if !ok || l.Status == coordinator.Initializing {
		return false, nil
	}
	return true, s.rescale(ctx, r, filling(l.Graph, slots))
}

// came tells that there is a new job.
func (r *reaction) came() {
	select {
	case r.submitted <- struct{}{}:
	default:
	}
}
