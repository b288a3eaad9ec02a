// Package deal hands out the splits of sources that make their rows: every
// split goes on through all of event time, so each reader must have all of its
// own at once. A split that waited for another to end would come too late with
// every row.
package deal

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/wadi-engine/wadi/ops"
)

var _ ops.SplitEnumerator = (*Enumerator)(nil)

// Enumerator deals a fixed number of splits by their index: split i goes to
// reader i modulo the number of readers. Their IDs are "0 of 4", "1 of 4", ….
type Enumerator struct {
	count    int
	position func(split, splits int) ([]byte, error)
	state    struct {
		Dealt bool        `json:"dealt"`
		Left  []ops.Split `json:"left"`
	}
}

// New returns an enumerator of count splits, or of one for each reader when
// count is 0. Position gives the position at which a split begins. State is
// that of the last Snapshot, or nil.
func New(count int, position func(split, splits int) ([]byte, error), state []byte) (*Enumerator, error) {
	e := &Enumerator{count: count, position: position}
	if state == nil {
		return e, nil
	}
	if err := json.Unmarshal(state, &e.state); err != nil {
		return nil, fmt.Errorf("restore splits: %w", err)
	}
	return e, nil
}

// Discover has nothing to look for.
func (e *Enumerator) Discover(context.Context) (bool, error) { return true, nil }

// Take hands the reader all splits that are its own.
func (e *Enumerator) Take(reader, readers, _ int) []ops.Split {
	if !e.state.Dealt {
		e.deal(readers)
	}
	var taken, left []ops.Split
	for i, s := range e.state.Left {
		if index(s, i)%readers == reader {
			taken = append(taken, s)
		} else {
			left = append(left, s)
		}
	}
	e.state.Left = left
	return taken
}

func (e *Enumerator) deal(readers int) {
	e.state.Dealt = true
	n := e.count
	if n == 0 {
		n = readers
	}
	for i := range n {
		p, err := e.position(i, n)
		if err != nil {
			panic(fmt.Sprintf("position of split %d: %v", i, err)) // positions are plain data
		}
		e.state.Left = append(e.state.Left, ops.Split{ID: fmt.Sprintf("%d of %d", i, n), Position: p})
	}
}

// index is the number in a split's ID, or otherwise.
func index(s ops.Split, otherwise int) int {
	var i, n int
	if _, err := fmt.Sscanf(s.ID, "%d of %d", &i, &n); err != nil {
		return otherwise
	}
	return i
}

// Return implements ops.SplitEnumerator.
func (e *Enumerator) Return(splits []ops.Split) {
	e.state.Dealt = true
	e.state.Left = append(splits[:len(splits):len(splits)], e.state.Left...)
}

// Snapshot implements ops.SplitEnumerator.
func (e *Enumerator) Snapshot() ([]byte, error) { return json.Marshal(e.state) }

// Close implements ops.SplitEnumerator.
func (e *Enumerator) Close() error { return nil }
