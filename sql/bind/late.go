package bind

import (
	"context"
	"strings"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/catalog"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/logical"
)

// Options of a table with a watermark: the table that receives the rows that come too
// late for a window over it, or else what becomes of them.
const (
	lateOption = "late.table"
	latePolicy = "late.policy"
	errorTable = "error.table"
)

// latePolicies are the values of late.policy.
var latePolicies = map[string]logical.LatePolicy{
	"": logical.LateSkipped, "skip": logical.LateSkipped, "fail": logical.LateFails, "dead-letter": logical.LateLetters,
}

// late reads what becomes of late rows of a table.
func (b *Binder) late(pos ast.Pos, t *catalog.Table) (logical.Late, error) {
	name, text := t.Options[lateOption], t.Options[latePolicy]
	policy, ok := latePolicies[text]
	switch l := (logical.Late{Policy: policy, Of: t.Ident}); {
	case !ok:
		return l, diag.At(pos, "table %s: '%s' = '%s': want skip, fail or dead-letter", t.Ident, latePolicy, text)
	case t.Watermark == nil && (name != "" || text != ""):
		return l, diag.At(pos, "table %s has no watermark, so that no row is late: '%s' and '%s' need WATERMARK FOR", t.Ident, lateOption, latePolicy)
	case name != "" && policy != logical.LateSkipped:
		return l, diag.At(pos, "table %s: late rows go into '%s' or by '%s' = '%s': leave one of them out", t.Ident, lateOption, latePolicy, text)
	case name != "":
		l.Policy, l.Table = logical.LateKept, name
		return l, nil
	case policy == logical.LateLetters:
		if l.Table = t.Options[errorTable]; l.Table == "" {
			return l, diag.At(pos, "table %s: '%s' = 'dead-letter' needs the option '%s', the table that receives the rows", t.Ident, latePolicy, errorTable)
		}
		return l, nil
	default:
		return l, nil
	}
}

// forConnector leaves out what only the planner wants of options.
func forConnector(options map[string]string) {
	if options[latePolicy] == "dead-letter" && options["error.policy"] != "dead-letter" {
		delete(options, errorTable)
	}
	delete(options, lateOption)
	delete(options, latePolicy)
}

// lateRows is where the rows of in go that come too late for a window, or nil.
func (b *Binder) lateRows(ctx context.Context, pos ast.Pos, in logical.Node) (*logical.Side, error) {
	var all []logical.Late
	lateTables(in, &all)
	if len(all) == 0 || b.Batch {
		return nil, nil
	}
	first := all[0]
	var of []string
	for _, l := range all {
		if l.Policy != first.Policy || l.Table != first.Table {
			return nil, diag.At(pos, "the rows of this window come from tables with different '%s' or '%s'; give them the same ones", lateOption, latePolicy)
		}
		of = append(of, l.Of.String())
	}
	if first.Policy == logical.LateKept {
		return b.side(ctx, pos, job.Ident{}, first.Table, in.Schema())
	}
	s := &logical.Side{Exprs: in.Schema().Refs(), Output: in.Schema(), Rejects: &logical.Rejects{Of: strings.Join(of, ", ")}}
	var err error
	if first.Policy == logical.LateLetters {
		s.Rejects.Letters, err = b.letters(ctx, pos, first.Of, first.Table)
	}
	return s, err
}

// lateTables finds what is said of late rows by the tables whose rows n passes on.
func lateTables(n logical.Node, all *[]logical.Late) {
	switch n := n.(type) {
	case *logical.Watermark:
		if n.Late.Policy != logical.LateSkipped {
			l := n.Late
			l.Table = strings.ReplaceAll(l.Table, "`", "")
			*all = append(*all, l)
		}
	case *logical.Project, *logical.Filter, *logical.Union, *logical.Unnest:
		for _, in := range n.Inputs() {
			lateTables(in, all)
		}
	}
}
