package logical

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/vector/expr"
)

// Match finds patterns in the ordered rows of each partition and gives one row
// for each match: the columns of the partition, then the measures.
//
// The conditions and measures are expressions over the columns of the input,
// which are those of the current row, and, behind them, over Refs.
type Match struct {
	Input     Node
	Partition []int
	Order     []SortKey
	Vars      []string // the variables of the pattern
	Pattern   []PatternPart
	Refs      []MatchRef
	Define    []expr.Expr // by variable; nil is true
	Measures  []expr.Expr // over Refs alone
	Skip      SkipKind
	SkipVar   int   // of SkipToFirst and SkipToLast
	Within    int64 // milliseconds, or 0
	Output    Schema
}

// PatternPart is one variable of a pattern with its quantifier. Max is -1 for
// no limit.
type PatternPart struct {
	Var      int
	Min, Max int
	Greedy   bool
}

// MatchRef is something about the rows of a match so far, with the current row
// when it stands in the condition of one of Vars: a column of its first or last
// row, or an aggregate over its rows.
type MatchRef struct {
	Vars uint64 // bits of the variables whose rows count
	// First and Offset say which of these rows: Offset behind the first, or
	// before the last.
	First  bool
	Offset int64
	Column int
	// Agg is set for an aggregate.
	Agg  *AggCall
	Type datatype.Type
}

// SkipKind is where matching goes on behind a match.
type SkipKind uint8

// The places.
const (
	SkipPastLast SkipKind = iota
	SkipToNext
	SkipToFirst
	SkipToLast
)

func (k SkipKind) String() string {
	return [...]string{"PAST LAST ROW", "TO NEXT ROW", "TO FIRST", "TO LAST"}[k]
}

// Schema implements Node.
func (n *Match) Schema() Schema { return n.Output }

// Inputs implements Node.
func (n *Match) Inputs() []Node { return []Node{n.Input} }

// With implements Node.
func (n *Match) With(in []Node) Node { c := *n; c.Input = in[0]; return &c }

func (*Match) node() {}

// PatternText prints a pattern: A B{2,} C.
func (n *Match) PatternText() string {
	parts := make([]string, len(n.Pattern))
	for i, p := range n.Pattern {
		parts[i] = n.Vars[p.Var] + p.quantifier()
	}
	return strings.Join(parts, " ")
}

func (p PatternPart) quantifier() string {
	text := ""
	switch {
	case p.Min == 1 && p.Max == 1:
		return ""
	case p.Min == 0 && p.Max == 1:
		return "?"
	case p.Min == 0 && p.Max < 0:
		text = "*"
	case p.Min == 1 && p.Max < 0:
		text = "+"
	case p.Max < 0:
		text = fmt.Sprintf("{%d,}", p.Min)
	case p.Min == p.Max:
		return fmt.Sprintf("{%d}", p.Min)
	default:
		text = fmt.Sprintf("{%d,%d}", p.Min, p.Max)
	}
	if !p.Greedy {
		text += "?"
	}
	return text
}

// RefNames are the names of what conditions and measures refer to: of the
// input's columns and of Refs. below are those of the input's columns.
func (n *Match) RefNames(below []string) []string {
	out := append([]string{}, below...)
	for _, r := range n.Refs {
		var vars []string
		for i, v := range n.Vars {
			if r.Vars>>i&1 == 1 {
				vars = append(vars, v)
			}
		}
		of := strings.Join(vars, "|")
		if len(vars) == len(n.Vars) {
			of = "*"
		}
		switch {
		case r.Agg != nil:
			out = append(out, AggText(*r.Agg, below)+" OF "+of)
		case r.First:
			out = append(out, "FIRST("+of+"."+below[r.Column]+", "+strconv.FormatInt(r.Offset, 10)+")")
		default:
			out = append(out, "LAST("+of+"."+below[r.Column]+", "+strconv.FormatInt(r.Offset, 10)+")")
		}
	}
	return out
}

// DefineText prints the conditions: B AS (…), C AS (…).
func (n *Match) DefineText(below []string) string {
	names := n.RefNames(below)
	var parts []string
	for i, d := range n.Define {
		if d != nil {
			parts = append(parts, n.Vars[i]+" AS "+Text(d, names))
		}
	}
	return strings.Join(parts, ", ")
}

func matchOperator(n *Match) string {
	names := n.Input.Schema().Names()
	text := "Match("
	if len(n.Partition) > 0 {
		text += "partitionBy=[" + strings.Join(KeyNames(n.Partition, n.Input.Schema()), ", ") + "], "
	}
	text += "orderBy=[" + OrderText(n.Order, names) + "], measures=[" +
		Items(n.Measures, n.Output[len(n.Partition):], n.RefNames(names)) + "], rowsPerMatch=[ONE ROW PER MATCH], after=[SKIP " + n.Skip.String()
	if n.Skip >= SkipToFirst {
		text += " " + n.Vars[n.SkipVar]
	}
	text += "], pattern=[" + n.PatternText() + "]"
	if n.Within > 0 {
		text += ", within=[" + Span(n.Within) + "]"
	}
	return text + ", define=[" + n.DefineText(names) + "])"
}
