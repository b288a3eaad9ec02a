package join

import (
	"errors"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/mem"
)

// due orders stored rows by the time at which something happens to them: a heap,
// the earliest first, and of equal times the one that came first. There is an entry
// for every row, so they are off Go's heap, where they leave memory like the rows.
type due struct{ region *mem.Region }

type entry struct {
	at, seq int64
	id      uint32
}

const entryBytes = int(unsafe.Sizeof(entry{}))

func (a entry) before(b entry) bool { return a.at < b.at || a.at == b.at && a.seq < b.seq }

// entries are in no order but that of the heap. They hold until the next push.
func (d *due) entries() []entry {
	if d.region == nil {
		return nil
	}
	return unsafe.Slice((*entry)(d.region.Base()), d.region.Len()/entryBytes)
}

func (d *due) push(e entry) {
	if d.region == nil {
		d.region = mem.Default().Reserve(1 << 20)
	}
	d.region.Grow(entryBytes)
	h := d.entries()
	i := len(h) - 1
	for h[i] = e; i > 0; {
		up := (i - 1) / 2
		if !h[i].before(h[up]) {
			break
		}
		h[i], h[up] = h[up], h[i]
		i = up
	}
}

// next is the earliest time of an entry.
func (d *due) next() (at int64, ok bool) {
	h := d.entries()
	if len(h) == 0 {
		return 0, false
	}
	return h[0].at, true
}

// pop takes the first entry out when its time is at or before wm.
func (d *due) pop(wm stream.Timestamp) (entry, bool) {
	h := d.entries()
	if len(h) == 0 || h[0].at > int64(wm) {
		return entry{}, false
	}
	first, last := h[0], len(h)-1
	h[0] = h[last]
	h = h[:last]
	d.region.Truncate(last * entryBytes)
	for i := 0; ; {
		least := i
		for down := 2*i + 1; down <= 2*i+2; down++ {
			if down < last && h[down].before(h[least]) {
				least = down
			}
		}
		if least == i {
			break
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
	return first, true
}

func (d *due) close() {
	if d.region != nil {
		d.region.Free()
		d.region = nil
	}
}

// alive reports whether the row of an entry is still the one that it was made for.
func (s *side) alive(e entry) bool {
	x := s.extra(e.id)
	return x.seq == e.seq && !x.dead
}

var errNoTime = errors.New("the time attribute of a row is NULL; filter such rows, or give them a time")

// times are the times of the rows of a batch, in milliseconds.
func (s *side) times(cols []arrow.Array) ([]int64, error) {
	ts := cols[s.time].(*array.Timestamp)
	if ts.NullN() > 0 {
		return nil, errNoTime
	}
	return vector.Millis(nil, ts), nil
}

// segments gives the rows of a batch between the moves of the watermark in it, and
// tells advance of those: what happens to a row does not depend on how rows are cut
// into batches.
func segments(b *stream.Batch, advance func(wm stream.Timestamp) error, rows func(part *stream.Batch) error) error {
	from := 0
	part := func(to int) error {
		if to <= from {
			return nil
		}
		p := &stream.Batch{Rows: b.Rows.NewSlice(int64(from), int64(to))}
		if b.Kinds != nil {
			p.Kinds = b.Kinds[from:to]
		}
		from = to
		defer p.Release()
		return rows(p)
	}
	for _, m := range b.Marks {
		if err := part(int(m.Row)); err != nil {
			return err
		}
		if err := advance(m.Time); err != nil {
			return err
		}
	}
	return part(b.Len())
}
