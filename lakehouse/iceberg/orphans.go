package iceberg

import (
	"context"
	"fmt"
	"time"

	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
)

// Orphans says which files are looked for that no snapshot names.
type Orphans struct {
	// OlderThan is when those were written at the latest; zero is three days
	// ago. What was written later may belong to a commit that is yet to come.
	OlderThan time.Time
	// Location is where to look: the table's own when empty.
	Location string
	// DryRun removes nothing.
	DryRun bool
}

// minOrphanAge is the least age of a file that is removed: jobs stage rows in
// files before a snapshot names them, and a job that waits for its catalog or
// is to be started again needs them.
const minOrphanAge = 24 * time.Hour

const defaultOrphanAge = 3 * 24 * time.Hour

// RemoveOrphanFiles removes the files below a table's location that none of
// its snapshots and metadata files names, and returns their URLs.
func (c *Catalog) RemoveOrphanFiles(ctx context.Context, name string, o Orphans) ([]string, error) {
	age := defaultOrphanAge
	if !o.OlderThan.IsZero() {
		age = max(0, c.env.now().Sub(o.OlderThan))
	}
	if age < minOrphanAge && !o.DryRun {
		return nil, fmt.Errorf("%w: remove orphan files of table %s.%s: older_than is %v ago; files of the last 24 hours may belong to a commit "+
			"that is yet to come; dry_run => true shows them", job.ErrInvalid, c.name, name, age.Round(time.Second))
	}
	t, err := c.named(ctx, name)
	if err != nil {
		return nil, err
	}
	opts := []table.OrphanCleanupOption{table.WithFilesOlderThan(age), table.WithDryRun(o.DryRun)}
	if o.Location != "" {
		opts = append(opts, table.WithLocation(o.Location))
	}
	done, err := t.DeleteOrphanFiles(ctx, opts...)
	return done.OrphanFileLocations, c.fail("remove orphan files of", "table "+c.name+"."+name, err)
}

// RewriteManifests merges small manifests into fewer: it returns how many were
// replaced by how many.
func (c *Catalog) RewriteManifests(ctx context.Context, name string) (replaced, added int, err error) {
	err = c.maintain(ctx, "rewrite manifests of", name, func(_ *table.Table, tx *table.Transaction) error {
		done, err := tx.RewriteManifests(ctx)
		if err != nil {
			return err
		}
		replaced, added = len(done.RewrittenManifests), len(done.AddedManifests)
		if done.IsNoOp() {
			return errNothing
		}
		return nil
	})
	return replaced, added, err
}
