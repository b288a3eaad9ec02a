package kafka

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

var _ ops.Acknowledging = (*enumerator)(nil)

// acknowledging is how long the offsets of a group may take to be stored.
const acknowledging = 10 * time.Second

// acknowledges reports whether the group is told how far a job is.
func (p properties) acknowledges() (bool, error) {
	switch v := strings.ToLower(p["commit.offsets.on.checkpoint"]); v {
	case "", "true":
		return p["group.id"] != "", nil
	case "false":
		return false, nil
	default:
		return false, fmt.Errorf("%w: option 'properties.commit.offsets.on.checkpoint' = '%s': want true or false", job.ErrInvalid, v)
	}
}

// Durable implements ops.Acknowledging: the group has the offsets of the checkpoint, for
// people who watch it, and for jobs that begin there.
func (e *enumerator) Durable(ctx context.Context, snapshot []byte, splits []ops.Split) error {
	if ok, err := e.properties.acknowledges(); !ok || err != nil {
		return err
	}
	var state enumerated
	if err := json.Unmarshal(snapshot, &state); err != nil {
		return err
	}
	reading := map[string]bool{}
	var offsets kadm.Offsets
	for _, s := range splits {
		var p position
		if err := json.Unmarshal(s.Position, &p); err != nil {
			return err
		}
		reading[s.ID] = true
		offsets.AddOffset(p.Topic, p.Partition, p.Offset, -1)
	}
	for _, s := range state.Left {
		reading[s.ID] = true // nobody reads it yet
	}
	for id, p := range state.Ends {
		if !reading[id] {
			offsets.AddOffset(p.Topic, p.Partition, p.Offset, -1)
		}
	}
	if len(offsets) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), acknowledging) // the job may end meanwhile
	defer cancel()
	group := e.properties["group.id"]
	if err := e.client.CommitAllOffsets(ctx, group, offsets); err != nil {
		return fmt.Errorf("offsets of group %s: %w", group, err)
	}
	return nil
}
