package catalog

import (
	"context"

	"github.com/apache/iceberg-go/table"
)

// Submit commits what tx has staged on top of t. It does without iceberg-go's
// own commit because that one refuses delete files for data files of the same
// snapshot, and tries again by itself: the requirements of tx, that the branch is
// where it was, hold or nothing is written.
func (c *Catalog) Submit(ctx context.Context, t *table.Table, tx *table.Transaction) error {
	all, err := tx.TableCommit()
	if err != nil {
		return err
	}
	after, err := c.CommitTable(ctx, t, all.Requirements, all.Updates)
	if err != nil {
		return err
	}
	removeOldMetadata(ctx, t, after)
	return nil
}

// removeOldMetadata removes the metadata files that the table has forgotten,
// where write.metadata.delete-after-commit.enabled wants it.
func removeOldMetadata(ctx context.Context, t *table.Table, after table.Metadata) {
	if !after.Properties().GetBool(table.MetadataDeleteAfterCommitEnabledKey, table.MetadataDeleteAfterCommitEnabledDefault) {
		return
	}
	fsys, err := t.FS(ctx)
	if err != nil {
		return
	}
	kept := map[string]bool{}
	for m := range after.PreviousFiles() {
		kept[m.MetadataFile] = true
	}
	for m := range t.Metadata().PreviousFiles() {
		if !kept[m.MetadataFile] {
			_ = fsys.Remove(m.MetadataFile) // what stays is an orphan, which nothing names
		}
	}
}
