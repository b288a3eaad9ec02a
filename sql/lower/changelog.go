package lower

import (
	"fmt"
	"strings"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/sql/logical"
)

// Mode is the kinds of changes that a stream carries, one bit each.
type Mode uint8

// The kinds. Insert alone is a stream whose rows never change.
const (
	Insert       Mode = 1 << iota // +I
	UpdateBefore                  // -U
	UpdateAfter                   // +U
	Delete                        // -D
)

// String is Flink's text: I, or I,UB,UA,D.
func (m Mode) String() string {
	var parts []string
	for i, name := range []string{"I", "UB", "UA", "D"} {
		if m&(1<<i) != 0 {
			parts = append(parts, name)
		}
	}
	return strings.Join(parts, ",")
}

// groupMode is what an unwindowed aggregation emits. DISTINCT over rows that
// are never taken back gives each row once. Other aggregations give a new
// result with every batch; a group can only vanish when rows are taken back.
// Where results are awaited at the end, each group is given once.
func (b *builder) groupMode(n *logical.Aggregate, in Mode) Mode {
	if b.atEnd() || len(n.Aggs) == 0 && in == Insert {
		return Insert
	}
	m := Insert | UpdateAfter
	if b.before[b.digest(n)] {
		m |= UpdateBefore
	}
	if in != Insert {
		m |= Delete
	}
	return m
}

// atEnd reports that only the final results are wanted of what is being
// lowered: in batch mode, and below an ORDER BY, which can begin only when all
// rows are there.
func (b *builder) atEnd() bool { return b.o.Batch || b.final > 0 }

// require notes which vertices must say what a row was before an update: those
// whose readers keep sums, filter, or write to a place that does not find rows
// by key.
func (b *builder) require(n logical.Node, before bool) {
	switch n := n.(type) {
	case *logical.Sink:
		before = b.takesBack(n) || b.materializes(n)
	case *logical.Aggregate:
		d := b.digest(n)
		b.before[d] = b.before[d] || before
		before = true
	case *logical.Changelog:
		d := b.digest(n)
		b.before[d] = b.before[d] || before
		before = n.To
	case *logical.Scan:
		d := b.digest(n)
		b.before[d] = b.before[d] || before
	case *logical.Rank, *logical.Over, *logical.WindowAggregate:
		d := b.digest(n)
		b.before[d] = b.before[d] || before
		before = true
	case *logical.Window, *logical.Unnest, *logical.Filter, *logical.Sort, *logical.Join, *logical.Match:
		before = true
	}
	for _, in := range n.Inputs() {
		b.require(in, before)
	}
}

// refuseUpdates is the error of a sink that takes only inserts.
func (b *builder) refuseUpdates(s *logical.Sink, c *ops.Connector) error {
	by, other := "the query", "or write to a connector that takes updates"
	if c.Keyed != nil && len(s.Table.PrimaryKey) == 0 {
		other = "or give the table a PRIMARY KEY (…) NOT ENFORCED, by which its rows can be updated and deleted"
	}
	if n := updating(s.Input); n != nil {
		by = logical.Operator(n)
	}
	return fmt.Errorf("%w: table %s takes only inserted rows (connector %q), but the results of %s change as rows arrive; "+
		"group by a window (TUMBLE, HOP) so that each result is final, run it with SET 'execution.runtime-mode' = 'batch', %s",
		job.ErrInvalid, s.Table.Ident, c.Name, by, other)
}

// updating is the topmost operator whose results change.
func updating(n logical.Node) logical.Node {
	switch n := n.(type) {
	case *logical.Aggregate, *logical.Rank, *logical.Over:
		return n
	case *logical.Changelog:
		if n.To {
			return nil
		}
		return n
	case *logical.Join:
		if n.Type != logical.InnerJoin && n.Type != logical.SemiJoin {
			return n
		}
	}
	for _, in := range n.Inputs() {
		if a := updating(in); a != nil {
			return a
		}
	}
	return nil
}
