package write

import (
	"math/rand/v2"
	"slices"
)

const (
	// maxSample is how many keys are kept, at most, to cut ranges from.
	maxSample = 2048
	// enough are so many that those before them need not be known.
	enough = maxSample / 4
	// maxRangeKey is how many bytes of a key count.
	maxRangeKey = 64
)

// ranges divides keys into ranges with about the same number of rows. The ranges
// follow from a sample: one of stride keys on average, whatever their period. It is
// thinned when it is full, so that it holds rows from all of its time. In the first epoch ranges are cut anew
// whenever twice as many rows have come, and then with each epoch, from its rows.
//
//	sample  a a b c c c c d     key groups, of 8
//	rank    0   2 3       7 8   a: 1   b: 2   c: 5, or 3 to 6   d: 7
//
// A key is as far as the middle of its rows, so that small differences between the
// samples of two senders do not part the rows of one key. One with half as many rows
// again as a task should get is dealt out over all of its groups.
type ranges struct {
	tasks int

	rand   *rand.Rand
	sample []string
	stride int
	skip   int // rows until the next one that counts
	fresh  int // rows since ranges were cut
	next   int // and how many are waited for; 0 waits for the end of the epoch

	keys  []string // sorted
	share []share  // by key
	total int      // keys of the sample
	turn  int
}

// share are the ranks of a key in the sample.
type share struct{ from, to int }

func newRanges(tasks int) *ranges {
	return &ranges{tasks: tasks, rand: rand.New(rand.NewPCG(1, 1)), stride: 1, next: 1}
}

// groups finds the key groups of keys, each of which ends where ends says.
func (r *ranges) groups(dst []uint16, keys []byte, ends []uint32, groups int) []uint16 {
	r.observe(keys, ends)
	dst = slices.Grow(dst[:0], len(ends))[:len(ends)]
	from := uint32(0)
	for i, end := range ends {
		dst[i] = r.group(cutKey(keys[from:end]), groups)
		from = end
	}
	return dst
}

func cutKey(key []byte) []byte { return key[:min(len(key), maxRangeKey)] }

// observe takes the sample, and cuts ranges anew when it is time.
func (r *ranges) observe(keys []byte, ends []uint32) {
	for r.skip < len(ends) {
		from := uint32(0)
		if r.skip > 0 {
			from = ends[r.skip-1]
		}
		r.sample = append(r.sample, string(cutKey(keys[from:ends[r.skip]])))
		r.skip += 1 + r.rand.IntN(2*r.stride-1)
		if len(r.sample) == maxSample {
			r.thin()
		}
	}
	r.skip -= len(ends)
	r.fresh += len(ends)
	if r.next > 0 && r.fresh >= r.next {
		r.cut()
		r.next = 2 * r.fresh
	}
}

// thin keeps half of the sample.
func (r *ranges) thin() {
	r.rand.Shuffle(maxSample, func(i, j int) { r.sample[i], r.sample[j] = r.sample[j], r.sample[i] })
	r.sample = r.sample[:maxSample/2]
	r.stride *= 2
}

// endEpoch begins another sample when this one tells enough.
func (r *ranges) endEpoch() {
	if len(r.sample) < enough {
		return
	}
	r.cut()
	r.sample, r.stride, r.skip, r.fresh, r.next = r.sample[:0], 1, 0, 0, 0
}

// cut makes ranges of the sample.
func (r *ranges) cut() {
	sorted := slices.Sorted(slices.Values(r.sample))
	r.keys, r.share, r.total = r.keys[:0], r.share[:0], len(sorted)
	for from := 0; from < len(sorted); {
		to := from + 1
		for to < len(sorted) && sorted[to] == sorted[from] {
			to++
		}
		r.keys, r.share = append(r.keys, sorted[from]), append(r.share, share{from, to})
		from = to
	}
}

// group is the key group of a key.
func (r *ranges) group(key []byte, groups int) uint16 {
	lo, hi := 0, len(r.keys)
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if r.keys[mid] < string(key) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == len(r.keys) {
		return uint16(groups - 1)
	}
	s := r.share[lo]
	if r.keys[lo] != string(key) {
		return uint16(s.from * groups / r.total)
	}
	if 2*(s.to-s.from)*r.tasks > 3*r.total {
		from, to := s.from*groups/r.total, s.to*groups/r.total
		r.turn++
		return uint16(from + r.turn%max(1, to-from))
	}
	return uint16((s.from + s.to) * groups / (2 * r.total))
}
