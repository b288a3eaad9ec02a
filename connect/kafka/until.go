package kafka

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/wadi-engine/wadi/ops"
)

var (
	_ ops.Measuring = (*enumerator)(nil)
	_ ops.Halting   = (*reader)(nil)
)

// Measure implements ops.Measuring. What is not committed yet does not count.
func (e *enumerator) Measure(ctx context.Context, splits []ops.Split) (until []ops.Split, rows int64, err error) {
	var topics []string
	at := make([]position, len(splits))
	for i, s := range splits {
		if err := json.Unmarshal(s.Position, &at[i]); err != nil {
			return nil, 0, fmt.Errorf("position of %s: %w", s.ID, err)
		}
		if !slices.Contains(topics, at[i].Topic) {
			topics = append(topics, at[i].Topic)
		}
	}
	if len(topics) == 0 {
		return nil, 0, nil
	}
	ends, err := e.client.ListCommittedOffsets(ctx, topics...)
	if err != nil {
		return nil, 0, e.passing(fmt.Errorf("look for the ends of %q: %w", topics, err))
	}
	for _, p := range at {
		o, ok := ends.Lookup(p.Topic, p.Partition)
		if !ok || o.Err != nil { // reading says what is the matter
			continue
		}
		end := o.Offset
		if p.End != endless {
			end = min(end, p.End)
		}
		rows += max(0, end-p.Offset)
		p.Offset = max(end, p.Offset)
		s, err := p.split()
		if err != nil {
			return nil, 0, err
		}
		until = append(until, s)
	}
	return until, rows, nil
}

// halting knows up to where partitions are read.
type halting struct {
	until map[string]int64 // by id; others have no such place
}

// Until implements ops.Halting.
func (r *reader) Until(until []ops.Split) error {
	r.until = make(map[string]int64, len(until))
	for _, s := range until {
		var p position
		if err := json.Unmarshal(s.Position, &p); err != nil {
			return fmt.Errorf("position of %s: %w", s.ID, err)
		}
		r.until[s.ID] = p.Offset
	}
	return nil
}

// limit is the record before which a partition is read, or endless.
func (r *reader) limit(id string, p position) int64 {
	if u, ok := r.until[id]; ok && (p.End == endless || u < p.End) {
		return u
	}
	return p.End
}

// halted reports whether a partition is read as far as it should be.
func (r *reader) halted(id string, p position) bool {
	u, ok := r.until[id]
	return ok && p.Offset >= u
}

// rests reports whether all of them are.
func (r *reader) rests() bool {
	for id, p := range r.at {
		if !r.halted(id, p) {
			return false
		}
	}
	return len(r.until) > 0
}
