package join

import (
	"fmt"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/hashtable"
)

// known is the keys that were asked for, in the order in which they were used last:
//
//	newest ⇄ … ⇄ oldest
type known struct {
	keys           *hashtable.Table
	newest, oldest uint32 // gid + 1; 0 is none
	round          uint64 // of the batch

	missing, stale, gone vector.Sel
	gids                 []uint32
	sel                  vector.Sel
}

// knownKey is what is known of a key.
type knownKey struct {
	written, used int64
	round         uint64 // in which it was used last
	newer, older  uint32 // gid + 1; 0 is none
	asked         bool   // it is being asked for
	rows          bool   // it has some
}

func newKnown(types []arrow.DataType) (*known, error) {
	t, err := hashtable.New(hashtable.Options{}, types, int(unsafe.Sizeof(knownKey{})))
	if err != nil {
		return nil, fmt.Errorf("%w: not supported yet: %w", job.ErrInvalid, err)
	}
	return &known{keys: t}, nil
}

func (k *known) entry(gid uint32) *knownKey {
	return (*knownKey)(unsafe.Add(k.keys.Row(gid), k.keys.AccOffset()))
}

// use notes that keys are wanted now, and gives those that are to be asked for, and
// those of them that were known before. Both are valid until the next call.
func (k *known) use(keys []arrow.Array, sel vector.Sel, gids []uint32, now int64, c *ops.LookupCache) (missing, stale vector.Sel) {
	k.round++
	k.missing, k.stale = k.missing[:0], k.stale[:0]
	k.keys.FindOrInsert(keys, sel, gids)
	for _, gid := range gids {
		e := k.entry(gid)
		if e.round == k.round {
			continue
		}
		fresh := e.round == 0
		if fresh || e.expired(now, c) {
			if !fresh {
				k.stale = append(k.stale, gid)
			}
			k.missing = append(k.missing, gid)
			e.written, e.rows = now, false
		}
		if !fresh {
			k.unlink(e)
		}
		e.used, e.round = now, k.round
		k.link(gid, e)
	}
	return k.missing, k.stale
}

// ask notes that keys are being asked for, or no longer.
func (k *known) ask(gids vector.Sel, now bool) {
	for _, gid := range gids {
		k.entry(gid).asked = now
	}
}

// take selects rows whose keys are being asked for. It is valid until the next call.
func (k *known) take(keys []arrow.Array, n int) vector.Sel {
	k.gids, k.sel = resized(k.gids, n), k.sel[:0]
	k.keys.Find(keys, nil, k.gids)
	for row, gid := range k.gids {
		if gid == hashtable.None {
			continue
		}
		if e := k.entry(gid); e.asked {
			e.rows = true
			k.sel = append(k.sel, uint32(row))
		}
	}
	return k.sel
}

// expired reports whether what is known of a key is too old.
func (e *knownKey) expired(now int64, c *ops.LookupCache) bool {
	return c != nil && (c.AfterWriteMillis > 0 && now-e.written >= c.AfterWriteMillis || c.AfterAccessMillis > 0 && now-e.used >= c.AfterAccessMillis)
}

// surplus are the keys that are not to be kept behind a batch: the oldest, where there
// are too many, and those without rows, if they are not wanted.
func (k *known) surplus(c *ops.LookupCache) vector.Sel {
	gone := k.gone[:0]
	for _, gid := range k.missing {
		if e := k.entry(gid); !e.rows && !c.Missing {
			k.unlink(e)
			gone = append(gone, gid)
		}
	}
	for more := int64(k.keys.Len()-len(gone)) - c.MaxKeys; c.MaxKeys > 0 && more > 0; more-- {
		gone = append(gone, k.unlinkOldest())
	}
	k.gone = gone
	return gone
}

// expired are the oldest keys that are too old.
func (k *known) expired(now int64, c *ops.LookupCache) vector.Sel {
	k.gone = k.gone[:0]
	for k.oldest != 0 && k.entry(k.oldest-1).expired(now, c) {
		k.gone = append(k.gone, k.unlinkOldest())
	}
	return k.gone
}

func (k *known) unlinkOldest() (gid uint32) {
	gid = k.oldest - 1
	k.unlink(k.entry(gid))
	return gid
}

// drop forgets keys that are in no order any more.
func (k *known) drop(gids vector.Sel) { k.keys.Delete(gids) }

func (k *known) reset() {
	k.keys.Reset()
	k.newest, k.oldest, k.round = 0, 0, 0
}

func (k *known) link(gid uint32, e *knownKey) {
	e.newer, e.older = 0, k.newest
	if k.newest != 0 {
		k.entry(k.newest - 1).newer = gid + 1
	} else {
		k.oldest = gid + 1
	}
	k.newest = gid + 1
}

func (k *known) unlink(e *knownKey) {
	if e.newer != 0 {
		k.entry(e.newer - 1).older = e.older
	} else {
		k.newest = e.older
	}
	if e.older != 0 {
		k.entry(e.older - 1).newer = e.newer
	} else {
		k.oldest = e.newer
	}
}
