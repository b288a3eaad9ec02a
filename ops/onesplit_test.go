package ops_test

import (
	"testing"

	"github.com/wadi-engine/wadi/ops"
)

// TestOneSplit: the split is handed out once, until it comes back, and a restart knows
// where it is to be read on.
func TestOneSplit(t *testing.T) {
	open := func(state []byte) ops.SplitEnumerator {
		e, err := ops.OneSplit(state, ops.Split{ID: "all"})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	e := open(nil)
	if done, err := e.Discover(t.Context()); !done || err != nil {
		t.Error(done, err)
	}
	// after checks what a restart from a snapshot of now would hand out.
	after := func(when, want string) {
		t.Helper()
		state, err := e.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, s := range open(state).Take(0, 1, 1) {
			got += s.ID + " at " + string(s.Position)
		}
		if got != want {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
	}
	after("at the start", "all at ")
	if got := e.Take(0, 2, 0); len(got) != 0 {
		t.Errorf("without room: %v", got)
	}
	if got := e.Take(1, 2, 5); len(got) != 1 || got[0].ID != "all" {
		t.Errorf("taken: %v", got)
	}
	after("taken", "")
	e.Return([]ops.Split{{ID: "all", Position: []byte("7")}})
	after("come back", "all at 7")
	if got := e.Take(0, 1, 1); len(got) != 1 || string(got[0].Position) != "7" {
		t.Errorf("come back: %v", got)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := ops.OneSplit([]byte("{"), ops.Split{}); err == nil {
		t.Error("a state that is none is taken")
	}
}
