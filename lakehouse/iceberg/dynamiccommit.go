package iceberg

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// A committable of a dynamic sink is one of the sink of its table, behind the
// table's name:
//
//	byte 0   version, 1
//	3 times  uvarint n, and n bytes: the database, the table, the branch
//	rest     the committable
const wrappedVersion = 1

func (n name) wrap(c ops.Committable) ops.Committable {
	b := []byte{wrappedVersion}
	for _, s := range []string{n.database, n.table, n.branch} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return append(b, c...)
}

func unwrap(c ops.Committable) (name, ops.Committable, error) {
	var texts [3]string
	bad := fmt.Errorf("%w: a committable of %d bytes was written by another version of the engine", job.ErrInvalid, len(c))
	if len(c) == 0 || c[0] != wrappedVersion {
		return name{}, nil, bad
	}
	rest := []byte(c[1:])
	for i := range texts {
		n, size := binary.Uvarint(rest)
		if size <= 0 || n > uint64(len(rest)-size) {
			return name{}, nil, bad
		}
		texts[i], rest = string(rest[size:size+int(n)]), rest[size+int(n):]
	}
	return name{database: texts[0], table: texts[1], branch: texts[2]}, rest, nil
}

// dynamicCommitter publishes what goes to each table in one snapshot of that
// table, one after the other.
type dynamicCommitter struct {
	sink    *DynamicSink
	id      ops.SinkID
	catalog *catalog.Catalog

	policy Committer           // decides when; it commits nothing
	tables map[name]*Committer // those that were committed to
	done   stream.Epoch        // everything up to it is in all tables
}

var _ ops.Committer = (*dynamicCommitter)(nil)

// Committer implements ops.Sink.
func (s *DynamicSink) Committer(ctx context.Context, id ops.SinkID) (ops.Committer, error) {
	c, err := s.sink.open(ctx)
	if err != nil {
		return nil, err
	}
	return &dynamicCommitter{sink: s, id: id, catalog: c, policy: Committer{sink: &s.sink}, tables: map[name]*Committer{}}, nil
}

// Published implements ops.Committer: the highest epoch that any table has. It
// looks at every table of the catalog, because any of them may have been named.
func (c *dynamicCommitter) Published(ctx context.Context) (stream.Epoch, error) {
	databases, err := c.catalog.Databases(ctx)
	if err != nil {
		return 0, err
	}
	var newest stream.Epoch
	for _, db := range databases {
		tables, err := c.catalog.Tables(ctx, db)
		if err != nil {
			return 0, err
		}
		for _, t := range tables {
			there, err := c.catalog.Load(ctx, db, t)
			if errors.Is(err, catalog.ErrNotFound) {
				continue
			}
			if err != nil {
				return 0, err
			}
			one := c.of(c.sink.named(t, db, ""))
			e, err := one.published(there)
			if err != nil {
				return 0, err
			}
			newest = max(newest, e)
		}
	}
	return newest, nil
}

// of is the committer of one table.
func (c *dynamicCommitter) of(n name) *Committer {
	return newCommitter(c.sink.of(n), c.id, c.catalog)
}

// Commit implements ops.Committer.
func (c *dynamicCommitter) Commit(ctx context.Context, pending []ops.Pending, force bool) (stream.Epoch, error) {
	if len(pending) == 0 {
		return c.done, nil
	}
	all, bare, err := c.divide(pending)
	if err != nil {
		return 0, err
	}
	due, err := c.policy.due(bare)
	if err != nil {
		return 0, fmt.Errorf("commit to the tables of %s: %w", c.sink.declare.Ident, err)
	}
	if !due && !force {
		return c.done, nil
	}
	for _, n := range slices.SortedFunc(maps.Keys(all), name.compare) {
		last := all[n][len(all[n])-1].Epoch
		one := c.tables[n]
		if one == nil {
			one = c.of(n)
			c.tables[n] = one
		}
		if _, err := one.publish(ctx, all[n]); err != nil {
			return 0, fmt.Errorf("commit epoch %d to table %s: %w", last, n, err)
		}
		one.gather(ctx)
	}
	c.done = pending[len(pending)-1].Epoch
	maps.DeleteFunc(c.policy.first, func(e stream.Epoch, _ time.Time) bool { return e <= c.done })
	return c.done, nil
}

// divide gives each table what goes to it, in the order of the epochs; bare is
// all of it without the tables' names.
func (c *dynamicCommitter) divide(pending []ops.Pending) (all map[name][]ops.Pending, bare []ops.Pending, err error) {
	all = map[name][]ops.Pending{}
	for _, p := range pending {
		b := ops.Pending{Epoch: p.Epoch}
		for _, w := range p.Committables {
			n, one, err := unwrap(w)
			if err != nil {
				return nil, nil, err
			}
			b.Committables = append(b.Committables, one)
			list := all[n]
			if len(list) == 0 || list[len(list)-1].Epoch != p.Epoch {
				list = append(list, ops.Pending{Epoch: p.Epoch})
			}
			last := &list[len(list)-1]
			last.Committables = append(last.Committables, one)
			all[n] = list
		}
		bare = append(bare, b)
	}
	return all, bare, nil
}

// Close implements ops.Committer.
func (c *dynamicCommitter) Close() error { return c.catalog.Close() }
