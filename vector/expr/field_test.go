package expr

import (
	"math/rand/v2"
	"testing"
)

// TestNthByte compares with one byte at a time, also with bytes that differ from
// the separator in one bit.
func TestNthByte(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 20000 {
		b := make([]byte, r.IntN(40))
		for i := range b {
			b[i] = []byte{'/', '.', 0, 0xaf, '0'}[r.IntN(5)]
		}
		n := 1 + r.IntN(8)
		want, left := -1, n
		for i, c := range b {
			if c == '/' {
				if left--; left == 0 {
					want = i
					break
				}
			}
		}
		if got := nthByte(string(b), '/', n); got != want {
			t.Fatalf("%d. / in %q: at %d, want %d", n, b, got, want)
		}
	}
}
