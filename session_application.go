package wadi

import (
	"context"
	"errors"
	"fmt"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/coordinator/rest"
)

// Application runs the jobs of a script to their end, unless they run already
// because this process has taken them up. The error says which have failed.
func (s *Session) Application(ctx context.Context, sub rest.Submission) error {
	if len(s.jobs.all()) == 0 {
		if _, err := s.Submit(ctx, sub); err != nil {
			return err
		}
	}
	var failed error
	for _, j := range s.jobs.all() {
		select {
		case <-j.run.Done():
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if res, err := j.run.Wait(); err != nil && res.State != coordinator.Left {
			failed = errors.Join(failed, fmt.Errorf("job %s: %w", j.run.Name(), err))
		}
	}
	return failed
}
