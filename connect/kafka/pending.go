package kafka

import "github.com/wadi-engine/wadi/ops"

var _ ops.Lagging = (*reader)(nil)

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
