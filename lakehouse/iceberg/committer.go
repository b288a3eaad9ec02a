package iceberg

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	icecatalog "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/table"
	"github.com/cenkalti/backoff/v5"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/upsert"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/write"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// Committer publishes staged files: package iceberg says how. One runs per
// sink; others may run against the same table.
type Committer struct {
	sink    *Sink
	id      ops.SinkID
	catalog *catalog.Catalog

	// gate is held while a snapshot is made.
	gate   sync.Mutex
	upkeep *upkeep // nil without maintenance
	// deleter is for tables whose rows are replaced by key.
	deleter upsert.Deleter

	// manifests is about how many the table has; they are merged at mergeAt.
	manifests, mergeAt int

	// first is when each pending epoch was first seen.
	first map[stream.Epoch]time.Time
}

var _ ops.Committer = (*Committer)(nil)

func newCommitter(s *Sink, id ops.SinkID, c *catalog.Catalog) *Committer {
	return &Committer{sink: s, id: id, catalog: c, deleter: upsert.Deleter{ID: id, Key: s.key, Aim: s.aim}}
}

// Published implements ops.Committer.
func (c *Committer) Published(ctx context.Context) (stream.Epoch, error) {
	t, err := c.load(ctx)
	if err != nil {
		return 0, err
	}
	return c.published(t)
}

func (c *Committer) load(ctx context.Context) (*table.Table, error) {
	t, err := c.catalog.Load(ctx, c.sink.target.Database, c.sink.target.Table)
	if errors.Is(err, catalog.ErrNotFound) {
		return nil, fmt.Errorf("%w: it was dropped or renamed while a job writes to it", err)
	}
	return t, err
}

func (c *Committer) published(t *table.Table) (stream.Epoch, error) {
	epoch, err := c.sink.aim.Published(t, c.id)
	if err != nil {
		return 0, fmt.Errorf("table %s: %w", c.sink.target, err)
	}
	return epoch, nil
}

// Commit implements ops.Committer: it publishes everything once there is
// enough of it, or it has waited long enough, or with force. What replaces a
// table is published at the end.
func (c *Committer) Commit(ctx context.Context, pending []ops.Pending, force bool) (stream.Epoch, error) {
	if len(pending) == 0 {
		return c.Published(ctx)
	}
	due, err := c.due(pending)
	if err != nil {
		return 0, fmt.Errorf("commit to table %s: %w", c.sink.target, err)
	}
	if !due && !force || c.sink.overwrite != nil && !force {
		return c.Published(ctx)
	}
	epoch, err := c.publish(ctx, pending)
	if err != nil {
		return 0, fmt.Errorf("commit epoch %d to table %s: %w", pending[len(pending)-1].Epoch, c.sink.target, err)
	}
	c.gather(ctx)
	maps.DeleteFunc(c.first, func(e stream.Epoch, _ time.Time) bool { return e <= epoch })
	return epoch, nil
}

// due decides whether what is pending is enough, or old enough.
func (c *Committer) due(pending []ops.Pending) (bool, error) {
	if c.first == nil {
		c.first = map[stream.Epoch]time.Time{}
	}
	now, files, bytes := c.sink.env.Time(), 0, int64(0)
	oldest := now
	for _, p := range pending {
		seen, known := c.first[p.Epoch]
		if !known {
			seen = now
			c.first[p.Epoch] = now
		}
		if len(p.Committables) > 0 && seen.Before(oldest) {
			oldest = seen
		}
		for _, b := range p.Committables {
			if upsert.IsDeletions(b) {
				files++
				continue
			}
			s, err := write.Decode(b)
			if err != nil {
				return false, err
			}
			if len(s.Entry) == 0 {
				continue
			}
			files++
			bytes += s.Bytes
		}
	}
	return files == 0 || bytes >= c.sink.target.commitSize || now.Sub(oldest) >= c.sink.target.commitAge, nil
}

// publish commits the pending epochs that the table does not have, in one
// snapshot, and returns the newest epoch that it has then. It tries until the
// table says yes or no.
func (c *Committer) publish(ctx context.Context, pending []ops.Pending) (stream.Epoch, error) {
	last := pending[len(pending)-1].Epoch
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = 20*time.Millisecond, 2*time.Second
	unclear := 0
	return backoff.Retry(ctx, func() (stream.Epoch, error) {
		c.gate.Lock()
		defer c.gate.Unlock()
		t, err := c.load(ctx)
		if err != nil {
			return 0, c.verdict(err, &unclear)
		}
		have, err := c.published(t)
		if err != nil {
			return 0, backoff.Permanent(err)
		}
		if have >= last {
			return have, nil
		}
		ch, err := c.changes(ctx, t, pending, have)
		if err != nil {
			return 0, c.verdict(err, &unclear)
		}
		if len(ch) == 0 {
			return last, nil // nothing to be told apart later
		}
		if err := c.attempt(ctx, t, ch, last); err != nil {
			if catalog.IsConflict(err) {
				c.discard(ctx, t, ch)
			}
			return 0, c.verdict(err, &unclear)
		}
		if c.upkeep != nil {
			for _, one := range ch {
				c.upkeep.committed(len(one.Files), one.Bytes())
			}
		}
		c.unstage(ctx, t, pending)
		return last, nil
	}, backoff.WithBackOff(pause), backoff.WithMaxElapsedTime(0))
}

// maxUnclear is how many replies that are neither yes nor no are followed by
// another look at the table before the commit is given up for now.
const maxUnclear = 5

// verdict decides what follows a failed attempt: conflicts are tried again
// until the context ends; a request that can never succeed is not; after
// anything else the table is asked (C3), a few times.
func (c *Committer) verdict(err error, unclear *int) error {
	switch {
	case catalog.IsConflict(err):
		return err
	case errors.Is(err, job.ErrInvalid), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return backoff.Permanent(err)
	case errors.Is(err, icecatalog.ErrNoSuchTable):
		return backoff.Permanent(fmt.Errorf("%w: %w", job.ErrInvalid, err))
	}
	if *unclear++; *unclear < maxUnclear {
		return err
	}
	if !errors.Is(err, job.ErrUnavailable) {
		err = fmt.Errorf("%w: %w", job.ErrUnavailable, err)
	}
	return backoff.Permanent(err)
}

// attempt writes one snapshot on top of t, or fails when t is no longer the
// table's state (C1, C2).
func (c *Committer) attempt(ctx context.Context, t *table.Table, all []upsert.Changes, epoch stream.Epoch) error {
	tx, err := c.sink.aim.Begin(t)
	if err != nil {
		return err
	}
	summary, err := c.sink.aim.Record(tx, t, c.id, epoch, c.sink.env.Time())
	if err != nil {
		return err
	}
	deletes := false
	for i := range all {
		ch := &all[i]
		if err := ch.Stage(ctx, tx, t.Metadata().Version(), summary); err != nil {
			return err
		}
		deletes = deletes || len(ch.Deletes) > 0
	}
	if deletes {
		return c.catalog.Submit(ctx, t, tx)
	}
	return c.sink.aim.Commit(ctx, c.catalog, t, tx)
}

// changes is what the epochs after have change in t: one snapshot for all of
// them, or one for each where it must not delete what it adds.
func (c *Committer) changes(ctx context.Context, t *table.Table, pending []ops.Pending, have stream.Epoch) (all []upsert.Changes, err error) {
	fsys, err := t.FS(ctx)
	if err != nil {
		return nil, err
	}
	var ch upsert.Changes
	d := upsert.NewDeletions()
	end := func() error {
		if ch.Old, err = c.replaced(ctx, t, ch.Files, have); err != nil {
			return err
		}
		if err := c.deleter.Delete(ctx, t, &ch, d); err != nil {
			return err
		}
		if !ch.Empty() {
			all = append(all, ch)
		}
		ch, d = upsert.Changes{}, upsert.NewDeletions()
		return nil
	}
	for _, p := range pending {
		if p.Epoch <= have {
			continue
		}
		for _, b := range p.Committables {
			if err := ch.Take(t, fsys, b, d); err != nil {
				return nil, err
			}
		}
		if c.sink.key.Mode == upsert.ByEquality {
			if err := end(); err != nil {
				return nil, err
			}
		}
	}
	if c.sink.key.Mode == upsert.ByEquality {
		return all, nil
	}
	return all, end()
}

// discard removes the files that were made for an attempt that is known to have
// failed.
func (c *Committer) discard(ctx context.Context, t *table.Table, all []upsert.Changes) {
	fsys, err := t.FS(ctx)
	if err != nil {
		return
	}
	paths := map[string]bool{}
	for _, ch := range all {
		for _, f := range ch.Made {
			paths[f.FilePath()] = true
		}
	}
	for path := range paths {
		_ = fsys.Remove(path) // what stays is an orphan, which nothing names
	}
}

// unstage removes the staged deletions of epochs that are published.
func (c *Committer) unstage(ctx context.Context, t *table.Table, pending []ops.Pending) {
	fsys, err := t.FS(ctx)
	if err != nil {
		return
	}
	for _, p := range pending {
		for _, b := range p.Committables {
			if path := upsert.StagedAt(b); path != "" {
				_ = fsys.Remove(path) // what stays is an orphan, which nothing names
			}
		}
	}
}

// Close implements ops.Committer.
func (c *Committer) Close() error {
	if c.upkeep != nil {
		c.upkeep.close()
	}
	return c.catalog.Close()
}
