package write

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// keyed encodes texts as a batch of keys.
func keyed(texts ...string) (keys []byte, ends []uint32) {
	for _, t := range texts {
		keys = append(keys, t...)
		ends = append(ends, uint32(len(keys)))
	}
	return keys, ends
}

// TestRanges: keys go to groups in their order, about as many rows to each, and one
// with very many rows is dealt out.
func TestRanges(t *testing.T) {
	const groups, rows = 128, 20000
	r := newRanges(4)
	var texts []string
	for i := range rows {
		texts = append(texts, fmt.Sprintf("%05d", i*7919%rows))
	}
	keys, ends := keyed(texts...)
	got := r.groups(nil, keys, ends, groups)
	count := make([]int, 4)
	for i, g := range got {
		count[g/32]++
		var n int
		fmt.Sscanf(texts[i], "%d", &n)
		if want := n * groups / rows; int(g) < want-6 || int(g) > want+6 {
			t.Fatalf("key %s is in group %d, want about %d", texts[i], g, want)
		}
	}
	for i, n := range count {
		if n < rows/5 || n > rows*3/10 {
			t.Errorf("task %d gets %d of %d rows", i, n, rows)
		}
	}
	r.endEpoch()
	keys, ends = keyed(slices.Repeat([]string{"b"}, 2*enough)...)
	if r.groups(nil, keys, ends, groups); r.keys[0] >= "b" {
		t.Error("ranges are cut anew within the second epoch")
	}
	r.endEpoch()
	dealt := map[uint16]bool{}
	for _, g := range r.groups(nil, keys, ends, groups) {
		dealt[g] = true
	}
	if len(dealt) != groups {
		t.Errorf("the only key is dealt to %d groups of %d", len(dealt), groups)
	}
	long := strings.Repeat("x", maxRangeKey)
	keys, ends = keyed(long+"a", "b", long+"z")
	if g := r.groups(nil, keys, ends, groups); g[0] != g[2] {
		t.Errorf("keys that begin with the same %d bytes are in groups %v", maxRangeKey, g)
	}
}
