package lower

import (
	"fmt"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/sql/logical"
)

// updates reports whether the rows of n change after they were emitted.
//
// A window aggregate gives each window once. An unwindowed aggregate gives a
// new result with every batch, except in batch mode, where it waits for the
// end. All others pass on what they get.
func (b *builder) updates(n logical.Node) bool {
	switch n.(type) {
	case *logical.Aggregate:
		return !b.o.Batch
	case *logical.WindowAggregate:
		return false
	}
	for _, in := range n.Inputs() {
		if b.updates(in) {
			return true
		}
	}
	return false
}

// require notes which vertices must say what a row was before an update: those
// whose readers keep sums, filter, or write to a place that does not find rows
// by key.
func (b *builder) require(n logical.Node, before bool) {
	switch n := n.(type) {
	case *logical.Sink:
		before = len(n.Table.PrimaryKey) == 0
	case *logical.Aggregate, *logical.WindowAggregate, *logical.Filter, *logical.Sort:
		b.note(n, before)
		before = true
	}
	b.note(n, before)
	for _, in := range n.Inputs() {
		b.require(in, before)
	}
}

func (b *builder) note(n logical.Node, before bool) {
	if _, ok := n.(*logical.Aggregate); ok {
		d := b.digest(n)
		b.before[d] = b.before[d] || before
	}
}

// refuseUpdates is the error of a sink that takes only inserts.
func (b *builder) refuseUpdates(s *logical.Sink, connector string) error {
	by := "the query"
	if n := updating(s.Input); n != nil {
		by = logical.Operator(n)
	}
	return fmt.Errorf("%w: table %s takes only inserted rows (connector %q), but the results of %s change as rows arrive; "+
		"group by a window (TUMBLE, HOP) so that each result is final, run it with SET 'execution.runtime-mode' = 'batch', or write to a connector that takes updates",
		job.ErrInvalid, s.Table.Ident, connector, by)
}

// updating is the topmost unwindowed aggregation.
func updating(n logical.Node) logical.Node {
	if a, ok := n.(*logical.Aggregate); ok {
		return a
	}
	for _, in := range n.Inputs() {
		if a := updating(in); a != nil {
			return a
		}
	}
	return nil
}
