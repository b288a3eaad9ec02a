// Package lower turns optimized logical plans into a job.Graph: it chooses the
// operators, how rows travel between them, how many tasks run each, which kinds
// of changes they exchange, and the identities by which their state is found
// again.
//
//	Sink                     source ─FORWARD→ calc ─HASH[auction]→ window-agg ─FORWARD→ sink
//	  Project          →
//	    WindowAggregate
//	      Filter
//	        Scan
package lower

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/logical"
)

// Options are how a job is to run.
type Options struct {
	Name     string
	Registry *ops.Registry
	Batch    bool
	// Parallelism is that of operators which say nothing else; 0 is 1.
	Parallelism int
	// MaxParallelism is the number of key groups; 0 or less derives it from
	// the parallelism, as Flink does.
	MaxParallelism int
	// WatermarkIntervalMillis and IdleMillis are of all sources; see
	// ops.WatermarkSpec.
	WatermarkIntervalMillis int64
	IdleMillis              int64
	// Zone is the name of the session's time zone; "" is UTC.
	Zone  string
	Sinks SinkOptions
	// Duplicates says that sources whose rows change may give changes twice
	// (table.exec.source.cdc-events-duplicate); their primary key tells.
	Duplicates bool
	// TTLMillis is how long state is kept after it was last written, unless a hint
	// says it; 0 keeps it for ever.
	TTLMillis int64
	// Emission says when windows of GROUP BY give their results; nil is once.
	Emission *Emission
	// NowMillis is the time of planning: what CURRENT_TIMESTAMP gives until
	// the job's own clock is heard.
	NowMillis int64
}

// Result is a job that is ready to be run.
type Result struct {
	Graph job.Graph
	// Bounded says that all sources end by themselves.
	Bounded bool
	// Modes are the kinds of changes that each vertex emits.
	Modes []Mode
	// Sinks are the vertices of the plans, in their order.
	Sinks []job.VertexID
}

// Plans lowers plans, each of which ends in a *logical.Sink, to one job.
func Plans(ctx context.Context, sinks []logical.Node, o Options) (*Result, error) {
	o.Parallelism = max(o.Parallelism, 1)
	b := &builder{
		ctx: ctx, o: o, res: &Result{Bounded: true}, built: map[string]built{}, digests: map[logical.Node]string{},
		before: map[string]bool{}, lines: map[logical.Node][]string{}, uids: map[string]int{}, sources: map[string]ops.Source{},
	}
	b.res.Graph = job.Graph{Name: o.Name, KeyGroups: KeyGroups(o.Parallelism, o.MaxParallelism)}
	for _, s := range sinks {
		b.require(s, false)
		b.ticks = b.ticks || processes(s) || o.Emission.timed()
	}
	b.passed = b.pass(sinks)
	for _, s := range sinks {
		v, err := b.node(s)
		if err != nil {
			return nil, err
		}
		b.res.Sinks = append(b.res.Sinks, v.id)
	}
	if o.Batch && !b.res.Bounded {
		return nil, fmt.Errorf("%w, but %s does not; bound it, or SET 'execution.runtime-mode' = 'streaming'", ErrUnbounded, b.endless)
	}
	return b.res, nil
}

// ErrUnbounded is what a batch over a source without end gives. It is
// job.ErrInvalid.
var ErrUnbounded = fmt.Errorf("%w: in batch mode every source must end by itself", job.ErrInvalid)

// KeyGroups is the number of key groups: what was asked for, or the power of
// two at or above one and a half times the parallelism, between 128 and 32768.
func KeyGroups(parallelism, asked int) int {
	if asked > 0 {
		return asked
	}
	n := 1
	for n < parallelism+parallelism/2 {
		n *= 2
	}
	return min(max(n, 128), 32768)
}

// built is a node that has become a vertex.
type built struct {
	id          job.VertexID
	mode        Mode
	parallelism int
}

type builder struct {
	ctx context.Context
	o   Options
	res *Result

	built   map[string]built        // by digest: equal plans become one vertex
	digests map[logical.Node]string // memo
	before  map[string]bool         // digests whose readers need UPDATE_BEFORE
	passed  map[string]bool         // digests of scans whose upserts go to sinks as they are
	lines   map[logical.Node][]string
	uids    map[string]int // how often each was used
	endless string         // a source that does not end
	final   int            // how many nodes above wait for the end
	afresh  int            // how many nodes above look rows up in a table
	sources map[string]ops.Source
	ticks   bool // an operator waits for processing time
	idles   bool // a table says that splits of its source may be idle
}

// add appends a vertex and the edges into it.
func (b *builder) add(v job.Vertex, mode Mode, edges ...job.Edge) built {
	v.ID = job.VertexID(len(b.res.Graph.Vertices))
	v.UID, v.Afresh = b.unique(v.UID), b.afresh > 0
	b.res.Graph.Vertices = append(b.res.Graph.Vertices, v)
	for _, e := range edges {
		e.To = v.ID
		b.res.Graph.Edges = append(b.res.Graph.Edges, e)
	}
	b.res.Modes = append(b.res.Modes, mode)
	return built{id: v.ID, mode: mode, parallelism: v.Parallelism}
}

// unique numbers the second and later uses of a UID.
func (b *builder) unique(uid string) string {
	b.uids[uid]++
	if n := b.uids[uid]; n > 1 {
		return fmt.Sprintf("%s-%d", uid, n)
	}
	return uid
}

// edge connects a vertex to one with the given parallelism, keeping rows where
// they are if possible.
func edge(from built, parallelism int) job.Edge {
	e := job.Edge{From: from.id, Partitioning: job.Forward}
	switch {
	case from.parallelism == parallelism:
	case parallelism == 1:
		e.Partitioning = job.Gather
	default:
		e.Partitioning = job.Rebalance
	}
	return e
}

// keyed connects by key. With a single receiver there is nothing to choose, and
// single tasks may be one chain.
func keyed(from built, parallelism int, keys []int) job.Edge {
	switch {
	case len(keys) == 0 && parallelism == 1:
		return single(from)
	case len(keys) == 0:
		return edge(from, parallelism)
	case parallelism == 1 && from.parallelism == 1:
		return job.Edge{From: from.id, Partitioning: job.Forward, Keys: keys, Wide: job.ByKey}
	case parallelism == 1:
		e := edge(from, parallelism)
		e.Keys, e.Wide = keys, job.ByKey
		return e
	}
	return job.Edge{From: from.id, Partitioning: job.ByKey, Keys: keys}
}

// divided connects to a sink that divides rows itself.
func divided(from built, parallelism int, how string) job.Edge {
	e := job.Edge{From: from.id, Partitioning: job.Custom, How: how}
	if parallelism == 1 {
		e = edge(from, parallelism)
		e.Wide, e.How = job.Custom, how
	}
	return e
}

// single connects to a vertex that never has more than one task.
func single(from built) job.Edge {
	e := edge(from, 1)
	e.Wide = job.Gather
	return e
}

// schema is the Arrow form of a node's columns.
func schema(s logical.Schema) job.Schema {
	fields := make([]arrow.Field, len(s))
	for i, c := range s {
		fields[i] = datatype.ArrowField(c.Name, c.Type)
	}
	return job.Schema{Schema: arrow.NewSchema(fields, nil)}
}

// node lowers n, once for equal plans.
func (b *builder) node(n logical.Node) (built, error) {
	key := b.digest(n)
	if b.final > 0 {
		key += " final"
	}
	if b.afresh > 0 {
		key += " afresh"
	}
	if v, ok := b.built[key]; ok {
		return v, nil
	}
	v, err := b.lower(n)
	if err == nil {
		b.built[key] = v
	}
	return v, err
}

func (b *builder) lower(n logical.Node) (built, error) {
	if err := b.timely(n); err != nil {
		return built{}, err
	}
	switch n := n.(type) {
	case *logical.Scan:
		return b.scan(n)
	case *logical.Values:
		return b.values(n)
	case *logical.Project:
		if f, ok := n.Input.(*logical.Filter); ok {
			return b.calc(f.Input, n.Exprs, n.Output, f.Cond, logical.CalcText(n, f))
		}
		return b.calc(n.Input, n.Exprs, n.Output, nil, logical.Operator(n))
	case *logical.Filter:
		s := n.Schema()
		return b.calc(n.Input, s.Refs(), s, n.Cond, logical.Operator(n))
	case *logical.Aggregate:
		return b.aggregate(n)
	case *logical.WindowAggregate:
		return b.windowAggregate(n)
	case *logical.Join:
		return b.join(n)
	case *logical.Unnest:
		return b.unnest(n)
	case *logical.Changelog:
		return b.changelog(n)
	case *logical.Expand:
		return b.expand(n)
	case *logical.Union:
		return b.union(n)
	case *logical.Sort:
		return b.sort(n)
	case *logical.Rank:
		return b.rank(n)
	case *logical.Over:
		return b.over(n)
	case *logical.Match:
		return b.match(n)
	case *logical.Sink:
		return b.sink(n)
	case *logical.Window:
		return b.window(n)
	}
	return built{}, fmt.Errorf("%w: not supported yet: %s", job.ErrInvalid, logical.Relation(n))
}
