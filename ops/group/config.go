package group

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/idle"
	"github.com/wadi-engine/wadi/vector/agg"
)

// Kind is the operator's name in a graph.
const Kind = "group-agg"

// Config is that of a vertex of kind Kind. The output's columns are the keys
// and the results of Aggs; their names and types are those of the vertex's
// Output. Without Aggs it is SELECT DISTINCT, without Keys there is one group.
type Config struct {
	Keys []int      `json:"keys,omitempty"`
	Aggs []agg.Spec `json:"aggs,omitempty"`
	// UpdateBefore says that an update is -U and +U, and not +U alone.
	UpdateBefore bool `json:"updateBefore,omitempty"`
	// FinalOnly says that each group is emitted once, at the end of the input.
	FinalOnly bool `json:"finalOnly,omitempty"`
	// Changelog says that the input has rows of other kinds than +I.
	Changelog bool `json:"changelog,omitempty"`
	// With a TTL, groups without rows for so long are forgotten, and a result is
	// emitted for each batch, also where it is as before: what is kept of it
	// elsewhere stays alive.
	idle.Settings
}

// output is the schema of the results, and sets the types of c.Aggs.
func (c *Config) output(v job.Vertex, in *arrow.Schema) (*arrow.Schema, error) {
	if out := v.Output.Schema; out != nil {
		if n := len(c.Keys) + len(c.Aggs); out.NumFields() != n {
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
