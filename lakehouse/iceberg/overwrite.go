package iceberg

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// noSnapshot is the version of a table that has no snapshot yet.
const noSnapshot = "none"

// versionOf is what job.Overwrite calls the table's present state.
func versionOf(t *table.Table, a aim) string {
	if s := a.head(t); s != nil {
		return strconv.FormatInt(s.SnapshotID, 10)
	}
	return noSnapshot
}

// version is Connector.Version: the current snapshot, and the option that
// reads it.
func version(ctx context.Context, t job.Table, env Env) (string, map[string]string, error) {
	c, there, err := openTable(ctx, t, env)
	if err != nil {
		return "", nil, err
	}
	defer c.Close()
	a, err := aimOf(t.Options)
	if err != nil {
		return "", nil, err
	}
	v := versionOf(there, a)
	if v == noSnapshot {
		return v, nil, nil
	}
	return v, map[string]string{optSnapshot: v}, nil
}

// openTable loads the table that t names.
func openTable(ctx context.Context, t job.Table, env Env) (*Catalog, *table.Table, error) {
	to, err := parseTarget(t)
	if err != nil {
		return nil, nil, err
	}
	c, err := Open(ctx, to.catalog, to.options, env)
	if err != nil {
		return nil, nil, err
	}
	there, err := c.load(ctx, to.database, to.table)
	if err != nil {
		return nil, nil, errors.Join(err, c.Close())
	}
	return c, there, nil
}

// truncate removes all rows of a table, in one snapshot.
func truncate(ctx context.Context, t job.Table, env Env) error {
	to, err := parseTarget(t)
	if err != nil {
		return err
	}
	c, there, err := openTable(ctx, t, env)
	if err != nil {
		return err
	}
	defer c.Close()
	a, err := aimOf(t.Options)
	if err != nil {
		return err
	}
	if err := a.check(there, t.Options); err != nil {
		return fmt.Errorf("truncate table %s: %w", t.Ident, err)
	}
	for tries := 0; ; tries++ {
		old, err := currentFiles(ctx, there, a)
		if err != nil || len(old) == 0 {
			return c.fail("truncate table", t.Ident.String(), err)
		}
		tx, err := a.begin(there)
		if err == nil {
			err = change(ctx, tx, there.Metadata().Version(), changes{old: old}, nil)
		}
		if err == nil {
			err = a.commit(ctx, c, there, tx)
		}
		if err == nil || !conflict(err) || tries == 10 {
			return c.fail("truncate table", t.Ident.String(), err)
		}
		if there, err = c.load(ctx, to.database, to.table); err != nil {
			return err
		}
	}
}

// currentFiles are the data files of the snapshot on which the next is built.
func currentFiles(ctx context.Context, t *table.Table, a aim) ([]ice.DataFile, error) {
	head := a.head(t)
	if head == nil {
		return nil, nil
	}
	tasks, err := t.Scan(table.WithSnapshotID(head.SnapshotID)).PlanFiles(ctx)
	if err != nil {
		return nil, err
	}
	files := make([]ice.DataFile, len(tasks))
	for i, task := range tasks {
		files[i] = task.File
	}
	return files, nil
}

// change stages a snapshot with other files. In format 3 files get their row
// ids from an append: there, a snapshot without the old ones comes before it,
// which nobody sees, because both are committed at once.
func change(ctx context.Context, tx *table.Transaction, format int, ch changes, summary ice.Properties) error {
	if len(ch.old) > 0 && (format < 3 || len(ch.files) == 0) {
		return tx.ReplaceDataFilesWithDataFiles(ctx, ch.old, ch.files, summary)
	}
	if len(ch.old) > 0 {
		if err := tx.ReplaceDataFilesWithDataFiles(ctx, ch.old, nil, nil); err != nil {
			return err
		}
	}
	return tx.NewRowDelta(summary).AddRows(ch.files...).AddDeletes(ch.deletes...).RemoveDeletes(ch.vectors...).Commit(ctx)
}

// replaced are the files that are to go with the commit of files: none of a
// sink that appends, or that has replaced them already.
func (c *Committer) replaced(ctx context.Context, t *table.Table, files []ice.DataFile, have stream.Epoch) ([]ice.DataFile, error) {
	o := c.sink.overwrite
	if o == nil || have > 0 {
		return nil, nil
	}
	if o.Base != "" && o.Base != versionOf(t, c.sink.aim) {
		return nil, fmt.Errorf("%w: the table has changed since the statement read it (snapshot %s then, %s now): nothing was written; run the statement again",
			job.ErrInvalid, o.Base, versionOf(t, c.sink.aim))
	}
	all, err := currentFiles(ctx, t, c.sink.aim)
	spec := t.Spec()
	if err != nil || o.Base != "" || spec.IsUnpartitioned() {
		return all, err
	}
	parts := map[string]bool{}
	for _, f := range files {
		parts[partitionKey(f.Partition())] = true
	}
	if o.Partition != nil {
		values, err := partitionOf(t, o.Partition)
		if err != nil {
			return nil, err
		}
		parts[partitionKey(values)] = true
	}
	old := all[:0]
	for _, f := range all {
		if int(f.SpecID()) != spec.ID() {
			return nil, fmt.Errorf("%w: the table's partitioning has changed, and old files are partitioned as before: "+
				"it is not known which of them hold the partitions that are written", job.ErrInvalid)
		}
		if parts[partitionKey(f.Partition())] {
			old = append(old, f)
		}
	}
	return old, nil
}

// partitionKey is equal for equal partitions of one spec.
func partitionKey(values map[int]any) string {
	return fmt.Sprint(values) // fmt prints maps in the order of their keys
}

// partitionOf is the partition whose columns have values that are given as
// text. Columns that have a transform are not given.
func partitionOf(t *table.Table, values map[string]string) (map[int]any, error) {
	out := map[int]any{}
	spec := t.Spec()
	for _, f := range spec.Fields() {
		name, _ := t.Schema().FindColumnName(f.SourceIDs[0])
		text, ok := values[name]
		if _, identity := f.Transform.(ice.IdentityTransform); !ok || !identity {
			return nil, fmt.Errorf("%w: PARTITION gives no value of %s", job.ErrInvalid, f.Name)
		}
		field, _ := t.Schema().FindFieldByID(f.SourceIDs[0])
		value, err := ice.StringLiteral(text).To(field.Type)
		if err != nil {
			return nil, fmt.Errorf("%w: PARTITION (%s = '%s'): %w", job.ErrInvalid, name, text, err)
		}
		out[f.FieldID] = value.Any()
	}
	return out, nil
}
