package logical

import "strings"

// Unnest gives a row for each element of a collection of every row: the columns
// Keep of its input, those of the element (an array's element or the fields of
// that, a map's key and value), and, with Ordinality, its number from 1.
type Unnest struct {
	Input  Node
	Column int // the ARRAY, MAP or MULTISET
	Keep   []int
	// Outer keeps rows without elements, with NULLs.
	Outer      bool
	Ordinality bool
	// Call is the table function whose rows the elements are, or "".
	Call   string
	Output Schema
}

// Schema implements Node.
func (n *Unnest) Schema() Schema { return n.Output }

// Inputs implements Node.
func (n *Unnest) Inputs() []Node { return []Node{n.Input} }

// With implements Node.
func (n *Unnest) With(in []Node) Node { c := *n; c.Input = in[0]; return &c }

func (*Unnest) node() {}

// text is Flink's operator.
func (n *Unnest) text() string {
	kind := "INNER"
	if n.Outer {
		kind = "LEFT"
	}
	call := "$UNNEST_ROWS$1(" + n.Input.Schema()[n.Column].Name + ")"
	if n.Call != "" {
		call = n.Call
	}
	return "Correlate(invocation=[" + call + "], select=[" +
		strings.Join(n.Output.Names(), ",") + "], joinType=[" + kind + "])"
}
