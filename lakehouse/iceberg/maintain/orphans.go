package maintain

import (
	"context"
	"fmt"
	"time"

	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
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

// MinOrphanAge is the least age of a file that is removed: jobs stage rows in
// files before a snapshot names them, and a job that waits for its catalog or
// is to be started again needs them.
const MinOrphanAge = 24 * time.Hour

// DefaultOrphanAge is the age where nothing is said.
const DefaultOrphanAge = 3 * 24 * time.Hour

// RemoveOrphanFiles removes the files below a table's location that none of
// its snapshots and metadata files names, and returns their URLs.
func RemoveOrphanFiles(ctx context.Context, c *catalog.Catalog, name string, o Orphans) ([]string, error) {
	age := DefaultOrphanAge
	if !o.OlderThan.IsZero() {
		age = max(0, c.Now().Sub(o.OlderThan))
	}
	if age < MinOrphanAge && !o.DryRun {
		return nil, fmt.Errorf("%w: remove orphan files of table %s.%s: older_than is %v ago; files of the last 24 hours may belong to a commit "+
			"that is yet to come; dry_run => true shows them", job.ErrInvalid, c.Name(), name, age.Round(time.Second))
	}
	t, err := c.Named(ctx, name)
	if err != nil {
		return nil, err
	}
	opts := []table.OrphanCleanupOption{table.WithFilesOlderThan(age), table.WithDryRun(o.DryRun)}
	if o.Location != "" {
		opts = append(opts, table.WithLocation(o.Location))
	}
	done, err := t.DeleteOrphanFiles(ctx, opts...)
	return done.OrphanFileLocations, c.Fail("remove orphan files of", "table "+c.Name()+"."+name, err)
}

// RewriteManifests merges small manifests into fewer: it returns how many were
// replaced by how many.
func RewriteManifests(ctx context.Context, c *catalog.Catalog, name string) (replaced, added int, err error) {
	err = commitStaged(ctx, c, "rewrite manifests of", name, func(_ *table.Table, tx *table.Transaction) error {
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
