package coordinator

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// A leader that dies leaves tasks behind that run on: they read, and wait with
// nothing but their next barrier. Whoever leads next adopts them:
//
//  1. It asks the workers what they hold: which tasks, of which generation, what
//     they have asked for and been told.
//  2. It takes a new term, and keeps the generation: the dead leader's number is
//     claimed as aborted, so it can claim nothing more.
//  3. The enumerators go on from the newest checkpoint; the splits that were
//     handed out since are taken out of them.
//  4. A barrier that the dead leader has given to some sources only is given to
//     the others, so that nothing waits for it; its epoch is aborted, and what
//     the tasks hold of it comes with the next.
//
// When a task is missing, or a split is not found again, the tasks are started
// anew from the checkpoint, as after any failure.

// Holder is a Worker whose tasks may outlive a coordinator.
//
// What the tasks report meanwhile it keeps until the first command.
type Holder interface {
	Worker
	// Held waits a little for the workers that hold tasks of a job, and returns
	// what they hold, or nil.
	Held(ctx context.Context, id job.ID, tasks []checkpoint.TaskID) *rpc.Held
}

// adopt takes the job over with the tasks that run, or returns false.
func (d *driver) adopt(ctx context.Context, a Begin) (Begun, bool) {
	holder := d.holder
	if holder == nil || !d.Recover || !a.First || d.Store == nil {
		return Begun{}, false
	}
	held := holder.Held(ctx, d.id, taskIDs(d.Graph))
	if held == nil {
		return Begun{}, false
	}
	b := Begun{Held: held}
	why := d.ownHeld(ctx, a, &b)
	if why == nil {
		why = d.openEnumerators(ctx, b)
	}
	if why == nil {
		why = d.skipHeld(ctx, b)
	}
	if why != nil {
		d.Log.Warn("the tasks that run cannot be adopted; they are started anew", slog.Any("error", why))
		if a.Gear.Brief() {
			_ = holder.Send(rpc.Cancel{}) // no Deploy lets go of them
		}
		for _, s := range d.sources {
			d.closeEnumerator(s)
		}
		return Begun{}, false
	}
	d.Log.Info("the tasks that run are adopted", slog.Uint64("generation", uint64(b.Owner.Generation)), slog.Uint64("term", uint64(b.Owner.Term)))
	return b, true
}

func taskIDs(g *job.Graph) (ids []checkpoint.TaskID) {
	for _, c := range g.Chains() {
		for i := range g.Vertices[c.Head()].Parallelism {
			ids = append(ids, checkpoint.TaskID{Vertex: c.Head(), Index: i})
		}
	}
	return ids
}

// ownHeld takes a new term of the generation that is held, and finds its newest
// checkpoint.
func (d *driver) ownHeld(ctx context.Context, a Begin, b *Begun) error {
	facts, err := d.keeper.Load(ctx, a.Unusable)
	if err != nil {
		return err
	}
	if facts.Generation != b.Held.Generation && !d.Settings.Bugs.AdoptOld {
		return fmt.Errorf("generation %d is held, and the newest is %d", b.Held.Generation, facts.Generation)
	}
	b.Owner, b.Number, err = d.keeper.TakeOver(ctx, checkpoint.Takeover{
		Me: checkpoint.Owner{Generation: facts.Generation, Nonce: d.nonce}, NewTerm: true, LastTerm: facts.Term, LastGeneration: facts.Generation,
	})
	if err != nil {
		return err
	}
	if b.Number++; d.Settings.Bugs.EpochRepeated {
		b.Number--
	}
	if facts, err = d.keeper.Load(ctx, a.Unusable); err != nil {
		return err
	}
	switch c := checkpoint.Decide(b.Owner, facts).(type) {
	case checkpoint.StartFresh:
	case checkpoint.Restore:
		if len(c.Skipped) > 0 {
			return fmt.Errorf("the checkpoint of epoch %d is damaged: %w", c.Skipped[0].Epoch, c.Skipped[0].Err)
		}
		b.Manifest = c.Manifest
		if d.Graph.KeyGroups != c.Manifest.KeyGroups {
			d.Graph.KeyGroups = c.Manifest.KeyGroups
		}
		if c.Manifest.Epoch == b.Held.Restored && !d.Settings.Bugs.GivenBackLost {
			// The tasks began with it: the splits that it holds were given back to the
			// enumerators then, and handed out again.
			b.Layout, err = checkpoint.Redistribute(b.Manifest, d.Graph, checkpoint.RedistributeOptions{AllowNonRestored: d.AllowNonRestored, Bugs: d.Settings.Bugs})
			if err != nil {
				return err
			}
		} else {
			for _, h := range c.Manifest.Handles {
				if h.Ended {
					b.Layout.Ended = append(b.Layout.Ended, h)
				}
			}
		}
	case checkpoint.Done, checkpoint.AskSinks, checkpoint.StepDown, checkpoint.Refuse:
		return fmt.Errorf("the job is to be decided anew: %T", c)
	}
	return d.sweep(ctx, b)
}

// skipHeld takes the splits that the tasks were given since the checkpoint out
// of the enumerators, which know nothing of it.
func (d *driver) skipHeld(ctx context.Context, b Begun) error {
	since := stream.Epoch(0)
	if b.Manifest != nil {
		since = b.Manifest.Epoch
	}
	for _, s := range d.sources {
		held := map[string]bool{}
		vertex := d.Graph.Vertices[d.vertexOf(s)]
		for _, t := range b.Held.Tasks {
			if t.Task.Vertex != vertex.ID {
				continue
			}
			for _, sp := range t.Assigned {
				if sp.After >= since {
					held[sp.Split.ID] = true
				}
			}
		}
		if len(held) == 0 || d.Settings.Bugs.HeldTwice {
			continue
		}
		if err := d.findAgain(ctx, s, vertex, held); err != nil {
			return err
		}
	}
	return nil
}

// findAgain lets an enumerator look for splits, which it need not find all at once,
// until it has those that are held, and takes them out.
func (d *driver) findAgain(ctx context.Context, s *source, v job.Vertex, held map[string]bool) error {
	const tries = 20
	for n := range tries {
		done, err := s.enum.Discover(ctx)
		if err != nil {
			return fmt.Errorf("look for splits of %s: %w", v.Name, err)
		}
		missing := takeOut(s.enum, v.Parallelism, held)
		if len(missing) == 0 {
			return nil
		}
		if done || n == tries-1 {
			return fmt.Errorf("source %s does not find split %q again, which a task reads", v.Name, missing[0])
		}
		if err := d.host.Sleep(ctx, 10*time.Millisecond<<min(n, 4)); err != nil {
			return err
		}
	}
	return nil
}

func (d *driver) vertexOf(s *source) job.VertexID {
	for _, v := range d.Graph.Vertices {
		if v.UID == s.uid {
			return v.ID
		}
	}
	panic("a source of no vertex: " + s.uid)
}

// takeOut removes the splits with these ids, and returns those that are not there.
func takeOut(e ops.SplitEnumerator, readers int, ids map[string]bool) (missing []string) {
	var others []ops.Split
	for r := range readers {
		for {
			some := e.Take(r, readers, len(ids)+1)
			if len(some) == 0 {
				break
			}
			for _, sp := range some {
				if ids[sp.ID] {
					delete(ids, sp.ID)
					continue
				}
				others = append(others, sp)
			}
		}
	}
	if len(others) > 0 {
		e.Return(others)
	}
	for id := range ids {
		missing = append(missing, id)
	}
	slices.Sort(missing)
	return missing
}

// adopt goes on with the tasks that run; the layout says which had ended by the
// checkpoint, as tasks of the graph that runs.
func (m *machine) adopt(h *rpc.Held, l checkpoint.Layout) {
	m.adoptGear()
	m.resetTasks()
	m.number, m.origin = h.Attempt+1, h.Restored
	for _, k := range l.Ended {
		i := m.ordinal[k.Task]
		t := m.tasks.edit(i)
		t.last, t.gone = &k, true
		m.runs(i)
	}
	barriers := make(map[stream.Epoch]stream.Barrier)
	for _, k := range h.Tasks {
		i := m.ordinal[k.Task]
		t := m.tasks.edit(i)
		if k.Running || k.Ended { // otherwise it will say so
			m.runs(i)
		}
		t.drained, t.noMore, t.gone = k.Drained, k.NoMore, k.Ended
		if k.Handle != nil && !m.settings.Bugs.LastHandleLost { // its last, which it does not tell again; that it has ended may follow
			t.last = k.Handle
		}
		if t.source >= 0 && !t.gone {
			t.want = k.Wants
		}
		for _, s := range k.Assigned {
			if s.After >= m.newest() {
				t.given = append(t.given, given{s.Split, s.After})
			}
		}
		t.injected = k.Injected.Epoch
		for _, b := range append(k.Earlier, k.Injected) {
			barriers[b.Epoch] = b
		}
	}
	m.phase, m.placed = running, true
	m.send(rpc.Confirm{Epoch: m.restored}) // the first command: reports come from now on
	if m.manifest != nil {
		if m.manifest.Finished() && m.allEnded() {
			m.ending = &ending{state: Finished}
			m.cancel(m.now)
			return
		}
	}
	for i, t := range m.tasks.all() {
		if t.gone && t.last == nil {
			m.failed(fmt.Errorf("%w: the last state of task %v is not stored", job.ErrUnavailable, m.ids[i]))
			return
		}
	}
	m.completeInjection(h, barriers)
	m.take()
}

// completeInjection gives the barriers that some sources have to the others: who waits
// for one of an epoch that was aborted waits for it on all channels.
func (m *machine) completeInjection(h *rpc.Held, barriers map[stream.Epoch]stream.Barrier) {
	for _, e := range slices.Sorted(maps.Keys(barriers)) {
		b := barriers[e]
		m.stop = m.stop || b.Kind == stream.Stop && e > 0
		if m.manifest != nil && e <= m.manifest.Epoch || e == 0 || m.settings.Bugs.BarrierHalfGiven {
			continue
		}
		for _, k := range h.Tasks {
			if t := m.tasks.at(m.ordinal[k.Task]); t.source >= 0 && !t.gone && k.Injected.Epoch < e {
				m.inject(m.ordinal[k.Task], b)
			}
		}
	}
}
