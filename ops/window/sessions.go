package window

import (
	"cmp"
	"container/heap"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector/hashtable"
)

// sessions are the sessions that are open, by key. A row at t asks for the
// window [t, t+gap]; the open sessions of its key that this touches become one
// with it. With a gap of 5:
//
//	rows     1     4          12       17    9
//	session  [1,6) [1,9)      [12,17)  [12,22)
//	                                         [1,22)    9 touches both
//
// A row that touches none begins a session, unless that session would be
// complete already: then the row is late. A session is complete when its end
// - 1 ms is at or before the watermark.
//
// A key's row in the table of keys names its newest session, which nearly every
// row extends; the others of a key are in a list, by time. Due sessions are
// found in a calendar of buckets, in which a session moves on only when its
// bucket is due.
type sessions struct {
	gap  int64
	keys *hashtable.Table // nil without keys
	only uint64           // the newest session + 1, without keys

	list  []session
	free  []uint32
	older map[uint32][]uint32 // by key, all but the newest
	next  int64               // number of the next session
	idle  []uint32            // keys that have lost a session
	due   calendar
}

// session is one session; a slot without one has the number 0.
type session struct {
	start, end int64
	number     int64 // unique among the sessions of a key, growing
	key        uint32
	group      uint32 // of the owner
}

func newSessions(gap int64, keys []arrow.DataType) (*sessions, error) {
	s := &sessions{gap: gap, older: map[uint32][]uint32{}, next: 1, due: newCalendar(gap)}
	if len(keys) == 0 {
		return s, nil
	}
	var err error
	s.keys, err = hashtable.New(hashtable.Options{}, keys, 8)
	return s, err
}

// find gives the key of each row.
func (s *sessions) find(cols []arrow.Array, ids []uint32) {
	if s.keys == nil {
		clear(ids)
		return
	}
	s.keys.FindOrInsert(cols, nil, ids)
}

// newest is where the key's newest session + 1 is kept.
func (s *sessions) newest(key uint32) *uint64 {
	if s.keys == nil {
		return &s.only
	}
	return s.keys.Word(key)
}

// touch is what the row at t of a key asks for: the session that takes it, and
// whether it bridges that one and others, which have to be merged first. ok
// is false when no session is touched.
func (s *sessions) touch(key uint32, t int64) (slot uint32, bridges, ok bool) {
	at := *s.newest(key)
	if at == 0 {
		return 0, false, false
	}
	x := &s.list[at-1]
	inside := t >= x.start-s.gap && t <= x.end
	older := s.older[key]
	if len(older) == 0 {
		return uint32(at - 1), false, inside
	}
	touched := s.touched(key, t)
	if len(touched) == 0 {
		return 0, false, false
	}
	return touched[0], len(touched) > 1, true
}

// touched are the sessions that the row at t touches, by time.
func (s *sessions) touched(key uint32, t int64) []uint32 {
	all := s.older[key]
	i, _ := slices.BinarySearchFunc(all, t, func(slot uint32, t int64) int { return cmp.Compare(s.list[slot].end, t) })
	var out []uint32
	for ; i < len(all) && s.list[all[i]].start-s.gap <= t; i++ {
		out = append(out, all[i])
	}
	if x := *s.newest(key); x > 0 && t >= s.list[x-1].start-s.gap && t <= s.list[x-1].end {
		out = append(out, uint32(x-1))
	}
	return out
}

// extend makes a session hold the row at t.
func (s *sessions) extend(slot uint32, t int64) {
	x := &s.list[slot]
	x.start = min(x.start, t)
	x.end = max(x.end, t+s.gap)
}

// open begins a session of a key.
func (s *sessions) open(key uint32, start, end, number int64) uint32 {
	x := session{start: start, end: end, number: number, key: key}
	var slot uint32
	if n := len(s.free); n > 0 {
		slot, s.free = s.free[n-1], s.free[:n-1]
		s.list[slot] = x
	} else {
		slot = uint32(len(s.list))
		s.list = append(s.list, x)
	}
	s.due.add(slot, x)
	at := s.newest(key)
	if *at == 0 {
		*at = uint64(slot) + 1
		return slot
	}
	if s.list[*at-1].start > start {
		s.insert(key, slot)
		return slot
	}
	s.insert(key, uint32(*at-1))
	*at = uint64(slot) + 1
	return slot
}

func (s *sessions) insert(key, slot uint32) {
	all := s.older[key]
	i, _ := slices.BinarySearchFunc(all, s.list[slot].start, func(o uint32, t int64) int { return cmp.Compare(s.list[o].start, t) })
	s.older[key] = slices.Insert(all, i, slot)
}

// begin opens the session of the row at t.
func (s *sessions) begin(key uint32, t int64) uint32 {
	s.next++
	return s.open(key, t, t+s.gap, s.next-1)
}

// absorb makes session from a part of session to. The owner moves what it holds.
func (s *sessions) absorb(to, from uint32) {
	x, y := &s.list[to], s.list[from]
	x.start, x.end = min(x.start, y.start), max(x.end, y.end)
	s.close(from)
}

// close removes a session.
func (s *sessions) close(slot uint32) {
	key := s.list[slot].key
	s.list[slot] = session{}
	s.free = append(s.free, slot)
	at, older := s.newest(key), s.older[key]
	if *at == uint64(slot)+1 {
		if n := len(older); n > 0 {
			*at, older = uint64(older[n-1])+1, older[:n-1]
		} else {
			*at = 0
			s.idle = append(s.idle, key)
		}
	} else {
		older = slices.DeleteFunc(older, func(o uint32) bool { return o == slot })
	}
	if len(older) == 0 {
		delete(s.older, key)
	} else {
		s.older[key] = older
	}
}

// forget removes the keys without sessions. Ids that find gave are stale then.
func (s *sessions) forget() {
	if s.keys == nil || len(s.idle) == 0 {
		s.idle = s.idle[:0]
		return
	}
	slices.Sort(s.idle)
	s.idle = slices.Compact(s.idle)
	gone := s.idle[:0]
	for _, k := range s.idle {
		if *s.newest(k) == 0 {
			gone = append(gone, k)
		}
	}
	s.keys.Delete(gone)
	s.idle = s.idle[:0]
}

// complete gives the sessions that wm completes, in the order of their ends.
// The caller closes them.
func (s *sessions) complete(wm stream.Timestamp) []uint32 {
	var out []uint32
	for s.due.ready(wm) {
		for _, e := range s.due.pop() {
			switch x := s.list[e.slot]; {
			case x.number != e.number:
			case int64(wm) >= x.end-1:
				out = append(out, e.slot)
			default:
				s.due.add(e.slot, x)
			}
		}
	}
	slices.SortFunc(out, func(a, b uint32) int {
		x, y := s.list[a], s.list[b]
		return cmp.Or(cmp.Compare(x.end, y.end), cmp.Compare(x.number, y.number))
	})
	return out
}

func (s *sessions) release() {
	if s.keys != nil {
		s.keys.Free()
	}
}

// calendar finds what is due without looking at what is not: sessions stand in
// buckets by the end that they had when they were added, which only grows.
type calendar struct {
	width   int64
	buckets map[int64]*bucket
	order   starts
}

type bucket struct {
	least   int64 // end
	entries []entry
}

type entry struct {
	slot   uint32
	number int64
}

func newCalendar(gap int64) calendar {
	return calendar{width: max(1, gap/16), buckets: map[int64]*bucket{}}
}

func (c *calendar) add(slot uint32, x session) {
	at := floor(x.end, 0, c.width)
	b := c.buckets[at]
	if b == nil {
		b = &bucket{least: x.end}
		c.buckets[at] = b
		heap.Push(&c.order, at)
	}
	b.least = min(b.least, x.end)
	b.entries = append(b.entries, entry{slot, x.number})
}

// ready reports whether a session in the first bucket may be complete at wm.
func (c *calendar) ready(wm stream.Timestamp) bool {
	return len(c.order) > 0 && int64(wm) >= c.buckets[c.order[0]].least-1
}

// pop takes the entries of the first bucket.
func (c *calendar) pop() []entry {
	at := heap.Pop(&c.order).(int64)
	b := c.buckets[at]
	delete(c.buckets, at)
	return b.entries
}

// starts is a heap of buckets, by their first times.
type starts []int64

func (s starts) Len() int           { return len(s) }
func (s starts) Less(i, j int) bool { return s[i] < s[j] }
func (s starts) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }

// Push implements heap.Interface.
func (s *starts) Push(x any) { *s = append(*s, x.(int64)) }

// Pop implements heap.Interface.
func (s *starts) Pop() any {
	old := *s
	x := old[len(old)-1]
	*s = old[:len(old)-1]
	return x
}
