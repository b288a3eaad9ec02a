package cluster

import (
	"slices"
	"testing"
)

// TestPlace: slots are taken by the strategy, never more than are free.
func TestPlace(t *testing.T) {
	for _, c := range []struct {
		name       string
		free, used []int
		need       int
		strategy   Strategy
		want       []int
	}{
		{"fill takes one worker before the next", []int{2, 2}, []int{0, 0}, 3, Fill, []int{0, 0, 1}},
		{"spread takes them in turn, neighbours together", []int{2, 2}, []int{0, 0}, 3, Spread, []int{0, 0, 1}},
		{"spread prefers who has less to do", []int{2, 2}, []int{2, 0}, 2, Spread, []int{1, 1}},
		{"a full worker is passed over", []int{0, 1, 2}, []int{4, 0, 0}, 3, Fill, []int{1, 2, 2}},
		{"too few slots", []int{1, 1}, []int{0, 0}, 3, Fill, nil},
		{"no worker", nil, nil, 1, Spread, nil},
	} {
		got, ok := place(c.free, c.used, c.need, c.strategy)
		if ok != (c.want != nil) || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v, want %v", c.name, got, ok, c.want)
		}
	}
}
