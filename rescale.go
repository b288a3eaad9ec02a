package wadi

import (
	"context"
	"fmt"

	"github.com/wadi-engine/wadi/job"
)

// Rescale changes how many tasks vertices have, while the job runs: behind the
// next checkpoint, which is taken at once, its tasks are started anew, as those of
// the new parallelism. Vertices that pass rows on as they are have the same
// number; those without a wish keep theirs. It returns when the job has taken note.
func (r *Run) Rescale(ctx context.Context, wishes map[job.VertexID]int) error {
	g, err := r.scaled(wishes)
	if err != nil {
		return err
	}
	select {
	case r.rescales <- g:
		return nil
	case <-r.done:
		return fmt.Errorf("%w: the job has ended", job.ErrInvalid)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// scaled is the graph that is wished for.
func (r *Run) scaled(wishes map[job.VertexID]int) (*job.Graph, error) {
	if r.checkpoints == "" {
		return nil, fmt.Errorf("%w: the job takes no checkpoints, from which it could go on: SET 'execution.checkpointing.dir' before it is started", job.ErrInvalid)
	}
	l, ok := r.history.Life()
	if !ok || l.Status.Terminal() {
		return nil, fmt.Errorf("%w: the job does not run", job.ErrInvalid)
	}
	return l.Graph.Scaled(wishes)
}

// Rescale changes the parallelism of vertices.
func (j sessionJob) Rescale(ctx context.Context, wishes map[job.VertexID]int) error {
	return j.session.rescale(ctx, j.run, wishes)
}

// rescale notes the new parallelism where another coordinator would find it, and
// changes it.
func (s *Session) rescale(ctx context.Context, r *Run, wishes map[job.VertexID]int) error {
	g, err := r.scaled(wishes)
	if err != nil {
		return err
	}
	if err := s.amend(ctx, r, func(d *submittedJob) { d.Graph = g }); err != nil {
		return err
	}
	return r.Rescale(ctx, wishes)
}

// amend changes what is in storage of a job.
func (s *Session) amend(ctx context.Context, r *Run, change func(*submittedJob)) error {
	if s.ha == nil {
		return nil
	}
	s.ha.amending.Lock()
	defer s.ha.amending.Unlock()
	id, _, _ := r.state()
	data, err := s.ha.store.Get(ctx, jobFile(id))
	if err != nil {
		return fmt.Errorf("%w: read the job: %w", job.ErrUnavailable, err)
	}
	d, err := s.ha.documents.decode(data)
	if err != nil {
		return err
	}
	if d.Config == nil {
		d.Config = make(map[string]string)
	}
	change(&d)
	if data, err = s.ha.documents.encode(d); err != nil {
		return err
	}
	if err := s.ha.store.Put(ctx, jobFile(id), data); err != nil {
		return fmt.Errorf("%w: store the job: %w", job.ErrUnavailable, err)
	}
	return nil
}
