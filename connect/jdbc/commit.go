package jdbc

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

var _ ops.Recovering = (*committer)(nil)

// Pieces are read so many at a time, and their changes applied when so many rows, or
// bytes, have come together.
const (
	somePieces = 4
	someRows   = 50_000
	someBytes  = 8 << 20
)

// committer carries staged changes out: of each epoch in one transaction, which also
// removes them from where they are staged, and records the epoch. Its first statement
// locks the row of the record, so that of two committers one waits for the other, and
// finds the epoch there.
type committer struct {
	*statements
	staging
	id    ops.SinkID
	begin string // of a transaction

	mu       sync.Mutex
	line     line
	unpacker *unpacker
}

func newCommitter(ctx context.Context, s *sink, id ops.SinkID) (*committer, error) {
	u, err := newUnpacker()
	if err != nil {
		return nil, err
	}
	c := &committer{statements: s.statements(), staging: s.staging(), id: id, line: line{config: s.config}, unpacker: u}
	if s.dialect.patient != nil {
		c.begin = s.dialect.patient(s.wait)
	}
	err = c.try(ctx, func(db database) error {
		if err := c.atomic(ctx, db); err != nil {
			return err
		}
		if err := c.ensure(ctx, db); err != nil {
			return err
		}
		return c.register(ctx, db, id)
	})
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// try gives the connection to f, and again when an error may pass. One that may still
// pass is job.ErrUnavailable.
func (c *committer) try(ctx context.Context, f func(db database) error) error {
	err := c.line.try(ctx, c.sink.retries, func() {}, f)
	if err != nil && c.sink.dialect.transient(err) {
		return fmt.Errorf("%w: %w", job.ErrUnavailable, err)
	}
	return err
}

// Published implements ops.Committer.
func (c *committer) Published(ctx context.Context) (stream.Epoch, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var r record
	err := c.try(ctx, func(db database) (err error) {
		r, err = c.recorded(ctx, db, c.id, false)
		return err
	})
	return r.epoch, err
}

// Recover implements ops.Recovering: what writers that are gone have staged, and no
// checkpoint holds, is removed.
func (c *committer) Recover(ctx context.Context, r ops.Recovery) error {
	if _, err := c.Commit(ctx, r.Pending, true); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.try(ctx, func(db database) error {
		return db.together(ctx, c.begin, func() error { return c.clear(ctx, db, r.Generation) })
	})
	if err != nil {
		return fmt.Errorf("remove staged rows of table %s: %w", c.sink.table.Ident, err)
	}
	return nil
}

// clear removes everything that is staged for a generation. An older one must not: a
// newer one may have writers.
func (c *committer) clear(ctx context.Context, db database, generation uint64) error {
	have, err := c.recorded(ctx, db, c.id, true)
	if err != nil {
		return err
	}
	if have.generation > generation {
		return fmt.Errorf("%w: generation %d of job %s writes to the table", job.ErrFenced, have.generation, c.id.Job)
	}
	if err := db.exec(ctx, "DELETE FROM "+c.staged+" WHERE "+c.of(c.id), nil); err != nil {
		return err
	}
	return db.exec(ctx, "UPDATE "+c.epochs+" SET generation = "+strconv.FormatUint(generation, 10)+" WHERE "+c.of(c.id), nil)
}

// Commit implements ops.Committer.
func (c *committer) Commit(ctx context.Context, pending []ops.Pending, _ bool) (done stream.Epoch, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range pending {
		if err := c.commit(ctx, p); err != nil {
			return done, fmt.Errorf("commit epoch %d to table %s: %w", p.Epoch, c.sink.table.Ident, err)
		}
		done = p.Epoch
	}
	return done, nil
}

// commit carries out what was staged for an epoch, unless that was done.
func (c *committer) commit(ctx context.Context, p ops.Pending) error {
	var all []receipt
	for _, b := range p.Committables {
		r, err := readReceipt(b)
		if err != nil {
			return err
		}
		if !slices.Equal(r.Columns, c.columns()) || !slices.Equal(r.Key, c.key) {
			return fmt.Errorf("%w: rows that wait to be written have the columns %q with the key %v, and the table is declared with %q and %v: let the job publish them as it was (wadi stop) before the table changes",
				job.ErrInvalid, r.Columns, r.Key, c.columns(), c.key)
		}
		all = append(all, r)
	}
	slices.SortStableFunc(all, func(a, b receipt) int {
		return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Task, b.Task), cmp.Compare(a.First, b.First))
	})
	return c.try(ctx, func(db database) error {
		return db.together(ctx, c.begin, func() error {
			have, err := c.recorded(ctx, db, c.id, true)
			if err != nil || have.epoch >= p.Epoch {
				return err
			}
			if err := c.carryOut(ctx, db, all); err != nil {
				return err
			}
			return db.exec(ctx, "UPDATE "+c.epochs+" SET epoch = "+c.sink.dialect.param(1, arrow.PrimitiveTypes.Int64)+" WHERE "+c.of(c.id), [][]byte{strconv.AppendUint(nil, uint64(p.Epoch), 10)})
		})
	})
}

// carryOut applies the pieces of receipts, in order, and removes them.
func (c *committer) carryOut(ctx context.Context, db database, all []receipt) error {
	some := latest{key: c.key}
	for _, r := range all {
		for at := r.First; at <= r.Last; at += somePieces {
			if err := c.read(ctx, db, &some, r, at); err != nil {
				return err
			}
			if some.bytes >= someBytes || len(some.all) >= someRows {
				if err := c.apply(ctx, db, some.take()); err != nil {
					return err
				}
			}
		}
	}
	if err := c.apply(ctx, db, some.take()); err != nil {
		return err
	}
	param := c.sink.dialect.param
	remove := "DELETE FROM " + c.staged + " WHERE " + c.of(c.id) + " AND writer = " + param(1, arrow.BinaryTypes.StringView) +
		" AND piece BETWEEN " + param(2, arrow.PrimitiveTypes.Int64) + " AND " + param(3, arrow.PrimitiveTypes.Int64)
	for _, r := range all {
		if err := db.exec(ctx, remove, [][]byte{[]byte(r.Writer), strconv.AppendInt(nil, r.First, 10), strconv.AppendInt(nil, r.Last, 10)}); err != nil {
			return err
		}
	}
	return nil
}

// read adds the changes of the pieces of a receipt from one on.
func (c *committer) read(ctx context.Context, db database, to *latest, r receipt, from int64) error {
	last := min(from+somePieces-1, r.Last)
	next := from
	statement := fmt.Sprintf("SELECT piece, %s FROM %s WHERE %s AND writer = %s AND piece BETWEEN %d AND %d ORDER BY piece",
		c.sink.dialect.hex("payload"), c.staged, c.of(c.id), c.sink.dialect.text(r.Writer), from, last)
	err := db.query(ctx, statement, func(values [][]byte) error {
		if string(values[0]) != strconv.FormatInt(next, 10) {
			return c.lost(r, next)
		}
		piece, err := hex.AppendDecode(nil, values[1])
		if err == nil {
			err = c.unpacker.unpack(to, piece, len(c.fields), len(c.key))
		}
		if err != nil {
			return fmt.Errorf("%w: piece %d of writer %s in %s: %w", job.ErrInvalid, next, r.Writer, c.staged, err)
		}
		next++
		return nil
	})
	if err == nil && next <= last {
		err = c.lost(r, next)
	}
	return err
}

func (c *committer) lost(r receipt, piece int64) error {
	return fmt.Errorf("%w: rows of epoch %d are not in %s any more: somebody has removed piece %d of writer %s", job.ErrInvalid, r.Epoch, c.staged, piece, r.Writer)
}

// Close implements ops.Committer.
func (c *committer) Close() error {
	c.line.close()
	c.unpacker.zstd.Close()
	return nil
}
