package lower

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/materialize"
	"github.com/wadi-engine/wadi/sql/logical"
)

// SinkOptions are how rows reach tables with a primary key; the zero value is
// Flink's AUTO.
type SinkOptions struct {
	// Materialize is NONE, AUTO or FORCE (table.exec.sink.upsert-materialize):
	// whether all rows of a primary key are kept, so that it has the last of them
	// whatever the order in which they come and go. AUTO does so where the query
	// has no upsert key within the primary key.
	Materialize string
	// Shuffle is NONE, AUTO or FORCE (table.exec.sink.keyed-shuffle): whether rows
	// of a primary key are brought into one task. AUTO does so where rows change
	// and the sink has another parallelism.
	Shuffle string
	// Conflict refuses a query without an upsert key within the primary key that
	// does not say ON CONFLICT (table.exec.sink.require-on-conflict).
	Conflict bool
}

func (b *builder) sink(n *logical.Sink) (built, error) {
	in, err := b.node(n.Input)
	if err != nil {
		return built{}, err
	}
	c, err := b.o.Registry.Connector(n.Table.Connector)
	if err != nil {
		return built{}, err
	}
	if c.Sink == nil {
		return built{}, fmt.Errorf("%w: table %s cannot be written: connector %q only reads", job.ErrInvalid, n.Table.Ident, c.Name)
	}
	if n.Table.Overwrite != nil && c.Overwrites && !b.o.Batch && !c.OverwritesStreams {
		return built{}, fmt.Errorf("%w: INSERT OVERWRITE replaces rows when its job has ended, and a job in streaming mode may have no end: SET 'execution.runtime-mode' = 'batch'", job.ErrInvalid)
	}
	if n.Table.Overwrite != nil && !c.Overwrites {
		return built{}, fmt.Errorf("%w: rows of table %s cannot be replaced: connector %q only adds to what is there; use INSERT INTO", job.ErrInvalid, n.Table.Ident, c.Name)
	}
	if in.mode != Insert && !c.TakesChanges(n.Table) {
		return built{}, b.refuseUpdates(n, c)
	}
	if in, err = b.materialize(n, in); err != nil {
		return built{}, err
	}
	p, err := parallelism(n.Table, "sink.parallelism", in.parallelism)
	if err != nil {
		return built{}, err
	}
	t := n.Table
	t.Changes = in.mode != Insert
	into := b.intoSink(n, in, p)
	if key, ok := sinkKey(n); ok && c.Keyed != nil && c.Keyed(t) {
		into = keyed(in, p, key)
	}
	return b.add(job.Vertex{
		UID: "sink-" + plain(t.Ident), Name: logical.Operator(n), Kind: job.KindSink,
		Config: config(ops.SinkConfig{Table: t}), Parallelism: p, Output: schema(n.Schema()),
	}, in.mode, into), nil
}

// intoSink is the edge into a sink: changes of one row stay in order.
func (b *builder) intoSink(n *logical.Sink, in built, p int) job.Edge {
	spread, key := b.sinkSpread(n)
	switch {
	case in.mode != Insert:
	case spread.Own != "":
		return divided(in, p, spread.Own)
	case len(key) > 0:
		return keyed(in, p, key)
	}
	switch b.o.Sinks.Shuffle {
	case "NONE":
		return edge(in, p)
	case "FORCE":
		if len(n.Table.PrimaryKey) > 0 {
			return keyed(in, p, b.changeKeys(n))
		}
	}
	if in.mode != Insert && p != in.parallelism {
		return keyed(in, p, b.changeKeys(n))
	}
	return edge(in, p)
}

// sinkSpread is how the connector wants rows divided, and the columns by which.
func (b *builder) sinkSpread(n *logical.Sink) (s ops.Spread, key []int) {
	c, err := b.o.Registry.Connector(n.Table.Connector)
	if err != nil || c.Spread == nil {
		return s, nil
	}
	s = c.Spread(n.Table)
	for _, name := range s.Columns {
		if at := n.Schema().Index(name); at >= 0 {
			key = append(key, at)
		}
	}
	return s, key
}

// takesBack reports whether a sink wants every row that is taken back.
func (b *builder) takesBack(n *logical.Sink) bool {
	c, err := b.o.Registry.Connector(n.Table.Connector)
	return len(n.Table.PrimaryKey) == 0 || err == nil && c.TakesBack(n.Table)
}

// conflicts reports a sink with a primary key within which the query has no upsert
// key: rows of several keys of the query may meet in one of the table.
func (b *builder) conflicts(n *logical.Sink) bool {
	key, ok := sinkKey(n)
	if b.o.Batch || !ok || b.takesBack(n) {
		return false
	}
	return !slices.ContainsFunc(upsertKeys(n.Input), func(k columnSet) bool { return k.within(setOf(key)) })
}

// sinkKey is the primary key of the table, as columns of the sink.
func sinkKey(n *logical.Sink) (key []int, ok bool) {
	for _, name := range n.Table.PrimaryKey {
		at := n.Schema().Index(name)
		if at < 0 {
			return nil, false
		}
		key = append(key, at)
	}
	return key, len(key) > 0
}

// materializes reports whether all rows of a primary key are kept before a sink, if
// the results of the query change.
func (b *builder) materializes(n *logical.Sink) bool {
	switch b.o.Sinks.Materialize {
	case "NONE":
		return false
	case "FORCE":
		return !b.takesBack(n) && !b.o.Batch
	}
	return b.conflicts(n)
}

// materialize puts the rows of each primary key before the sink, where that is
// needed.
func (b *builder) materialize(n *logical.Sink, in built) (built, error) {
	if in.mode != Insert && b.o.Sinks.Conflict && !n.OnConflict && b.conflicts(n) {
		return in, fmt.Errorf("%w: rows of several keys of the query may meet in one row of %s, whose primary key is %q: say ON CONFLICT DO DEDUPLICATE to keep the one that comes last, "+
			"or write to a table with the key of the query", job.ErrInvalid, n.Table.Ident, n.Table.PrimaryKey)
	}
	if !b.materializes(n) || in.mode == Insert && b.o.Sinks.Materialize != "FORCE" {
		return in, nil
	}
	key, ok := sinkKey(n)
	if !ok {
		return in, nil
	}
	p := b.spread(key)
	return b.add(job.Vertex{
		UID: uid("sink-materialize", plain(n.Table.Ident), fmt.Sprint(n.Table.PrimaryKey)), Name: "SinkMaterializer(key=[" + strings.Join(n.Table.PrimaryKey, ", ") + "])",
		Kind: materialize.Kind, Config: config(materialize.Config{Keys: key, Settings: b.ttl(b.o.TTLMillis)}), Parallelism: p, Output: schema(n.Schema()),
	}, Insert|UpdateAfter|Delete, keyed(in, p, key)), nil
}

// changeKeys are the columns by which changes of one row meet in one task.
func (b *builder) changeKeys(n *logical.Sink) []int {
	if keys, ok := sinkKey(n); ok {
		return keys
	}
	return first(len(n.Schema()))
}
