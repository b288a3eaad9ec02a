package rank

import (
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/idle"
	"github.com/wadi-engine/wadi/vector"
)

// Kind is the operator's name in a graph.
const Kind = "rank"

// Function numbers the rows of a partition.
type Function string

// The functions: 1 2 3 4, 1 2 2 4 and 1 2 2 3 where the second and the third
// row are equal in the order.
const (
	RowNumber Function = "row_number"
	Gaps      Function = "rank"
	Dense     Function = "dense_rank"
)

// Key is one column of an order.
type Key struct {
	Column     int  `json:"column"`
	Desc       bool `json:"desc,omitempty"`
	NullsFirst bool `json:"nullsFirst,omitempty"`
}

// Config is that of a vertex of kind Kind. The output's columns are the input's
// and, with Number, the rank.
type Config struct {
	Function  Function `json:"function"`
	Partition []int    `json:"partition,omitempty"`
	Order     []Key    `json:"order,omitempty"`
	// From and To are the ranks that are kept, from 1.
	From int64 `json:"from"`
	To   int64 `json:"to"`
	// Limit is the column that gives To in place of it: one by which the rows
	// are partitioned.
	Limit *int `json:"limit,omitempty"`
	// Window is set when the partition holds the window of the rows: results
	// are given once, when the watermark passes the window's end.
	Window *Window `json:"window,omitempty"`
	Number bool    `json:"number,omitempty"`
	// LatestFirst says that of equal rows the one that came last is first.
	LatestFirst bool `json:"latestFirst,omitempty"`
	// UpdateBefore says that an update is -U and +U, and not +U alone.
	UpdateBefore bool `json:"updateBefore,omitempty"`
	// FinalOnly says that rows are emitted once, at the end of the input.
	FinalOnly bool `json:"finalOnly,omitempty"`
	// Changelog says that the input has rows of other kinds than +I.
	Changelog bool `json:"changelog,omitempty"`
	// With a TTL, partitions without rows for so long are forgotten.
	idle.Settings
}

// Window says which window a row is in.
type Window struct {
	// End is the column that holds the end of the window.
	End int `json:"end"`
	// Zone is where the end is the time on the wall; "" is UTC.
	Zone string `json:"zone,omitempty"`
}

// New builds the operator of a vertex of kind Kind.
func New(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) {
	c, err := ops.DecodeConfig[Config](v)
	if err != nil {
		return nil, err
	}
	if len(in) != 1 {
		return nil, fmt.Errorf("%w: %s has %d inputs, want 1", job.ErrInvalid, v.Name, len(in))
	}
	return NewRank(c, v, in[0])
}

// check reports columns that are not there.
func (c *Config) check(in *arrow.Schema) error {
	cols := append([]int{}, c.Partition...)
	for _, k := range c.Order {
		cols = append(cols, k.Column)
	}
	if c.Limit != nil {
		cols = append(cols, *c.Limit)
	}
	if c.Window != nil {
		cols = append(cols, c.Window.End)
	}
	for _, i := range cols {
		if i < 0 || i >= in.NumFields() {
			return fmt.Errorf("%w: column %d of %d", job.ErrInvalid, i, in.NumFields())
		}
	}
	switch c.Function {
	case RowNumber, Gaps, Dense:
	default:
		return fmt.Errorf("%w: no ranking function %q", job.ErrInvalid, c.Function)
	}
	if c.Limit != nil && in.Field(*c.Limit).Type.ID() != arrow.INT64 {
		return fmt.Errorf("%w: the limit is of type %v, want int64", job.ErrInvalid, in.Field(*c.Limit).Type)
	}
	if c.Window != nil {
		if _, ok := in.Field(c.Window.End).Type.(*arrow.TimestampType); !ok {
			return fmt.Errorf("%w: the window ends at a %v, want a timestamp", job.ErrInvalid, in.Field(c.Window.End).Type)
		}
	}
	return nil
}

// keys are the order keys of rows.
func (c *Config) keys(in *arrow.Schema) *vector.OrderKeys {
	fields := make([]arrow.Field, len(c.Order))
	orders := make([]vector.Order, len(c.Order))
	for i, k := range c.Order {
		fields[i] = in.Field(k.Column)
		orders[i] = vector.Order{Desc: k.Desc, Nulls: vector.NullsLast}
		if k.NullsFirst {
			orders[i].Nulls = vector.NullsFirst
		}
	}
	return vector.NewOrderKeys(fields, orders)
}

// output is the schema of the results.
func (c *Config) output(v job.Vertex, in *arrow.Schema) *arrow.Schema {
	if v.Output.Schema != nil {
		return v.Output.Schema
	}
	fields := in.Fields()
	if c.Number {
		fields = append(fields[:len(fields):len(fields)], arrow.Field{Name: "rank", Type: arrow.PrimitiveTypes.Int64})
	}
	return arrow.NewSchema(fields, nil)
}

func (w *Window) location() (*time.Location, error) {
	if w == nil || w.Zone == "" {
		return nil, nil
	}
	loc, err := time.LoadLocation(w.Zone)
	if err != nil {
		return nil, fmt.Errorf("%w: time zone %q: %w", job.ErrInvalid, w.Zone, err)
	}
	return loc, nil
}
