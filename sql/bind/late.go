package bind

import (
	"context"
	"strings"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/logical"
)

// lateOption names, in the options of a table with a watermark, the table that
// receives the rows that come too late for a window over it.
const lateOption = "late.table"

// lateRows is where the rows of in go that come too late for a window, or nil.
func (b *Binder) lateRows(ctx context.Context, pos ast.Pos, in logical.Node) (*logical.Side, error) {
	names := map[string]bool{}
	lateTables(in, names)
	if len(names) == 0 || b.Batch {
		return nil, nil
	}
	if len(names) > 1 {
		return nil, diag.At(pos, "the rows of this window come from tables with different '%s'; give them the same one", lateOption)
	}
	for name := range names {
		return b.side(ctx, pos, job.Ident{}, name, in.Schema())
	}
	return nil, nil
}

// lateTables finds the option in the tables whose rows n passes on.
func lateTables(n logical.Node, names map[string]bool) {
	switch n := n.(type) {
	case *logical.Watermark:
		if n.Late != "" {
			names[strings.ReplaceAll(n.Late, "`", "")] = true
		}
	case *logical.Project, *logical.Filter, *logical.Union, *logical.Unnest:
		for _, in := range n.Inputs() {
			lateTables(in, names)
		}
	}
}
