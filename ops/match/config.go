package match

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/vector/agg"
	"github.com/wadi-engine/wadi/vector/expr"
)

// Kind is the operator's name in a graph.
const Kind = "match"

// Skip is where matching goes on behind a match.
type Skip string

// The places.
const (
	PastLast Skip = "past last"
	ToNext   Skip = "to next"
	ToFirst  Skip = "to first" // of Config.SkipVar
	ToLast   Skip = "to last"
)

// Part is one variable of the pattern with its quantifier. Max is negative for
// no limit.
type Part struct {
	Var    int  `json:"var"`
	Min    int  `json:"min"`
	Max    int  `json:"max"`
	Greedy bool `json:"greedy,omitempty"`
}

// greedy reports a part whose rows cannot be those of the part behind it.
func (p Part) greedy() bool { return p.Greedy && p.Min != p.Max && (p.Min != 0 || p.Max != 1) }

// Ref is something about the rows of a match whose variables are among Vars: a
// column of the one Offset behind the first or before the last, or an aggregate.
type Ref struct {
	Vars   uint64    `json:"vars"`
	First  bool      `json:"first,omitempty"`
	Offset int64     `json:"offset,omitempty"`
	Column int       `json:"column,omitempty"`
	Agg    *agg.Spec `json:"agg,omitempty"`
}

// Config is that of a vertex of kind Kind, whose input is inserts, in order
// within each partition. The output's columns are those of the partition and
// the measures.
type Config struct {
	Partition []int  `json:"partition,omitempty"`
	Pattern   []Part `json:"pattern"`
	// Refs are the columns behind those of the input to which Define and
	// Measures refer.
	Refs []Ref `json:"refs,omitempty"`
	// Define are the conditions, by variable, over the columns of the current
	// row and Refs; nil is true.
	Define   []*expr.Doc `json:"define"`
	Measures []expr.Doc  `json:"measures"`
	Skip     Skip        `json:"skip"`
	SkipVar  int         `json:"skipVar,omitempty"`
	// WithinMillis bounds a match: its last row comes less than that after its
	// first. 0 means no bound.
	WithinMillis int64 `json:"withinMillis,omitempty"`
	// Time is the column of the rows' times; WithinMillis needs it.
	Time int `json:"time"`
	// Zone is the session's time zone; "" is UTC.
	Zone string `json:"zone,omitempty"`
	// NowMillis is what CURRENT_TIMESTAMP gives.
	NowMillis int64 `json:"nowMillis,omitempty"`

	functions map[string]expr.UserFunc
}

// New builds the operator of a vertex of kind Kind.
func New(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) {
	return build(v, in, &ops.Registry{})
}

// With is New for functions of the user.
func With(r *ops.Registry) ops.NewOperator {
	return func(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) { return build(v, in, r) }
}

func build(v job.Vertex, in []*arrow.Schema, r *ops.Registry) (ops.Operator, error) {
	c, err := ops.DecodeConfig[Config](v)
	if err != nil {
		return nil, err
	}
	if len(in) != 1 {
		return nil, fmt.Errorf("%w: %s has %d inputs, want 1", job.ErrInvalid, v.Name, len(in))
	}
	for i := range c.Refs {
		if c.Refs[i].Agg == nil {
			continue
		}
		one := []agg.Spec{*c.Refs[i].Agg}
		if err := agg.Resolve(one, r.Aggregates); err != nil {
			return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
		}
		c.Refs[i].Agg = &one[0]
	}
	c.functions = r.Functions
	return NewMatch(c, v, in[0])
}

func (c *Config) check(v job.Vertex, in *arrow.Schema) error {
	n := in.NumFields()
	bad := func(i int) bool { return i < 0 || i >= n }
	switch {
	case v.Output.Schema == nil || v.Output.NumFields() != len(c.Partition)+len(c.Measures):
		return fmt.Errorf("%w: the output has not the columns of partition and measures", job.ErrInvalid)
	case slices.ContainsFunc(c.Partition, bad), slices.ContainsFunc(c.Refs, func(r Ref) bool {
		return r.Agg == nil && bad(r.Column) || r.Agg != nil && slices.ContainsFunc(r.Agg.Args, bad)
	}):
		return fmt.Errorf("%w: a column that is not there", job.ErrInvalid)
	case len(c.Pattern) == 0 || slices.ContainsFunc(c.Pattern, func(p Part) bool { return p.Var < 0 || p.Var >= len(c.Define) || p.Var > 63 }):
		return fmt.Errorf("%w: a variable that is not there", job.ErrInvalid)
	case c.WithinMillis > 0 && (bad(c.Time) || in.Field(c.Time).Type.ID() != arrow.TIMESTAMP):
		return fmt.Errorf("%w: WITHIN needs a time", job.ErrInvalid)
	}
	return nil
}

// env is what functions may ask.
func (c *Config) env() (expr.Env, error) {
	env := expr.Env{Now: func() int64 { return c.NowMillis }, Functions: c.functions}
	if c.Zone == "" {
		return env, nil
	}
	loc, err := time.LoadLocation(c.Zone)
	if err != nil {
		return env, fmt.Errorf("%w: time zone %q: %w", job.ErrInvalid, c.Zone, err)
	}
	env.Zone = loc
	return env, nil
}

// errSkip is that of a match after which matching would go on at its own first
// row, or at a variable that it lacks.
var errSkip = errors.New("AFTER MATCH SKIP: the variable is not in the match, or is its first row")
