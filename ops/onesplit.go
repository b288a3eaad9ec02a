package ops

import (
	"context"
	"encoding/json"
	"fmt"
)

// OneSplit is the enumerator of a source that has one split. state is what Snapshot
// gave, or nil.
func OneSplit(state []byte, split Split) (SplitEnumerator, error) {
	switch string(state) {
	case "":
		return &oneSplit{left: []Split{split}}, nil
	case taken:
		return &oneSplit{}, nil
	}
	if err := json.Unmarshal(state, &split); err != nil {
		return nil, fmt.Errorf("the split that is left: %w", err)
	}
	return &oneSplit{left: []Split{split}}, nil
}

// taken is the state once the split was handed out.
const taken = "1"

type oneSplit struct{ left []Split }

func (e *oneSplit) Discover(context.Context) (bool, error) { return true, nil }

func (e *oneSplit) Take(_, _, n int) []Split {
	if n < 1 {
		return nil
	}
	out := e.left
	e.left = nil
	return out
}

func (e *oneSplit) Return(splits []Split) { e.left = append(e.left, splits...) }

// Snapshot holds the split that is left, which may have come back at a position.
func (e *oneSplit) Snapshot() ([]byte, error) {
	if len(e.left) == 0 {
		return []byte(taken), nil
	}
	return json.Marshal(e.left[0])
}

func (e *oneSplit) Close() error { return nil }
