package kafka

import (
	"context"
	"slices"

	"github.com/wadi-engine/wadi/ops"
)

var (
	_ ops.Lagging  = (*reader)(nil)
	_ ops.Reaching = (*reader)(nil)
)

// Pending is how many records the partitions held, when brokers last told it,
// behind those that were read.
func (r *reader) Pending() (n int64) {
	for id, high := range r.high {
		at, ours := r.at[id]
		if !ours {
			delete(r.high, id)
			continue
		}
		if at.End != endless {
			high = min(high, at.End)
		}
		n += max(0, high-at.Offset)
	}
	return n
}

// Reached implements ops.Reaching. Brokers are asked for the ends of partitions of
// which no record has come.
func (r *reader) Reached(ctx context.Context) bool {
	var topics []string
	for id, at := range r.at {
		if _, told := r.high[id]; !told {
			topics = append(topics, at.Topic)
		}
	}
	if len(topics) > 0 {
		ctx, cancel := context.WithTimeout(ctx, asking)
		defer cancel()
		slices.Sort(topics)
		ends, err := r.admin.ListCommittedOffsets(ctx, slices.Compact(topics)...)
		if err != nil {
			return false
		}
		for id, at := range r.at {
			if o, ok := ends.Lookup(at.Topic, at.Partition); ok && o.Err == nil {
				r.high[id] = max(r.high[id], o.Offset)
			}
		}
	}
	return len(r.high) >= len(r.at) && r.Pending() == 0
}
