package lower

import (
	"fmt"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// timely refuses a stream whose rows are judged by a time attribute that may be
// behind the watermark: rows would be dropped as late without a word.
func (b *builder) timely(n logical.Node) error {
	if b.atEnd() {
		return nil
	}
	switch n := n.(type) {
	case *logical.WindowAggregate:
		if !n.Spec.Processing {
			return b.untimely(n.Input, n.Spec.Time)
		}
	case *logical.Window:
		if n.Spec.Kind == logical.Session && !n.Spec.Processing {
			return b.untimely(n.Input, n.Spec.Time)
		}
	case *logical.Rank:
		if last, latest := n.Latest(); latest && !last {
			return b.untimely(n.Input, n.Order[0].Column)
		}
	case *logical.Join:
		if n.AsOf != nil && !n.AsOf.Lookup {
			if err := b.untimely(n.Left, n.AsOf.Time); err != nil {
				return err
			}
			return b.untimely(n.Right, n.AsOf.Version)
		}
	default: // does not look at event time
	}
	return nil
}

// untimely is the error of a column that has passed a join which keeps its rows
// for ever, and gives them when a partner comes.
func (b *builder) untimely(n logical.Node, column int) error {
	for {
		switch x := n.(type) {
		case *logical.Project:
			c, ok := x.Exprs[column].(*expr.Column)
			if !ok {
				return nil
			}
			n, column = x.Input, c.Index
		case *logical.Filter, *logical.Watermark, *logical.Sort:
			n = x.Inputs()[0]
		case *logical.Union:
			for _, in := range x.In {
				if err := b.untimely(in, column); err != nil {
					return err
				}
			}
			return nil
		case *logical.Unnest:
			if column >= len(x.Keep) {
				return nil
			}
			n, column = x.Input, x.Keep[column]
		case *logical.Window, *logical.Over, *logical.Rank:
			in := x.Inputs()[0]
			if w, ok := x.(*logical.Window); ok && column >= len(in.Schema()) {
				column = w.Spec.Time
			}
			if column >= len(in.Schema()) {
				return nil
			}
			n = in
		case *logical.WindowAggregate:
			if x.Spec.Emits && b.o.Emission != nil && b.o.Emission.LatenessMillis > 0 {
				return fmt.Errorf("%w: the time attribute %s comes from windows that give results behind their end ('table.exec.emit.allow-lateness'), which would be dropped as late; "+
					"RESET it, or group by the time without a window", job.ErrInvalid, x.Output[column].Name)
			}
			return nil
		case *logical.Join:
			if _, _, ok := b.windowKeys(x); ok {
				if p, ok := b.windowColumn(x, column); ok && p.property == logical.WindowTime {
					return nil
				}
				return untimelyError(x, column)
			}
			if b.kept(x) {
				return untimelyError(x, column)
			}
			if left := len(x.Left.Schema()); column < left {
				n = x.Left
			} else {
				n, column = x.Right, column-left
			}
		default: // a source, or what makes times of its own
			return nil
		}
	}
}

// kept reports whether a join keeps rows without a bound in time, and may give
// them long after their time.
func (b *builder) kept(n *logical.Join) bool {
	if n.AsOf != nil {
		return false
	}
	_, within := timeBounds(n)
	return !within || n.Type.Half()
}

func untimelyError(n *logical.Join, column int) error {
	name := n.Output[column].Name
	return fmt.Errorf("%w: the time attribute %s comes from a join that may give a row long after its time, so that it would be dropped as late; "+
		"bound the join in time (a.ts BETWEEN b.ts - INTERVAL '1' MINUTE AND b.ts + INTERVAL '1' MINUTE), join within windows (window_start and window_end equal), or join FOR SYSTEM_TIME AS OF %s; "+
		"or run it with SET 'execution.runtime-mode' = 'batch'", job.ErrInvalid, name, name)
}
