package normalize

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/idle"
)

// Kind is the operator's name in a graph.
const Kind = "changelog-normalize"

// Config is that of a vertex of kind Kind, whose output has the input's columns.
type Config struct {
	Keys []int `json:"keys"`
	// UpdateBefore says that an update is -U and +U, and not +U alone.
	UpdateBefore bool `json:"updateBefore,omitempty"`
	// FinalOnly says that the rows are emitted once, at the end of the input.
	FinalOnly bool `json:"finalOnly,omitempty"`
	// With a TTL, keys without rows for so long are forgotten, and a row that is as
	// before is emitted, too: what is kept of it elsewhere stays alive.
	idle.Settings
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
	return NewNormalize(c, in[0])
}

func (c *Config) check(in *arrow.Schema) error {
	if len(c.Keys) == 0 {
		return fmt.Errorf("%w: no keys", job.ErrInvalid)
	}
	for _, k := range c.Keys {
		if k < 0 || k >= in.NumFields() {
			return fmt.Errorf("%w: column %d of %d", job.ErrInvalid, k, in.NumFields())
		}
	}
	return nil
}
