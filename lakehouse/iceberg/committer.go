package iceberg

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	ice "github.com/apache/iceberg-go"
	icecatalog "github.com/apache/iceberg-go/catalog"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
	"github.com/cenkalti/backoff/v5"
	"github.com/zeebo/xxh3"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// The record of a commit in the summary of its snapshot. Flink's keys stand
// beside ours for tools that look for them.
const (
	sumJob   = "wadi.job-id"
	sumSink  = "wadi.sink-id"
	sumEpoch = "wadi.epoch"

	sumFlinkJob      = "flink.job-id"
	sumFlinkOperator = "flink.operator-id"
	sumFlinkEpoch    = "flink.max-committed-checkpoint-id"

	// mirrorPrefix begins the table properties that repeat the newest epoch of
	// each (job, sink): "<epoch> <milliseconds> <branch>". Snapshots expire, these
	// stay, until their branch is dropped.
	mirrorPrefix = "wadi.committed."
	// maxMirrors is how many of them a table keeps; the oldest go.
	maxMirrors = 64
)

// Committer publishes staged files: package iceberg says how. One runs per
// sink; others may run against the same table.
type Committer struct {
	sink    *Sink
	id      ops.SinkID
	catalog *Catalog

	// gate is held while a snapshot is made.
	gate   sync.Mutex
	upkeep *upkeep // nil without maintenance
	viewer *viewer // of files in which rows are deleted

	// manifests is about how many the table has; they are merged at mergeAt.
	manifests, mergeAt int

	// first is when each pending epoch was first seen.
	first map[stream.Epoch]time.Time
}

var _ ops.Committer = (*Committer)(nil)

// Published implements ops.Committer.
func (c *Committer) Published(ctx context.Context) (stream.Epoch, error) {
	t, err := c.load(ctx)
	if err != nil {
		return 0, err
	}
	return c.published(t)
}

func (c *Committer) load(ctx context.Context) (*table.Table, error) {
	t, err := c.catalog.load(ctx, c.sink.target.database, c.sink.target.table)
	if errors.Is(err, ErrNotFound) {
		return nil, fmt.Errorf("%w: it was dropped or renamed while a job writes to it", err)
	}
	return t, err
}

// mirror is the table property that holds this sink's newest epoch. Job and
// sink are hashed: uids are long, and properties are in every metadata file.
func (c *Committer) mirror() string { return mirrorPrefix + sinkHash(c.id) }

// sinkHash stands for a sink of a job in properties and names of files.
func sinkHash(id ops.SinkID) string {
	return fmt.Sprintf("%016x", xxh3.HashString(id.Job+"\x00"+id.Sink))
}

func (c *Committer) published(t *table.Table) (stream.Epoch, error) {
	return publishedBy(t, c.sink, c.id)
}

// publishedBy finds the newest epoch of a sink in the table: the mirror, or the
// newest snapshot of the sink where its snapshots go.
func publishedBy(t *table.Table, sink *Sink, id ops.SinkID) (stream.Epoch, error) {
	mirror := mirrorPrefix + sinkHash(id)
	var newest stream.Epoch
	if text := t.Properties()[mirror]; text != "" {
		epoch, _, _ := strings.Cut(text, " ")
		n, err := strconv.ParseUint(epoch, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("table %s: %w: property %s is %q", sink.target, job.ErrInvalid, mirror, text)
		}
		newest = stream.Epoch(n)
	}
	found, err := sink.aim.recorded(t, id)
	if err != nil {
		return 0, fmt.Errorf("table %s: %w", sink.target, err)
	}
	return max(newest, found), nil
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
	now, files, bytes := c.sink.env.now(), 0, int64(0)
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
			if isDeletions(b) {
				files++
				continue
			}
			s, err := decodeCommittable(b)
			if err != nil {
				return false, err
			}
			if len(s.entry) == 0 {
				continue
			}
			files++
			bytes += s.bytes
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
			if conflict(err) {
				c.discard(ctx, t, ch)
			}
			return 0, c.verdict(err, &unclear)
		}
		if c.upkeep != nil {
			for _, one := range ch {
				c.upkeep.committed(len(one.files), totalBytes(one.files))
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
	case conflict(err):
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

// conflict reports that somebody else committed in between. Catalogs return
// failed requirements without wrapping table.ErrCommitFailed, so their text
// counts too; sequence numbers and row ids are the whole table's, and taken when
// another branch has moved; a table with another UUID is not a conflict but another table.
func conflict(err error) bool {
	text := err.Error()
	if strings.Contains(text, "UUID") || strings.Contains(text, "uuid") {
		return false
	}
	return errors.Is(err, table.ErrCommitFailed) || errors.Is(err, table.ErrInvalidRowLineage) ||
		strings.Contains(text, "equirement failed") || strings.Contains(text, "add snapshot with sequence number") ||
		strings.Contains(text, "database is locked") || strings.Contains(text, "SQLITE_BUSY")
}

// attempt writes one snapshot on top of t, or fails when t is no longer the
// table's state (C1, C2).
func (c *Committer) attempt(ctx context.Context, t *table.Table, all []changes, epoch stream.Epoch) error {
	number := strconv.FormatUint(uint64(epoch), 10)
	tx, err := c.sink.aim.begin(t)
	if err != nil {
		return err
	}
	props, silent := c.mirrors(t.Properties(), number)
	if err := tx.SetProperties(props); err != nil {
		return err
	}
	if len(silent) > 0 {
		if err := tx.RemoveProperties(silent); err != nil {
			return err
		}
	}
	summary := ice.Properties{
		sumJob: c.id.Job, sumSink: c.id.Sink, sumEpoch: number,
		sumFlinkJob: c.id.Job, sumFlinkOperator: c.id.Sink, sumFlinkEpoch: number,
	}
	c.sink.aim.tell(summary)
	deletes := false
	for _, ch := range all {
		if err := change(ctx, tx, t.Metadata().Version(), ch, summary); err != nil {
			return err
		}
		deletes = deletes || len(ch.deletes) > 0
	}
	if deletes {
		return c.catalog.submit(ctx, t, tx)
	}
	return c.sink.aim.commit(ctx, c.catalog, t, tx)
}

// mirrors returns the properties that record epoch, and those of sinks that
// have been silent for longest, when there are too many.
func (c *Committer) mirrors(all ice.Properties, epoch string) (set ice.Properties, remove []string) {
	set = ice.Properties{c.mirror(): fmt.Sprintf("%s %d %s", epoch, c.sink.env.now().UnixMilli(), c.sink.aim.branch)}
	var others []string
	for k := range all {
		if strings.HasPrefix(k, mirrorPrefix) && k != c.mirror() {
			others = append(others, k)
		}
	}
	slices.SortFunc(others, func(a, b string) int {
		return int(min(1, max(-1, mirrorTime(all[a])-mirrorTime(all[b]))))
	})
	return set, others[:max(0, len(others)-maxMirrors+1)]
}

func mirrorTime(text string) int64 {
	_, rest, _ := strings.Cut(text, " ")
	millis, _, _ := strings.Cut(rest, " ")
	n, _ := strconv.ParseInt(millis, 10, 64)
	return n
}

// changes is what the epochs after have change in t: one snapshot for all of
// them, or one for each where it must not delete what it adds.
func (c *Committer) changes(ctx context.Context, t *table.Table, pending []ops.Pending, have stream.Epoch) (all []changes, err error) {
	fsys, err := t.FS(ctx)
	if err != nil {
		return nil, err
	}
	var ch changes
	d := newDeletions()
	end := func() error {
		if ch.old, err = c.replaced(ctx, t, ch.files, have); err != nil {
			return err
		}
		if err := c.deleteRows(ctx, t, &ch, d); err != nil {
			return err
		}
		if !ch.empty() {
			all = append(all, ch)
		}
		ch, d = changes{}, newDeletions()
		return nil
	}
	for _, p := range pending {
		if p.Epoch <= have {
			continue
		}
		for _, b := range p.Committables {
			if err := ch.take(t, fsys, b, d); err != nil {
				return nil, err
			}
		}
		if c.sink.mode == byEquality {
			if err := end(); err != nil {
				return nil, err
			}
		}
	}
	if c.sink.mode == byEquality {
		return all, nil
	}
	return all, end()
}

// take adds what a committable says.
func (ch *changes) take(t *table.Table, fsys iceio.IO, b ops.Committable, d deletions) error {
	if isDeletions(b) {
		return d.mergeCommittable(t, fsys, b)
	}
	s, err := decodeCommittable(b)
	if err != nil || len(s.entry) == 0 {
		return err
	}
	df, err := s.dataFile(t)
	if err != nil {
		return err
	}
	if df.ContentType() == ice.EntryContentEqDeletes {
		ch.deletes = append(ch.deletes, df)
	} else {
		ch.files = append(ch.files, df)
	}
	return nil
}

// discard removes the files that were made for an attempt that is known to have
// failed.
func (c *Committer) discard(ctx context.Context, t *table.Table, all []changes) {
	fsys, err := t.FS(ctx)
	if err != nil {
		return
	}
	paths := map[string]bool{}
	for _, ch := range all {
		for _, f := range ch.made {
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
			if path := stagedAt(b); path != "" {
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

func totalBytes(files []ice.DataFile) (n int64) {
	for _, f := range files {
		n += f.FileSizeBytes()
	}
	return n
}
