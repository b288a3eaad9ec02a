package task

import (
	"testing"

	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector/expr"
)

func TestSpread(t *testing.T) {
	w := &watermarks{program: &expr.Program{}, splits: map[string]*splitClock{
		"a": {sent: 50}, "b": {sent: 20}, "c": {sent: 20}, "quiet": {sent: 5, idle: true},
	}}
	var s Spread
	if split, ahead := s.Get(); split != "" || ahead != stream.Start {
		t.Errorf("before anything: %q, %d", split, ahead)
	}
	s.Set(w.spread())
	if split, ahead := s.Get(); split != "b" || ahead != 50 {
		t.Errorf("got %q, %d, want b, 50", split, ahead)
	}
	w.program = nil
	s.Set(w.spread())
	if split, _ := s.Get(); split != "" {
		t.Errorf("without event time: %q", split)
	}
}
