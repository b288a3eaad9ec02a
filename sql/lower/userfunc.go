package lower

import (
	"strings"

	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// retractable reports a function of the user that cannot take rows away again,
// where it has to.
func retractable(aggs []logical.AggCall, why string) error {
	for _, a := range aggs {
		if a.User != nil && a.User.NoRetract {
			return diag.At(a.User.Pos, "%s cannot take a row away again, which it has to because %s; give the function in Go a Retract", a.User.Name, why)
		}
	}
	return nil
}

// windowable reports a function of the user that cannot do what the windows
// need of it.
func windowable(n *logical.WindowAggregate, in Mode) error {
	if in != Insert {
		if err := retractable(n.Aggs, "the rows below it change"); err != nil {
			return err
		}
	}
	if n.Spec.Kind == logical.Tumble {
		return nil
	}
	for _, a := range n.Aggs {
		if a.User != nil && a.User.NoMerge && !a.Distinct {
			return diag.At(a.User.Pos, "%s cannot put two parts of a group together, as %s windows do; give the function in Go a Merge", a.User.Name, n.Spec.Kind)
		}
	}
	return nil
}

// repeatable reports a function of the user whose results for a row that is
// taken back may be others than those for the row that came.
func (b *builder) repeatable(in Mode, exprs ...expr.Expr) error {
	if in&(UpdateBefore|Delete) == 0 {
		return nil
	}
	var err error
	for _, e := range exprs {
		if e == nil {
			continue
		}
		logical.Walk(e, func(e expr.Expr) bool {
			if c, ok := e.(*expr.Call); ok && err == nil && b.o.Registry.Volatile[c.Func] {
				err = diag.Located(c.At, "%s may give other results when a row is taken back than when it came, and the rows below it change; "+
					"call it where rows are only inserted, or declare it without Volatile", strings.TrimPrefix(c.Func, expr.UserPrefix))
			}
			return err == nil
		})
	}
	return err
}

// rejection is what becomes of rows for which a function of the user fails.
type rejection struct {
	table string // they are of, or "": they fail the job
	side  *logical.Side
}

// badCalls is what 'error.policy' of the table below says, where functions of the
// user are called for its rows, or where a sink checks them.
func badCalls(input logical.Node, exprs ...expr.Expr) rejection {
	if userCall(exprs...) == nil && !checks(exprs) {
		return rejection{}
	}
	for {
		switch n := input.(type) {
		case *logical.Project, *logical.Filter, *logical.Unnest, *logical.Watermark, *logical.Window:
			input = n.Inputs()[0]
			continue
		case *logical.Scan:
			switch n.Table.Options["error.policy"] {
			case "skip", "dead-letter":
				return rejection{table: n.Table.Ident.String(), side: n.Errors}
			}
		}
		return rejection{}
	}
}

// checks reports the checks of a sink's columns.
func checks(exprs []expr.Expr) bool {
	found := false
	for _, e := range exprs {
		if e != nil {
			logical.Walk(e, func(e expr.Expr) bool {
				c, ok := e.(*expr.Call)
				found = found || ok && c.Func == "checked"
				return !found
			})
		}
	}
	return found
}

// userCall is the first call of a function of the user, or nil.
func userCall(exprs ...expr.Expr) *expr.Call {
	var found *expr.Call
	for _, e := range exprs {
		if e == nil {
			continue
		}
		logical.Walk(e, func(e expr.Expr) bool {
			if c, ok := e.(*expr.Call); ok && found == nil && strings.HasPrefix(c.Func, expr.UserPrefix) {
				found = c
			}
			return found == nil
		})
	}
	return found
}
