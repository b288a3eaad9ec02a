package logical

import (
	"fmt"
	"slices"
	"strings"
)

// Expand repeats every row, once for each list of Nulls: the columns of the list
// are NULL in that copy. The number of the list is appended as a column. It
// stands below an aggregation by several grouping sets.
type Expand struct {
	Input  Node
	Nulls  [][]int
	Output Schema
}

// Schema implements Node.
func (n *Expand) Schema() Schema { return n.Output }

// Inputs implements Node.
func (n *Expand) Inputs() []Node { return []Node{n.Input} }

// With implements Node.
func (n *Expand) With(in []Node) Node { c := *n; c.Input = in[0]; return &c }

func (*Expand) node() {}

// text is Flink's: the copies of a row, {a, null AS b, 1 AS $e}.
func (n *Expand) text() string {
	in := n.Input.Schema()
	copies := make([]string, len(n.Nulls))
	for i, null := range n.Nulls {
		parts := make([]string, len(in), len(in)+1)
		for j, c := range in {
			if parts[j] = c.Name; slices.Contains(null, j) {
				parts[j] = "null AS " + c.Name
			}
		}
		parts = append(parts, fmt.Sprintf("%d AS %s", i, n.Output[len(in)].Name))
		copies[i] = "{" + strings.Join(parts, ", ") + "}"
	}
	return "Expand(projects=[" + strings.Join(copies, ", ") + "])"
}
