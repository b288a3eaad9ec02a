package dedup

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/idle"
)

// Kind is the operator's name in a graph.
const Kind = "deduplicate"

// Config is that of a vertex of kind Kind, whose input is inserts and whose
// output has the input's columns.
type Config struct {
	Keys []int `json:"keys"`
	// Time is the column that orders the rows of a key; nil means the order in
	// which they come.
	Time *int `json:"time,omitempty"`
	// Last keeps the last row of each key instead of the first. Of rows with
	// one time, the last is the one that came last, the first came first.
	Last bool `json:"last,omitempty"`
	// UpdateBefore says that an update is -U and +U, and not +U alone.
	UpdateBefore bool `json:"updateBefore,omitempty"`
	// FinalOnly says that rows are emitted once, at the end of the input.
	FinalOnly bool `json:"finalOnly,omitempty"`
	// With a TTL, keys whose row has stayed for so long are forgotten.
	idle.Settings
}

// waits says that the first row of a key is known when the watermark, or the
// end of the input, has passed it.
func (c *Config) waits() bool { return !c.Last && c.Time != nil }

// Rows says whether the rows themselves are kept, and not their keys alone.
func (c *Config) Rows() bool { return c.waits() || c.Last && (c.UpdateBefore || c.FinalOnly) }

// New builds the operator of a vertex of kind Kind.
func New(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) {
	c, err := ops.DecodeConfig[Config](v)
	if err != nil {
		return nil, err
	}
	if len(in) != 1 {
		return nil, fmt.Errorf("%w: %s has %d inputs, want 1", job.ErrInvalid, v.Name, len(in))
	}
	return NewDeduplicate(c, in[0])
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
	if c.Time == nil {
		return nil
	}
	if *c.Time < 0 || *c.Time >= in.NumFields() {
		return fmt.Errorf("%w: column %d of %d", job.ErrInvalid, *c.Time, in.NumFields())
	}
	if t := in.Field(*c.Time).Type; t.ID() != arrow.TIMESTAMP {
		return fmt.Errorf("%w: the time is of type %v, want a timestamp", job.ErrInvalid, t)
	}
	return nil
}
