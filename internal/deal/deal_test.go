package deal_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/wadi-engine/wadi/internal/deal"
	"github.com/wadi-engine/wadi/ops"
)

func position(split, splits int) ([]byte, error) {
	return fmt.Appendf(nil, "%d/%d", split, splits), nil
}

func ids(splits []ops.Split) []string {
	var out []string
	for _, s := range splits {
		out = append(out, s.ID)
	}
	return out
}

// TestTake: a reader that comes first does not get what others are to read,
// and one that has several splits gets them together.
func TestTake(t *testing.T) {
	e, err := deal.New(3, position, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := ids(e.Take(0, 2, 1)), []string{"0 of 3", "2 of 3"}; !slices.Equal(got, want) {
		t.Errorf("reader 0 gets %q, want %q", got, want)
	}
	if got := e.Take(0, 2, 1); len(got) != 0 {
		t.Errorf("reader 0 gets %q again", ids(got))
	}
	state, err := e.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	again, err := deal.New(3, position, state)
	if err != nil {
		t.Fatal(err)
	}
	again.Return([]ops.Split{{ID: "2 of 3"}, {ID: "0 of 3"}})
	if got, want := ids(again.Take(0, 1, 1)), []string{"2 of 3", "0 of 3", "1 of 3"}; !slices.Equal(got, want) {
		t.Errorf("after a restore with one reader: %q, want %q", got, want)
	}
}

// TestPerReader: without a number, there is one split for each reader.
func TestPerReader(t *testing.T) {
	e, err := deal.New(0, position, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		got := e.Take(i, 4, 1)
		if len(got) != 1 || string(got[0].Position) != fmt.Sprintf("%d/4", i) {
			t.Errorf("reader %d: %v", i, got)
		}
	}
}
