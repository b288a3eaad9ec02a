package checkpoint

import (
	"context"
	"fmt"

	"github.com/wadi-engine/wadi/job"
)

// Abandon puts on record that a job is over, although it has not ended by itself,
// so that its checkpoints can be discarded. It takes the job over first: a process
// that runs it after all finds that out with its next epoch, and stops.
func (k Keeper) Abandon(ctx context.Context, nonce, reason string) error {
	f, err := k.Load(ctx, nil)
	if err != nil {
		return err
	}
	me, number, err := k.TakeOver(ctx, Takeover{Me: Owner{Nonce: nonce}, NewTerm: true, NewGeneration: true, LastTerm: f.Term, LastGeneration: f.Generation})
	if err != nil {
		return err
	}
	return k.Record(ctx, Terminal{State: Canceled, Owner: me, Job: k.Job, Epoch: number, Reason: reason, Discarded: true})
}

// Discard deletes the checkpoints of a job that is over, and leaves what says so,
// and who has run it. Savepoints stay. It deletes nothing of a job that may go on.
func (k Keeper) Discard(ctx context.Context) error {
	f, err := k.Load(ctx, nil)
	if err != nil {
		return err
	}
	if _, over := Decide(Owner{}, f).(Done); !over {
		return fmt.Errorf("%w: job %s is not over", job.ErrInvalid, k.Job)
	}
	claims, runs, complete, err := k.Standing(ctx)
	if err != nil {
		return err
	}
	if !complete {
		return fmt.Errorf("%w: a checkpoint of job %s cannot be read, so that nobody knows whether it is a savepoint", ErrCorrupt, k.Job)
	}
	needed := map[string]bool{}
	var files []string
	for _, c := range claims {
		if c.Kind != Owned {
			files = append(files, ClaimFile(c.Epoch))
			continue
		}
		for _, r := range c.Files {
			needed[r] = true
		}
	}
	for _, r := range runs {
		if !needed[r] {
			files = append(files, r)
		}
	}
	for _, name := range files {
		if err := k.Store.Delete(ctx, name); err != nil {
			return fmt.Errorf("remove %s of job %s: %w", name, k.Job, err)
		}
	}
	return nil
}
