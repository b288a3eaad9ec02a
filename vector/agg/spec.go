// Package agg holds columnar accumulators: add, merge and retract for whole
// batches of rows, with the accumulators in the rows of a hash table.
package agg

import "github.com/apache/arrow-go/v18/arrow"

// Spec is one aggregate function of a query.
type Spec struct {
	// Func is count (of rows, or of non-null arguments), sum, sum0, avg, min,
	// max, first_value, last_value, …
	Func string `json:"func"`
	// Args are input columns; empty for COUNT(*).
	Args []int `json:"args,omitempty"`
	// Distinct counts each value of the arguments once.
	Distinct bool `json:"distinct,omitempty"`
	// Filter is a BOOLEAN input column; only rows where it is true count. -1
	// means every row.
	Filter int `json:"filter"`
	// Of is the type of the result, as the planner decided it.
	Of arrow.DataType `json:"-"`
}
