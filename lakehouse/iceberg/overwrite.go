package iceberg

import (
	"context"
	"fmt"
	"strconv"

	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/upsert"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/write"
	"github.com/wadi-engine/wadi/stream"
)

// noSnapshot is the version of a table that has no snapshot yet.
const noSnapshot = "none"

// versionOf is what job.Overwrite calls the table's present state.
func versionOf(t *table.Table, a catalog.Aim) string {
	if s := a.Head(t); s != nil {
		return strconv.FormatInt(s.SnapshotID, 10)
	}
	return noSnapshot
}

// version is Connector.Version: the current snapshot, and the option that
// reads it.
func version(ctx context.Context, t job.Table, env catalog.Env) (string, map[string]string, error) {
	to, err := parseTarget(t)
	if err != nil {
		return "", nil, err
	}
	c, there, err := to.Load(ctx, env)
	if err != nil {
		return "", nil, err
	}
	defer c.Close()
	a, err := catalog.AimOf(t.Options)
	if err != nil {
		return "", nil, err
	}
	v := versionOf(there, a)
	if v == noSnapshot {
		return v, nil, nil
	}
	return v, map[string]string{catalog.OptSnapshot: v}, nil
}

// truncate removes all rows of a table, in one snapshot.
func truncate(ctx context.Context, t job.Table, env catalog.Env) error {
	to, err := parseTarget(t)
	if err != nil {
		return err
	}
	if err := to.writable(); err != nil {
		return err
	}
	a, err := catalog.AimOf(t.Options)
	if err != nil {
		return err
	}
	c, err := to.OpenCatalog(ctx, env)
	if err != nil {
		return err
	}
	defer c.Close()
	load := func(ctx context.Context) (*table.Table, error) { return c.Load(ctx, to.Database, to.Table) }
	return c.Change(ctx, "truncate table", t.Ident.String(), load, func(there *table.Table) error {
		if err := a.Check(there, t.Options); err != nil {
			return err
		}
		old, err := currentFiles(ctx, there, a)
		if err != nil || len(old) == 0 {
			return err
		}
		tx, err := a.Begin(there)
		if err == nil {
			err = (&upsert.Changes{Old: old}).Stage(ctx, tx, there.Metadata().Version(), nil)
		}
		if err == nil {
			err = a.Commit(ctx, c, there, tx)
		}
		return err
	})
}

// currentFiles are the data files of the snapshot on which the next is built.
func currentFiles(ctx context.Context, t *table.Table, a catalog.Aim) ([]ice.DataFile, error) {
	head := a.Head(t)
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
		parts[write.PartitionKey(f.Partition())] = true
	}
	if o.Partition != nil {
		values, err := partitionOf(t, o.Partition)
		if err != nil {
			return nil, err
		}
		parts[write.PartitionKey(values)] = true
	}
	old := all[:0]
	for _, f := range all {
		if int(f.SpecID()) != spec.ID() {
			return nil, fmt.Errorf("%w: the table's partitioning has changed, and old files are partitioned as before: "+
				"it is not known which of them hold the partitions that are written", job.ErrInvalid)
		}
		if parts[write.PartitionKey(f.Partition())] {
			old = append(old, f)
		}
	}
	return old, nil
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
