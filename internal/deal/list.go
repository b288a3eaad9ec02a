package deal

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/wadi-engine/wadi/ops"
)

var _ ops.SplitEnumerator = (*List)(nil)

// List is an enumerator of splits that are all known at the beginning, and read in
// their order.
type List struct {
	find  func(ctx context.Context) ([]ops.Split, error)
	state struct {
		Found bool        `json:"found"`
		Left  []ops.Split `json:"left"`
	}
}

// NewList returns an enumerator of the splits that find gives, once. State is that
// of the last Snapshot, or nil.
func NewList(find func(ctx context.Context) ([]ops.Split, error), state []byte) (*List, error) {
	l := &List{find: find}
	if state == nil {
		return l, nil
	}
	if err := json.Unmarshal(state, &l.state); err != nil {
		return nil, fmt.Errorf("restore splits: %w", err)
	}
	return l, nil
}

// Discover finds the splits.
func (l *List) Discover(ctx context.Context) (bool, error) {
	if l.state.Found {
		return true, nil
	}
	found, err := l.find(ctx)
	if err != nil {
		return false, err
	}
	l.state.Found, l.state.Left = true, append(l.state.Left, found...)
	return true, nil
}

// Take implements ops.SplitEnumerator.
func (l *List) Take(_, _, n int) []ops.Split {
	n = min(n, len(l.state.Left))
	taken := l.state.Left[:n:n]
	l.state.Left = l.state.Left[n:]
	return taken
}

// Return implements ops.SplitEnumerator.
func (l *List) Return(splits []ops.Split) {
	l.state.Left = append(splits[:len(splits):len(splits)], l.state.Left...)
}

// Snapshot implements ops.SplitEnumerator.
func (l *List) Snapshot() ([]byte, error) { return json.Marshal(l.state) }

// Close implements ops.SplitEnumerator.
func (l *List) Close() error { return nil }
