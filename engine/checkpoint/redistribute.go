package checkpoint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/internal/mutant"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// Layout is how a graph's tasks start.
type Layout struct {
	Tasks []Assignment
	// Splits are those to give back to each source's enumerator, by UID.
	Splits map[string][]ops.Split
	// Ended are the handles of the tasks that have nothing left to do.
	Ended []Handle
	// Afresh are the UIDs of the vertices of which nothing was restored.
	Afresh map[string]bool
}

// RedistributeOptions tell what may be left behind.
type RedistributeOptions struct {
	// AllowNonRestored lets state go whose vertex is not in the graph. Staged
	// rows of a sink are never let go.
	AllowNonRestored bool
	// Again restores also what is to be read afresh when tasks start: these
	// tasks go on with what they have read.
	Again bool
	Bugs  mutant.Set
}

// Redistribute lays the state of m out over the tasks of g, whose parallelism,
// chains and queries may have changed. Vertices are matched by UID. m is nil at
// a fresh start.
//
// A task's tables are the runs of all old tasks whose key groups overlap its
// own; no row is read or written for it. Event time is that of the old self, or
// after a change of parallelism the smallest of the old tasks. Splits go back to the enumerators with their positions and watermarks.
// A task counts as ended when its old self had, or, after a change of
// parallelism, when all old ones had. Vertices that are read afresh start with
// nothing, and those that read them wait for them again.
func Redistribute(m *Manifest, g *job.Graph, o RedistributeOptions) (Layout, error) {
	l := Layout{Splits: map[string][]ops.Split{}, Afresh: map[string]bool{}}
	old, err := index(m, g, o)
	if err != nil {
		return l, err
	}
	if !o.Again {
		l.Afresh = old.afresh(g)
	}
	for _, c := range g.Chains() {
		head := g.Vertices[c.Head()]
		if head.Parallelism > g.KeyGroups {
			return l, fmt.Errorf("%w: %s has parallelism %d, more than the %d key groups that the job was started with",
				job.ErrInvalid, head.Name, head.Parallelism, g.KeyGroups)
		}
		for i := range head.Parallelism {
			a := Assignment{
				Task: TaskID{Vertex: c.Head(), Index: i}, Groups: stream.RangeOf(g.KeyGroups, head.Parallelism, i),
				Watermark: stream.Start,
			}
			for _, e := range g.Inputs(c.Head()) {
				a.Channels = append(a.Channels, ChannelTime{Input: e.Input, Watermark: stream.Start})
			}
			if m != nil && !l.Afresh[head.UID] {
				old.restore(&a, g, c, l.Afresh, o)
				if err := old.flows(&a, g, c, l.Afresh); err != nil {
					return l, err
				}
			}
			if a.Ended {
				l.Ended = append(l.Ended, ended(a))
			}
			l.Tasks = append(l.Tasks, a)
		}
	}
	for _, h := range old.handles {
		for _, s := range h.Splits {
			if o.Bugs.WatermarkLost {
				s.Watermark = stream.Start
			}
			uid := old.vertices[h.Task.Vertex].UID
			if l.Afresh[uid] {
				continue
			}
			l.Splits[uid] = append(l.Splits[uid], s)
		}
	}
	return l, nil
}

// ancestry finds the old tasks of a vertex.
type ancestry struct {
	handles  []Handle // by vertex and index
	vertices map[job.VertexID]Vertex
	byUID    map[string]Vertex
}

// index arranges m, and checks that nothing in it is left without an heir.
func index(m *Manifest, g *job.Graph, o RedistributeOptions) (ancestry, error) {
	a := ancestry{vertices: map[job.VertexID]Vertex{}, byUID: map[string]Vertex{}}
	if m == nil {
		return a, nil
	}
	if m.KeyGroups != g.KeyGroups {
		return a, fmt.Errorf("%w: the job has %d key groups since its first start, not %d", job.ErrInvalid, m.KeyGroups, g.KeyGroups)
	}
	for _, v := range m.Vertices {
		a.vertices[v.ID], a.byUID[v.UID] = v, v
	}
	a.handles = slices.SortedFunc(slices.Values(m.Handles), func(x, y Handle) int {
		return x.Task.Compare(y.Task)
	})
	heirs := map[string]bool{}
	for _, v := range g.Vertices {
		heirs[v.UID] = true
	}
	var lost, staged []string
	missing := func(uid string) bool { return !heirs[uid] }
	for uid, p := range m.Pending {
		if missing(uid) && len(p) > 0 {
			staged = append(staged, a.describe(uid))
		}
	}
	for _, h := range a.handles {
		for _, t := range h.Tables {
			if missing(t.UID) && len(t.Runs) > 0 {
				lost = append(lost, a.describe(t.UID)+" table "+t.Name)
			}
		}
		uid := a.vertices[h.Task.Vertex].UID
		if missing(uid) && len(h.Splits) > 0 {
			lost = append(lost, a.describe(uid)+" positions")
		}
		if missing(uid) && slices.ContainsFunc(h.InFlight, func(f InFlight) bool { return f.Length > 0 }) {
			lost = append(lost, a.describe(uid)+" rows on their way")
		}
	}
	if len(staged) > 0 {
		return a, fmt.Errorf("%w: the checkpoint holds rows for a sink that the query no longer has, which would be lost: %s; restore the old query once so that it publishes them",
			job.ErrInvalid, strings.Join(tidy(staged), ", "))
	}
	if len(lost) > 0 && !o.AllowNonRestored {
		return a, fmt.Errorf("%w: the checkpoint holds state that the query no longer has: %s; run with --allow-non-restored-state (execution.state-recovery.ignore-unclaimed-state=true) to leave it behind",
			job.ErrInvalid, strings.Join(tidy(lost), ", "))
	}
	return a, nil
}

func tidy(s []string) []string {
	slices.Sort(s)
	return slices.Compact(s)
}

func (y ancestry) describe(uid string) string {
	if v, ok := y.byUID[uid]; ok && v.Name != "" {
		return v.Name
	}
	return uid
}

// tasks are the handles of the old chain that held the vertex with this UID.
func (y ancestry) tasks(uid string) []Handle {
	v, ok := y.byUID[uid]
	if !ok {
		return nil
	}
	var hs []Handle
	for _, h := range y.handles {
		if h.Task.Vertex == v.Head {
			hs = append(hs, h)
		}
	}
	return hs
}

// afresh are the UIDs of the vertices that start with nothing: those which say
// so, unless nobody reads them any more.
func (y ancestry) afresh(g *job.Graph) map[string]bool {
	out := map[string]bool{}
	for i := len(g.Vertices) - 1; i >= 0; i-- { // readers stand behind what they read
		v := g.Vertices[i]
		out[v.UID] = v.Afresh && slices.ContainsFunc(g.Edges, func(e job.Edge) bool {
			to := g.Vertices[e.To]
			return e.From == v.ID && (out[to.UID] || !to.Afresh && !y.ended(to.UID))
		})
	}
	return out
}

// ended reports whether all tasks of a vertex had ended.
func (y ancestry) ended(uid string) bool {
	hs := y.tasks(uid)
	return len(hs) > 0 && !slices.ContainsFunc(hs, func(h Handle) bool { return !h.Ended })
}

// restore fills a with what its forebears left.
func (y ancestry) restore(a *Assignment, g *job.Graph, c job.Chain, afresh map[string]bool, o RedistributeOptions) {
	parallelism := g.Vertices[c.Head()].Parallelism
	for _, id := range c.Vertices {
		v := g.Vertices[id]
		for _, t := range y.tables(v.UID, a, parallelism) {
			if o.Again || !slices.Contains(v.Forget, t.Name) {
				a.Tables = append(a.Tables, t)
			}
		}
	}
	head := g.Vertices[c.Head()].UID
	forebears := y.tasks(head)
	if len(forebears) == 0 {
		return
	}
	isHead := y.byUID[head].Head == y.byUID[head].ID
	if isHead && len(forebears) == parallelism {
		forebears = forebears[a.Task.Index : a.Task.Index+1]
	}
	ended := true
	a.Watermark = stream.End
	for _, h := range forebears {
		ended = ended && h.Ended
		a.Watermark = min(a.Watermark, h.Watermark)
		if h.NextTick != 0 && (a.NextTick == 0 || h.NextTick < a.NextTick) {
			a.NextTick = h.NextTick
		}
	}
	a.Channels = channels(a.Channels, forebears, isHead, a.Watermark)
	a.Ended = ended
	for i, e := range g.Inputs(c.Head()) {
		if afresh[g.Vertices[e.From].UID] {
			a.Channels[i] = ChannelTime{Input: e.Input, Watermark: stream.Start}
			a.Ended = false
		}
	}
	if o.Bugs.WatermarkLost {
		a.Watermark = stream.Start
		for i := range a.Channels {
			a.Channels[i].Watermark = stream.Start
		}
	}
}

// channels is the event time of each input: the smallest of the old tasks'
// channels that are not idle. A vertex that stood within a chain had no
// channels; its inputs begin at the event time of its chain.
func channels(of []ChannelTime, forebears []Handle, isHead bool, watermark stream.Timestamp) []ChannelTime {
	for i := range of {
		c := &of[i]
		if !isHead {
			c.Watermark = watermark
			continue
		}
		low, idle, heard := stream.End, stream.End, false
		for _, h := range forebears {
			for _, t := range h.Channels {
				switch {
				case t.Input != c.Input:
				case t.Idle:
					idle = min(idle, t.Watermark)
				default:
					low, heard = min(low, t.Watermark), true
				}
			}
		}
		switch {
		case heard:
			c.Watermark = low
		case idle != stream.End:
			c.Watermark, c.Idle = idle, true
		}
	}
	return of
}

// tables are those of the operator with this UID that task a restores.
func (y ancestry) tables(uid string, a *Assignment, parallelism int) []TableState {
	var ts []TableState
	at := map[string]int{}
	hs := y.tasks(uid)
	for _, h := range hs {
		for _, t := range h.Tables {
			if t.UID != uid || !inherits(t, h, a, len(hs) == parallelism) {
				continue
			}
			i, ok := at[t.Name]
			if !ok {
				i = len(ts)
				at[t.Name] = i
				ts = append(ts, TableState{UID: uid, Name: t.Name, Local: t.Local, DroppedBefore: t.DroppedBefore})
			}
			ts[i].DroppedBefore = min(ts[i].DroppedBefore, t.DroppedBefore)
			for _, r := range t.Runs {
				r.DroppedBefore = max(r.DroppedBefore, t.DroppedBefore)
				if t.Local {
					ts[i].Runs = append(ts[i].Runs, r)
				} else if r.Groups = r.Groups.Intersect(h.Groups).Intersect(a.Groups); !r.Groups.Empty() {
					ts[i].Runs = append(ts[i].Runs, r)
				}
			}
		}
	}
	return ts
}

// inherits reports whether a restores table t of h. Tables that are not
// partitioned stay with their task, or all go to the first one.
func inherits(t TableState, h Handle, a *Assignment, same bool) bool {
	if !t.Local {
		return h.Groups.Overlaps(a.Groups)
	}
	if same {
		return h.Task.Index == a.Task.Index
	}
	return a.Task.Index == 0
}

// ended is the handle to carry forward for a task that has nothing left to do.
func ended(a Assignment) Handle {
	return Handle{
		Task: a.Task, Groups: a.Groups, Tables: a.Tables, Channels: a.Channels,
		Watermark: a.Watermark, NextTick: a.NextTick, Ended: true,
	}
}
