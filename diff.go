package wadi

import (
	"context"

	"github.com/wadi-engine/wadi/engine/statetable"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops/builtin"
)

// Fate is what becomes of an operator's state when a job is restored.
type Fate string

// The fates of state.
const (
	Kept      Fate = "kept"      // the operator goes on with it
	New       Fate = "new"       // the operator begins with nothing, or at the beginning of its source
	Lost      Fate = "lost"      // no operator of the job has it any more
	Stateless Fate = "stateless" // the operator keeps nothing
)

// StateChange is what becomes of the state of one operator.
type StateChange struct {
	UID, Name string // of the operator; the name is as plans show it
	Fate      Fate
	// Rows and Bytes are those of its runs in the checkpoint: an upper bound
	// of the rows that stand.
	Rows, Bytes int64
	// Begins are the columns of state that the operator has and the checkpoint
	// lacks: a function that was added to a GROUP BY counts from now on. Ends
	// are those that no function has any more.
	Begins, Ends []string
}

// Compare says what would become of the state of a checkpoint if the pipeline
// were restored from it: for each vertex, and behind them for each operator
// that the pipeline no longer has. An operator is recognised by its UID.
func (p *Pipeline) Compare(ctx context.Context, checkpointPath string) ([]StateChange, error) {
	if p.err != nil {
		return nil, p.err
	}
	m, err := statetable.Open(ctx, p.env.openState, checkpointPath)
	if err != nil {
		return nil, err
	}
	held := heldBy(m)
	known := map[string]bool{}
	for _, v := range m.Vertices {
		known[v.UID] = true
	}
	var all []StateChange
	for _, v := range p.plan.Graph.Vertices {
		c, ok := held[v.UID]
		switch {
		case !ok && (builtin.Stateless(v.Kind) || v.Kind == job.KindSink):
			c.Fate = Stateless
		case known[v.UID]:
			c.Fate = Kept
			if c.Begins, c.Ends, err = p.edited(ctx, v, m); err != nil {
				return nil, err
			}
		default:
			c.Fate = New
		}
		delete(held, v.UID)
		c.UID, c.Name = v.UID, v.Name
		all = append(all, c)
	}
	for _, v := range m.Vertices {
		if c, ok := held[v.UID]; ok {
			c.UID, c.Name, c.Fate = v.UID, v.Name, Lost
			all = append(all, c)
		}
	}
	return all, nil
}

// heldBy is the state in a checkpoint by operator: its tables, the positions of
// its splits, and what it has staged.
func heldBy(m statetable.Checkpoint) map[string]StateChange {
	held := map[string]StateChange{}
	for _, t := range m.Tables() {
		c := held[t.UID]
		for _, r := range t.Runs {
			c.Rows += r.Rows
			c.Bytes += r.Bytes
		}
		held[t.UID] = c
	}
	also := func(uid string) {
		if _, ok := held[uid]; !ok {
			held[uid] = StateChange{}
		}
	}
	uids := map[job.VertexID]string{}
	for _, v := range m.Vertices {
		uids[v.ID] = v.UID
	}
	for _, h := range m.Handles {
		if len(h.Splits) > 0 {
			also(uids[h.Task.Vertex])
		}
	}
	for uid, p := range m.Pending {
		if len(p) > 0 {
			also(uid)
		}
	}
	return held
}
