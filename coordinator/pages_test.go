package coordinator

import "testing"

// TestPages: what one list changes no other sees, and the rest they share.
func TestPages(t *testing.T) {
	const n = 3*page + 5
	a := newPages[int](n)
	for i := range n {
		*a.edit(i) = i
	}
	b := a.shared()
	*b.edit(page + 1) = -1
	c := b.shared()
	*c.edit(page + 2) = -2
	for _, l := range []struct {
		p    pages[int]
		want map[int]int
	}{{a, nil}, {b, map[int]int{page + 1: -1}}, {c, map[int]int{page + 1: -1, page + 2: -2}}} {
		count := 0
		for i, v := range l.p.all() {
			want, changed := l.want[i]
			if !changed {
				want = i
			}
			if *v != want || l.p.at(i) != want {
				t.Fatalf("element %d is %d, want %d", i, *v, want)
			}
			count++
		}
		if count != n || l.p.len() != n {
			t.Fatalf("%d elements", count)
		}
	}
	if &a.of[0][0] != &c.of[0][0] || &a.of[1][0] == &b.of[1][0] || &b.of[1][0] == &c.of[1][0] {
		t.Fatal("a page is copied that was not changed, or shared although it was")
	}
}
