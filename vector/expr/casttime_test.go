package expr

import (
	"math/rand/v2"
	"testing"
)

// TestDivideDays compares the division by constants with the plain one, also
// before 1970 and at the bounds of a day.
func TestDivideDays(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, perSecond := range []int64{1, 1e3, 1e6, 1e9} {
		day := 86400 * perSecond
		in := []int64{0, -1, 1, day, day - 1, -day, -day - 1, -day + 1}
		for range 1000 {
			in = append(in, r.Int64N(40_000*day)-20_000*day)
		}
		out := make([]int32, len(in))
		divideDays(out, in, perSecond)
		for i, v := range in {
			if want := int32(floorDiv(v, day)); out[i] != want {
				t.Errorf("%d ticks of 1/%d s are day %d, want %d", v, perSecond, out[i], want)
			}
		}
	}
}
