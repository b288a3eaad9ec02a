package window

import (
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/vector/agg"
)

// Kind is the operator's name in a graph.
const Kind = "window-agg"

// Config is that of a vertex of kind Kind. The output's columns are the keys,
// the results of Aggs, and Properties; their names and types are those of the
// vertex's Output.
type Config struct {
	// Time is the column of event time: a TIMESTAMP or TIMESTAMP_LTZ.
	Time int `json:"time"`
	// SizeMillis is how long a window is. SlideMillis is how far the next one
	// begins behind it: 0 or the size for TUMBLE. OffsetMillis moves all.
	SizeMillis   int64 `json:"sizeMillis"`
	SlideMillis  int64 `json:"slideMillis,omitempty"`
	OffsetMillis int64 `json:"offsetMillis,omitempty"`
	// Cumulate says that windows grow by SlideMillis until they have
	// SizeMillis, a multiple of it.
	Cumulate bool `json:"cumulate,omitempty"`
	// GapMillis is how long a key has no rows before its session ends; it is
	// of sessions only, which have no size and no slide.
	GapMillis int64 `json:"gapMillis,omitempty"`
	// Processing says that windows are of processing time: a row is in those
	// of the last tick, and ticks complete them.
	Processing bool `json:"processing,omitempty"`
	// SkipNulls says that rows without a time are counted and dropped; they are
	// an error otherwise.
	SkipNulls bool `json:"skipNulls,omitempty"`
	// Zone is the time zone in which the windows of a TIMESTAMP_LTZ column
	// begin; "" is UTC. It must be empty for TIMESTAMP.
	Zone string `json:"zone,omitempty"`
	// Keys are the columns of GROUP BY beside the window.
	Keys []int      `json:"keys,omitempty"`
	Aggs []agg.Spec `json:"aggs"`
	// Properties of the window that are wanted.
	Properties []Property `json:"properties,omitempty"`
	// Changelog says that the input has rows of other kinds than +I.
	Changelog bool `json:"changelog,omitempty"`
	// OwnPanes is how many panes may have a table of their own; 0 is
	// DefaultOwnPanes. Those beyond it share one.
	OwnPanes int `json:"ownPanes,omitempty"`
}

// DefaultOwnPanes bounds what many small panes cost: a batch job has all panes
// of its input at once.
const DefaultOwnPanes = 512

// Property is a column that a window has.
type Property string

// The properties of windows.
const (
	Start Property = "window_start"
	End   Property = "window_end"  // exclusive
	Time  Property = "window_time" // the last millisecond of the window: its rows' event time
)

// propertyTypes are Flink's, where the vertex does not say more: wall-clock
// times, and a time attribute of the input's type.
func (p Property) dataType(in arrow.DataType) arrow.DataType {
	zone := ""
	if p == Time {
		zone = in.(*arrow.TimestampType).TimeZone
	}
	return &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: zone}
}

// check finds what is wrong with c over rows of schema in.
func (c *Config) check(in *arrow.Schema) error {
	if c.SlideMillis == 0 {
		c.SlideMillis = c.SizeMillis
	}
	if c.SizeMillis <= 0 || c.SlideMillis <= 0 {
		return fmt.Errorf("%w: window size %d ms and slide %d ms must be positive", job.ErrInvalid, c.SizeMillis, c.SlideMillis)
	}
	if c.Cumulate && c.SizeMillis%c.SlideMillis != 0 {
		return fmt.Errorf("%w: the size of CUMULATE, %d ms, must be a multiple of its step, %d ms", job.ErrInvalid, c.SizeMillis, c.SlideMillis)
	}
	if c.Time < 0 || c.Time >= in.NumFields() {
		return fmt.Errorf("%w: no column %d for the window's time", job.ErrInvalid, c.Time)
	}
	t, ok := in.Field(c.Time).Type.(*arrow.TimestampType)
	if !ok {
		return fmt.Errorf("%w: the window's time column %s is %v, not a TIMESTAMP", job.ErrInvalid, in.Field(c.Time).Name, in.Field(c.Time).Type)
	}
	if c.Zone != "" && t.TimeZone == "" {
		return fmt.Errorf("%w: a TIMESTAMP column has no time zone, but its windows have %s", job.ErrInvalid, c.Zone)
	}
	for _, p := range c.Properties {
		if p != Start && p != End && p != Time {
			return fmt.Errorf("%w: a window has no %q", job.ErrInvalid, p)
		}
	}
	return nil
}

// location is the zone of the windows; nil is UTC.
func (c *Config) location() (*time.Location, error) {
	if c.Zone == "" || c.Zone == "UTC" {
		return nil, nil
	}
	loc, err := time.LoadLocation(c.Zone)
	if err != nil {
		return nil, fmt.Errorf("%w: time zone of the windows: %w", job.ErrInvalid, err)
	}
	return loc, nil
}

// output is the schema of the results, and sets the types of c.Aggs.
func (c *Config) output(v job.Vertex, in *arrow.Schema) (*arrow.Schema, error) {
	if out := v.Output.Schema; out != nil {
		if n := len(c.Keys) + len(c.Aggs) + len(c.Properties); out.NumFields() != n {
			return nil, fmt.Errorf("%w: %d output columns, want %d", job.ErrInvalid, out.NumFields(), n)
		}
		for i := range c.Aggs {
			c.Aggs[i].Of = out.Field(len(c.Keys) + i).Type
		}
		return out, nil
	}
	var fields []arrow.Field
	for _, k := range c.Keys {
		fields = append(fields, in.Field(k))
	}
	for i, a := range c.Aggs {
		var arg arrow.DataType
		if len(a.Args) > 0 {
			arg = in.Field(a.Args[0]).Type
		}
		of, err := agg.ResultType(a.Func, arg)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
		}
		fields = append(fields, arrow.Field{Name: fmt.Sprintf("agg%d", i), Type: of, Nullable: true})
	}
	for _, p := range c.Properties {
		fields = append(fields, arrow.Field{Name: string(p), Type: p.dataType(in.Field(c.Time).Type)})
	}
	return arrow.NewSchema(fields, nil), nil
}

// New builds the operator of a vertex of kind Kind.
func New(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) { return build(v, in, nil) }

// With is New for aggregate functions of the user.
func With(functions map[string]agg.User) ops.NewOperator {
	return func(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) { return build(v, in, functions) }
}

func build(v job.Vertex, in []*arrow.Schema, functions map[string]agg.User) (ops.Operator, error) {
	c, err := ops.DecodeConfig[Config](v)
	if err != nil {
		return nil, err
	}
	if len(in) != 1 {
		return nil, fmt.Errorf("%w: %s has %d inputs, want 1", job.ErrInvalid, v.Name, len(in))
	}
	if err := agg.Resolve(c.Aggs, functions); err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	return NewAggregate(c, v, in[0])
}
