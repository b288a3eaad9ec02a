// Package join joins two inputs row by row: every pair of rows with equal keys
// for which a condition holds, the rows of outer joins that have no partner, and
// the rows of one side that have one (SEMI) or none (ANTI).
package join

import (
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/vector/expr"
)

// Kind is the operator's name in a graph.
const Kind = "join"

// RightTable is the table of a join's state that holds the rows of its right
// input.
const RightTable = "right"

// Type is what a join gives besides, or instead of, its pairs.
type Type string

// The types of joins. Semi and Anti give rows of the left input: those with at
// least one partner, or those with none.
const (
	Inner Type = "inner"
	Left  Type = "left"
	Right Type = "right"
	Full  Type = "full"
	Semi  Type = "semi"
	Anti  Type = "anti"
)

// Config is that of a vertex of kind Kind. The output has the columns of the
// left input, and then, unless the type is Semi or Anti, those of the right.
type Config struct {
	Type Type `json:"type"`
	// LeftKeys and RightKeys are columns that must be equal, pair by pair. NULLs
	// are equal to nothing, except where NullSafe says so (IS NOT DISTINCT FROM).
	LeftKeys  []int  `json:"leftKeys,omitempty"`
	RightKeys []int  `json:"rightKeys,omitempty"`
	NullSafe  []bool `json:"nullSafe,omitempty"`
	// Condition must be true besides, over the columns of both inputs.
	Condition *expr.Doc `json:"condition,omitempty"`
	// LeftChanges and RightChanges say that the input has rows of other kinds
	// than +I; -U and +U come in pairs.
	LeftChanges  bool `json:"leftChanges,omitempty"`
	RightChanges bool `json:"rightChanges,omitempty"`
	// FinalOnly says that only the rows that are left at the end of the inputs
	// are wanted.
	FinalOnly bool `json:"finalOnly,omitempty"`
	// Static says that the right input is a table that is read to its end before
	// the first row of the left one is joined (a lookup); the left one may have no
	// end. The type is Inner or Left.
	Static bool `json:"static,omitempty"`
	// LeftTTLMillis and RightTTLMillis are how long rows of the inputs are kept, in
	// milliseconds of processing time; 0 keeps them for ever.
	LeftTTLMillis  int64 `json:"leftTTLMillis,omitempty"`
	RightTTLMillis int64 `json:"rightTTLMillis,omitempty"`
	// LeftBound and RightBound say until when rows of the inputs can find partners;
	// nil is for ever. They are for inputs of inserts.
	LeftBound  *Bound `json:"leftBound,omitempty"`
	RightBound *Bound `json:"rightBound,omitempty"`
	// Zone and NowMillis are of the condition; see calc.Config.
	Zone      string `json:"zone,omitempty"`
	NowMillis int64  `json:"nowMillis,omitempty"`

	functions map[string]expr.UserFunc // of the condition
}

// outer reports whether rows of an input without a partner are given, padded
// with NULLs.
func (t Type) outer(input int) bool {
	return t == Full || t == Left && input == 0 || t == Right && input == 1
}

// half reports whether only rows of the left input are given.
func (t Type) half() bool { return t == Semi || t == Anti }

// New builds the operator of a vertex of kind Kind.
func New(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) { return build(v, in, nil) }

// With is New for conditions that call functions of the user.
func With(functions map[string]expr.UserFunc) ops.NewOperator {
	return func(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) { return build(v, in, functions) }
}

func build(v job.Vertex, in []*arrow.Schema, functions map[string]expr.UserFunc) (ops.Operator, error) {
	c, err := ops.DecodeConfig[Config](v)
	if err != nil {
		return nil, err
	}
	c.functions = functions
	return newJoin(c, v, in)
}

func newJoin(c Config, v job.Vertex, in []*arrow.Schema) (*Join, error) {
	if len(in) != 2 {
		return nil, fmt.Errorf("%w: %s has %d inputs, want 2", job.ErrInvalid, v.Name, len(in))
	}
	if err := c.check(in); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", job.ErrInvalid, v.Name, err)
	}
	j := &Join{how: c.Type, final: c.FinalOnly || c.Static, static: c.Static, built: -1}
	for i, keys := range [][]int{c.LeftKeys, c.RightKeys} {
		j.in[i] = side{
			schema: in[i], keys: keys, nullSafe: c.NullSafe, outer: c.Type.outer(i), changes: []bool{c.LeftChanges, c.RightChanges}[i],
			counted: c.Type.outer(i) || c.Type.half() && i == 0,
			name:    []string{"left", RightTable}[i],
			ttl:     []int64{c.LeftTTLMillis, c.RightTTLMillis}[i],
			horizon: newHorizon([]*Bound{c.LeftBound, c.RightBound}[i]),
		}
	}
	var err error
	if j.out, err = c.output(v, in); err != nil {
		return nil, err
	}
	j.cond, err = c.condition(in)
	return j, err
}

// condition compiles the condition; nil when there is none.
func (c *Config) condition(in []*arrow.Schema) (*condition, error) {
	if c.Condition == nil || c.Condition.Expr == nil {
		return nil, nil
	}
	env := expr.Env{Now: func() int64 { return c.NowMillis }, Functions: c.functions}
	if c.Zone != "" {
		var err error
		if env.Zone, err = time.LoadLocation(c.Zone); err != nil {
			return nil, fmt.Errorf("%w: time zone %q: %w", job.ErrInvalid, c.Zone, err)
		}
	}
	cond, err := newCondition(c.Condition.Expr, in, env)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	return cond, nil
}

func (c *Config) check(in []*arrow.Schema) error {
	switch c.Type {
	case Inner, Left, Right, Full, Semi, Anti:
	default:
		return fmt.Errorf("no join of type %q", c.Type)
	}
	if c.Static && c.Type != Inner && c.Type != Left {
		return fmt.Errorf("a lookup is no %s join", c.Type)
	}
	if len(c.LeftKeys) != len(c.RightKeys) || c.NullSafe != nil && len(c.NullSafe) != len(c.LeftKeys) {
		return fmt.Errorf("%d and %d keys, %d of them told apart by NULLs", len(c.LeftKeys), len(c.RightKeys), len(c.NullSafe))
	}
	for i, l := range c.LeftKeys {
		a, b := in[0].Field(l).Type, in[1].Field(c.RightKeys[i]).Type
		if !arrow.TypeEqual(a, b) {
			return fmt.Errorf("key %d is %v on the left and %v on the right", i, a, b)
		}
	}
	if err := c.LeftBound.check(c, c.LeftTTLMillis, in[0]); err != nil {
		return err
	}
	return c.RightBound.check(c, c.RightTTLMillis, in[1])
}

// output is the schema of the results: that of the vertex, when it says it.
func (c *Config) output(v job.Vertex, in []*arrow.Schema) (*arrow.Schema, error) {
	fields := append([]arrow.Field{}, in[0].Fields()...)
	if !c.Type.half() {
		fields = append(fields, in[1].Fields()...)
	}
	if v.Output.Schema == nil {
		return arrow.NewSchema(fields, nil), nil
	}
	if n := v.Output.NumFields(); n != len(fields) {
		return nil, fmt.Errorf("%w: %d output columns, want %d", job.ErrInvalid, n, len(fields))
	}
	return v.Output.Schema, nil
}
