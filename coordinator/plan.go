package coordinator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/exchange/durable"
	"github.com/wadi-engine/wadi/engine/stage"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// Plan is an epoch of a job that nobody leads, fixed before anything of it runs:
// what each source task reads, what each task restores, and who claims the epoch,
// so that all who finish it claim it as one. The first to create it has made it.
//
// It counts while its number is not claimed, and is deleted when the epoch is
// published: until then the epoch is open.
type Plan struct {
	checkpoint.Owner
	Epoch stream.Epoch `json:"epoch"`
	// Parent is the checkpoint from which the epoch goes on, or 0.
	Parent stream.Epoch `json:"parent,omitempty"`
	// Stages are in the order in which they run, without what they read of each
	// other, and without the graph.
	Stages  []stage.Spec                      `json:"stages"`
	Sources map[string]checkpoint.SourceState `json:"sources"`
	// Fused says that all of them run in one invocation.
	Fused bool `json:"fused,omitempty"`
	// Made is when: it is the first sign of life of the epoch.
	Made stream.Timestamp `json:"made"`
}

// planFile is the plan of an epoch. It lies among its channels.
func planFile(e stream.Epoch) string { return fmt.Sprintf("%s%d/plan", durable.Root, e) }

// encode leaves the graph out: it has secrets, and stands elsewhere.
func (p *Plan) encode() ([]byte, error) {
	bare := *p
	bare.Stages = make([]stage.Spec, len(p.Stages))
	for i, s := range p.Stages {
		s.Graph = nil
		bare.Stages[i] = s
	}
	data, err := json.Marshal(bare)
	if err != nil {
		return nil, fmt.Errorf("encode the plan of epoch %d: %w", p.Epoch, err)
	}
	return data, nil
}

// readPlan is the plan of an epoch, or nil.
func readPlan(ctx context.Context, k checkpoint.Keeper, e stream.Epoch, g *job.Graph) (*Plan, error) {
	var data []byte
	err := tries(ctx, k, func() (err error) {
		if data, err = k.Store.Get(ctx, planFile(e)); errors.Is(err, fs.ErrNotExist) {
			data, err = nil, nil
		}
		return err
	})
	if err != nil || data == nil {
		return nil, err
	}
	p := &Plan{}
	if err := json.Unmarshal(data, p); err != nil {
		return nil, fmt.Errorf("%w: the plan of epoch %d: %w", checkpoint.ErrCorrupt, e, err)
	}
	for i := range p.Stages {
		p.Stages[i].Graph = g
	}
	return p, nil
}

// errOther says that another run has been faster: what it has done is to be read.
var errOther = errors.New("another has been faster")

// fix makes p the plan of its epoch, or says errOther. A plan of a number that is
// claimed is not one: whoever has made it was asleep while others ran the epoch,
// and swept it.
func (p *Plan) fix(ctx context.Context, k checkpoint.Keeper) error {
	data, err := p.encode()
	if err != nil {
		return err
	}
	won := false
	err = tries(ctx, k, func() (err error) {
		won, err = k.Store.PutIfAbsent(ctx, planFile(p.Epoch), data)
		return err
	})
	if err == nil && !won { // by an earlier try of ours?
		var there *Plan
		if there, err = readPlan(ctx, k, p.Epoch, nil); err == nil && (there == nil || there.Owner != p.Owner) {
			return errOther
		}
	}
	if err != nil {
		return fmt.Errorf("store the plan of epoch %d: %w", p.Epoch, err)
	}
	return p.open(ctx, k)
}

// open says errOther when the number of a plan at hand is claimed. The plan must
// have been read before: then nobody has run its epoch yet.
func (p *Plan) open(ctx context.Context, k checkpoint.Keeper) error {
	newest, err := k.Newest(ctx)
	if err != nil {
		return err
	}
	if newest >= p.Epoch {
		return errOther
	}
	return nil
}

// stands says whether the plan is still there behind a claim of its number: if
// not, others have claimed and published the epoch long ago.
func (p *Plan) stands(ctx context.Context, k checkpoint.Keeper) error {
	there, err := readPlan(ctx, k, p.Epoch, nil)
	if err == nil && (there == nil || there.Owner != p.Owner) {
		err = fmt.Errorf("%w: epoch %d of job %s was over long ago", job.ErrFenced, p.Epoch, k.Job)
	}
	return err
}

// tries carries out an operation until the store has answered, or the keeper gives
// up.
func tries(ctx context.Context, k checkpoint.Keeper, f func() error) error {
	for n := 1; ; n++ {
		err := f()
		if err == nil {
			return nil
		}
		if err := k.Pause(ctx, n, err); err != nil {
			return err
		}
	}
}
