package rpc

import "testing"

func TestOutbox(t *testing.T) {
	var o Outbox[int]
	for i := range 5 {
		if n := o.Next(); n != uint64(i+1) {
			t.Fatalf("the next is %d", n)
		}
		o.Keep(i + 1)
	}
	after := func(n uint64, want ...int) {
		t.Helper()
		got, ok := o.After(n)
		if !ok || len(got) != len(want) || len(want) > 0 && got[0] != want[0] {
			t.Errorf("after %d: %v, %v", n, got, ok)
		}
	}
	after(0, 1, 2, 3, 4, 5)
	after(5)
	o.Heard(3)
	o.Heard(2) // late
	o.Heard(9) // never said
	after(3, 4, 5)
	for _, n := range []uint64{2, 6} {
		if got, ok := o.After(n); ok {
			t.Errorf("after %d: %v", n, got)
		}
	}
	for range maxKept {
		o.Keep(0)
	}
	if _, ok := o.After(4); ok {
		t.Error("more is kept than may be")
	}
	if rest, ok := o.After(o.Next() - 1); !ok || len(rest) != 0 {
		t.Error("nothing is left to be said")
	}
}
