package mem

import "testing"

func TestHugeBytes(t *testing.T) {
	const info = "Node 0, zone      DMA      0      0      0      0      0      0      0      0      1      1      3 \n" +
		"Node 0, zone   Normal  55411  43805  25841  13534   7313   3322    547   1353    753    305    502 \n"
	if got, want := hugeBytes([]byte(info)), (1+305)<<21+(3+502)<<22; got != want {
		t.Errorf("%d bytes free in runs of 2 MiB, want %d", got, want)
	}
	if got := hugeBytes([]byte("what is this\nNode 0, zone\n")); got != 0 {
		t.Errorf("%d bytes free in lines that say nothing", got)
	}
}

// A region that outgrows its reservation keeps what is in it.
func TestRegionMoves(t *testing.T) {
	r := New(Options{}).Reserve(pageAlign)
	defer r.Free()
	for i := range 4 * pageAlign / 8 {
		at := r.Grow(8)
		r.Bytes()[at] = byte(i)
	}
	for i := range 4 * pageAlign / 8 {
		if r.Bytes()[8*i] != byte(i) {
			t.Fatalf("byte %d is %d, want %d", 8*i, r.Bytes()[8*i], byte(i))
		}
	}
}
