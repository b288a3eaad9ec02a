package logical

import (
	"strings"

	"github.com/wadi-engine/wadi/stream"
)

// Changelog is FROM_CHANGELOG, which makes changes of rows that say in a column
// what they are, or TO_CHANGELOG, which makes such rows of changes.
type Changelog struct {
	Input Node
	// To says that it is TO_CHANGELOG, whose first column is the new one.
	To bool
	// Column is the one of FROM_CHANGELOG's input that its result lacks.
	Column int
	Codes  []ChangeCode
	Skip   bool // rows of FROM_CHANGELOG with other codes are left out
	// Keys are the columns of the result by which FROM_CHANGELOG gives no
	// UPDATE_BEFORE, or none.
	Keys   []int
	Output Schema
}

// ChangeCode is how a kind of change is called.
type ChangeCode struct {
	Text string
	Kind stream.RowKind
}

// changeNames are Flink's names of the kinds of changes.
var changeNames = []string{"INSERT", "UPDATE_BEFORE", "UPDATE_AFTER", "DELETE"}

// ChangeNames are the names of the kinds of changes, in their order.
func ChangeNames() []string { return append([]string{}, changeNames...) }

// Has reports whether a kind of change has a code.
func (n *Changelog) Has(kind stream.RowKind) bool {
	for _, c := range n.Codes {
		if c.Kind == kind {
			return true
		}
	}
	return false
}

// Schema implements Node.
func (n *Changelog) Schema() Schema { return n.Output }

// Inputs implements Node.
func (n *Changelog) Inputs() []Node { return []Node{n.Input} }

// With implements Node.
func (n *Changelog) With(in []Node) Node { c := *n; c.Input = in[0]; return &c }

func (*Changelog) node() {}

// name is the function's.
func (n *Changelog) name() string {
	if n.To {
		return "TO_CHANGELOG"
	}
	return "FROM_CHANGELOG"
}

// Text is the function with what it does, over an input with columns of these
// names.
func (n *Changelog) Text(names []string) string {
	parts := make([]string, len(n.Codes))
	for i, c := range n.Codes {
		parts[i] = "'" + c.Text + "' " + changeNames[c.Kind]
	}
	op := n.Output[0].Name
	if !n.To {
		op = names[n.Column]
	}
	text := n.name() + "(op=[" + op + "], op_mapping=[" + strings.Join(parts, ", ") + "]"
	if n.Skip {
		text += ", invalid_op_handling=[SKIP]"
	}
	return text + ")"
}

func (n *Changelog) operator() string {
	return "ProcessTableFunction(invocation=[" + n.Text(n.Input.Schema().Names()) + "], select=[" + strings.Join(n.Output.Names(), ", ") + "])"
}
