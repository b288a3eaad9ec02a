package state

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector/rowstore"
)

// coldLog is the log of an epoch where memory is scarce: the rows are in a store
// that may leave memory, each with a byte that says whether it is deleted.
type coldLog struct{ store *rowstore.Store }

// coldRows is Options.PieceRows when it is not set: how many rows of a cold log
// become a run together.
const coldRows = 128 << 10

// coldMerge is how many pieces are merged into a run at the most where memory is
// scarce.
const coldMerge = 4

// scarce reports whether the logs of a table belong into a store.
func (t *table) scarce() bool {
	return t.paged() && rowstore.CanHold(t.spec.Schema)
}

// append adds a call of Upsert or Delete.
func (l *coldLog) append(t *table, c change) error {
	if l.store == nil {
		types := make([]arrow.DataType, t.spec.Schema.NumFields())
		for i, f := range t.spec.Schema.Fields() {
			types[i] = f.Type
		}
		var err error
		if l.store, err = rowstore.New(rowstore.Options{Pool: t.m.o.Pool}, types, 1); err != nil {
			return fmt.Errorf("keep changes of %s: %w", t.name, err)
		}
	}
	rec := c.rows
	if c.deleted {
		rec = withoutValues(t.m.o.Allocator, c.rows, t.spec.Schema)
		defer rec.Release()
	}
	ids := make([]uint32, rec.NumRows())
	l.store.Append(rec.Columns(), nil, ids)
	if c.deleted {
		for _, id := range ids {
			*(*bool)(l.store.Extra(id)) = true
		}
	}
	return nil
}

func (l *coldLog) release() {
	if l != nil && l.store != nil {
		l.store.Release()
		l.store = nil
	}
}

// pieces are the rows of logs, oldest first, as they become runs: all together
// where there is memory for it. f takes the rows over.
func (t frozenTable) pieces(logs []sealed, f func(p *rows, oldest, newest stream.Epoch) error) error {
	for len(logs) > 0 {
		if logs[0].cold != nil {
			if err := t.coldPieces(logs[0], f); err != nil {
				return err
			}
			logs = logs[1:]
			continue
		}
		n := 0
		for n < len(logs) && logs[n].cold == nil {
			n++
		}
		if err := f(t.gather(logs[:n], t.dropped), logs[0].epoch, logs[n-1].epoch); err != nil {
			return err
		}
		logs = logs[n:]
	}
	return nil
}

// coldPieces are the rows of one cold log.
func (t frozenTable) coldPieces(s sealed, f func(p *rows, oldest, newest stream.Epoch) error) error {
	store := s.cold.store
	var ids []uint32
	for from := 0; from < store.IDs(); from += t.m.o.PieceRows {
		ids = store.LiveIn(ids[:0], from, from+t.m.o.PieceRows)
		p := &rows{schema: t.spec.Schema, keys: t.spec.Keys, deleted: make([]bool, len(ids))}
		for i, id := range ids {
			p.deleted[i] = *(*bool)(store.Extra(id))
		}
		cols := store.Take(t.m.o.Allocator, ids)
		p.rec = array.NewRecordBatch(t.spec.Schema, cols, int64(len(ids)))
		for _, c := range cols {
			c.Release()
		}
		p.group = t.groups(p.rec)
		p.expire(*t.spec, t.dropped)
		if err := f(p, s.epoch, s.epoch); err != nil {
			return err
		}
	}
	return nil
}

// next returns the runs as of epoch e: those there are and those of the logs, some
// of them merged when they are too many.
func (t frozenTable) next(ctx context.Context, to checkpoint.Store, runs []checkpoint.Run, logs []sealed, e stream.Epoch) ([]checkpoint.Run, error) {
	if len(logs) == 0 || t.spec == nil {
		return runs, nil
	}
	err := t.pieces(logs, func(p *rows, oldest, newest stream.Epoch) (err error) {
		if newest == logs[len(logs)-1].epoch {
			newest = e
		}
		runs, err = t.add(ctx, to, runs, p, oldest, newest)
		return err
	})
	return runs, err
}
