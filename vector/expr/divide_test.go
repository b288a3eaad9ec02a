package expr

import "testing"

// TestDivideByConstants compares divideBy with the machine's division around
// every power of two, where the inverse is most likely to be off by one.
func TestDivideByConstants(t *testing.T) {
	var edges []int64
	for k := range 64 {
		for d := int64(-2); d <= 2; d++ {
			edges = append(edges, int64(1)<<k+d, -(int64(1)<<k)+d)
		}
	}
	for _, d := range []int64{3, 5, 7, 10, 100, 123, 641, 1000, 86_400_000, 1e18} {
		edges = append(edges, d, -d, d*12345+1)
	}
	quotients, remainders := make([]int64, len(edges)), make([]int64, len(edges))
	for _, d := range edges {
		if d == 0 {
			continue
		}
		divideBy(opDiv, quotients, edges, d)
		divideBy(opMod, remainders, edges, d)
		for i, x := range edges {
			if quotients[i] != x/d || remainders[i] != x%d {
				t.Fatalf("%d by %d is %d, remainder %d", x, d, quotients[i], remainders[i])
			}
		}
	}
}
