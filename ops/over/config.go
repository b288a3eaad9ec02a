package over

import (
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/idle"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/agg"
)

// The operators' names in a graph.
const (
	StreamKind = "over-stream"
	TableKind  = "over-table"
)

// Key is one column of an order.
type Key struct {
	Column     int  `json:"column"`
	Desc       bool `json:"desc,omitempty"`
	NullsFirst bool `json:"nullsFirst,omitempty"`
}

// BoundKind is one end of a frame.
type BoundKind string

// The ends of frames.
const (
	UnboundedPreceding BoundKind = "unbounded preceding"
	Preceding          BoundKind = "preceding"
	CurrentRow         BoundKind = "current row"
	Following          BoundKind = "following"
	UnboundedFollowing BoundKind = "unbounded following"
)

// Bound is one end of a frame. Offset counts rows; of a range it is
// milliseconds of a time, and else steps of the last digit of the order's
// column, or Float where that is a floating-point number.
type Bound struct {
	Kind   BoundKind `json:"kind"`
	Offset int64     `json:"offset,omitempty"`
	Float  float64   `json:"float,omitempty"`
}

// Frame is the rows around a row over which a function is computed.
type Frame struct {
	Range bool  `json:"range,omitempty"`
	Start Bound `json:"start"`
	End   Bound `json:"end"`
}

// Call is one function: an aggregate of vector/agg over a frame, or row_number,
// rank, dense_rank, percent_rank, cume_dist, ntile, lag or lead.
type Call struct {
	agg.Spec
	Frame Frame `json:"frame"`
	// Offset is that of lag and lead, and the number of buckets of ntile.
	Offset int64 `json:"offset,omitempty"`
	// Shifts says that the last argument of lag or lead is its offset.
	Shifts bool `json:"shifts,omitempty"`
}

// Config is that of a vertex of either kind. The output's columns are the
// input's and the results of Calls.
type Config struct {
	Partition []int  `json:"partition,omitempty"`
	Order     []Key  `json:"order,omitempty"`
	Calls     []Call `json:"calls"`

	// Arrival says of a stream that rows are ordered as they come; otherwise
	// the first column of the order is event time, ascending.
	Arrival bool `json:"arrival,omitempty"`

	// The others are of tables.

	// UpdateBefore says that an update is -U and +U, and not +U alone.
	UpdateBefore bool `json:"updateBefore,omitempty"`
	// FinalOnly says that rows are emitted once, at the end of the input.
	FinalOnly bool `json:"finalOnly,omitempty"`
	// Changelog says that the input has rows of other kinds than +I.
	Changelog bool `json:"changelog,omitempty"`
	// With a TTL, partitions without rows for so long are forgotten.
	idle.Settings
}

// direct are the functions that are computed from the places of rows.
var direct = []string{"row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile", "lag", "lead"}

func (c *Call) direct() bool { return slices.Contains(direct, c.Func) }

// ends reports functions that are the first or last value of their frame.
func (c *Call) ends() bool { return c.Func == "first_value" || c.Func == "last_value" }

// open builds the parts that both operators share.
func open(v job.Vertex, in []*arrow.Schema, functions map[string]agg.User) (*window, error) {
	c, err := ops.DecodeConfig[Config](v)
	if err != nil {
		return nil, err
	}
	if len(in) != 1 {
		return nil, fmt.Errorf("%w: %s has %d inputs, want 1", job.ErrInvalid, v.Name, len(in))
	}
	if v.Output.Schema == nil {
		return nil, fmt.Errorf("%w: %s has no output columns", job.ErrInvalid, v.Name)
	}
	for i := range c.Calls {
		one := []agg.Spec{c.Calls[i].Spec}
		if err := agg.Resolve(one, functions); err != nil {
			return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
		}
		c.Calls[i].Spec = one[0]
	}
	w := &window{c: c, in: in[0], out: v.Output.Schema}
	return w, w.check()
}

// window is the configuration and what follows from it.
type window struct {
	c       Config
	in, out *arrow.Schema
	keys    *vector.OrderKeys
	types   []arrow.DataType
	parts   []arrow.DataType // of the partition
}

func (w *window) check() error {
	n := w.in.NumFields()
	if w.out.NumFields() != n+len(w.c.Calls) {
		return fmt.Errorf("%w: %d output columns, want %d", job.ErrInvalid, w.out.NumFields(), n+len(w.c.Calls))
	}
	cols := slices.Clone(w.c.Partition)
	var fields []arrow.Field
	var orders []vector.Order
	for _, k := range w.c.Order {
		cols = append(cols, k.Column)
		if k.Column >= 0 && k.Column < n {
			fields = append(fields, w.in.Field(k.Column))
			orders = append(orders, k.order())
		}
	}
	for i := range w.c.Calls {
		call := &w.c.Calls[i]
		call.Of = w.out.Field(n + i).Type
		cols = append(cols, call.Args...)
		if call.Filter >= 0 {
			cols = append(cols, call.Filter)
		}
	}
	for _, i := range cols {
		if i < 0 || i >= n {
			return fmt.Errorf("%w: column %d of %d", job.ErrInvalid, i, n)
		}
	}
	w.keys = vector.NewOrderKeys(fields, orders)
	for _, f := range w.in.Fields() {
		w.types = append(w.types, f.Type)
	}
	for _, k := range w.c.Partition {
		w.parts = append(w.parts, w.types[k])
	}
	return nil
}

func (k Key) order() vector.Order {
	o := vector.Order{Desc: k.Desc, Nulls: vector.NullsLast}
	if k.NullsFirst {
		o.Nulls = vector.NullsFirst
	}
	return o
}

// distance is what a range of n is in the values of the order's column:
// milliseconds in its unit, days of a date.
func distance(t arrow.DataType, n int64) int64 {
	switch t := t.(type) {
	case *arrow.TimestampType:
		switch t.Unit {
		case arrow.Second:
			return n / 1000
		case arrow.Millisecond:
			return n
		case arrow.Microsecond:
			return n * 1000
		case arrow.Nanosecond:
			return n * 1_000_000
		}
	case *arrow.Date32Type:
		return n / 86_400_000
	}
	return n
}
