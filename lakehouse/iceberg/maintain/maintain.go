package maintain

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
)

// Snapshot is one state that a table had.
type Snapshot struct {
	ID        int64
	At        time.Time // UTC
	Operation string
}

// Ancestors are the current snapshot of a table and those before it, the
// newest first.
func Ancestors(ctx context.Context, c *catalog.Catalog, name string) ([]Snapshot, error) {
	t, err := c.Named(ctx, name)
	if err != nil {
		return nil, err
	}
	var out []Snapshot
	for s := t.CurrentSnapshot(); s != nil; s = t.SnapshotByID(*s.ParentSnapshotID) {
		x := Snapshot{ID: s.SnapshotID, At: time.UnixMilli(s.TimestampMs).UTC()}
		if s.Summary != nil {
			x.Operation = string(s.Summary.Operation)
		}
		if out = append(out, x); s.ParentSnapshotID == nil {
			break
		}
	}
	return out, nil
}

// Rollback makes an ancestor of the current snapshot the current one, whose id
// was from.
func Rollback(ctx context.Context, c *catalog.Catalog, name string, to int64) (from int64, err error) {
	err = commitStaged(ctx, c, "roll back", name, func(t *table.Table, tx *table.Transaction) error {
		if t.CurrentSnapshot() == nil || t.SnapshotByID(to) == nil {
			return fmt.Errorf("%w: it has no snapshot %d", job.ErrInvalid, to)
		}
		from = t.CurrentSnapshot().SnapshotID
		if from == to {
			return errNothing
		}
		return tx.RollbackToSnapshot(to)
	})
	return from, err
}

// Expire says which snapshots are of no use any more.
type Expire struct {
	// OlderThan is when those were made at the latest; zero is what the table's
	// property history.expire.max-snapshot-age-ms says: five days ago.
	OlderThan time.Time
	// RetainLast is how many are kept whatever their age; zero is what
	// history.expire.min-snapshots-to-keep says: 1.
	RetainLast int
}

// ExpireSnapshots forgets old snapshots, with the files that only they have,
// and returns how many.
func ExpireSnapshots(ctx context.Context, c *catalog.Catalog, name string, e Expire) (n int, err error) {
	var opts []table.ExpireSnapshotsOpt
	if !e.OlderThan.IsZero() {
		opts = append(opts, table.WithOlderThan(max(0, c.Now().Sub(e.OlderThan))))
	}
	if e.RetainLast > 0 {
		opts = append(opts, table.WithRetainLast(e.RetainLast))
	}
	var before int
	err = commitStaged(ctx, c, "expire snapshots of", name, func(t *table.Table, tx *table.Transaction) error {
		before = len(t.Metadata().Snapshots())
		return tx.ExpireSnapshots(opts...)
	})
	if err != nil {
		return 0, err
	}
	t, err := c.Named(ctx, name)
	if err != nil {
		return 0, err
	}
	return before - len(t.Metadata().Snapshots()), nil
}

// errNothing says that a table is already as it is to be.
var errNothing = errors.New("nothing to do")

// commitStaged commits what change stages; conflicts with other writers are tried
// again.
func commitStaged(ctx context.Context, c *catalog.Catalog, verb, name string, change func(t *table.Table, tx *table.Transaction) error) error {
	return c.ChangeNamed(ctx, verb, name, func(t *table.Table) error {
		tx := t.NewTransaction()
		err := change(t, tx)
		if errors.Is(err, errNothing) {
			return nil
		}
		if err == nil {
			_, err = tx.Commit(ctx)
		}
		return err
	})
}
