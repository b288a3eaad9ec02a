package iceberg

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	ice "github.com/apache/iceberg-go"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
	"github.com/apache/iceberg-go/table/dv"

	"github.com/wadi-engine/wadi/vector"
)

// rewrittenTag is in the names of files that replace others. They are not those
// of a task: the index finds their rows as it finds those of a compaction.
const rewrittenTag = "rewritten"

// rewriteRows applies deletions by writing the data files anew, without the
// deleted rows: those of the table, and those that are committed together with
// them.
func (c *Committer) rewriteRows(ctx context.Context, t *table.Table, v *fileView, ch *changes, d map[string]positions) (err error) {
	mem := memory.DefaultAllocator
	schema, err := table.SchemaToArrowSchema(t.Schema(), nil, true, false)
	if err != nil {
		return err
	}
	l, err := newLayout(ctx, t, schema, rewrittenTag, mem)
	if err != nil {
		return err
	}
	out, err := newFan(l, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("write data files anew: %w", err)
			_ = removeFiles(t, out.abandon()) // the error that led here is the one to tell
		}
	}()
	tasks, err := tasksOf(ctx, t, v, d)
	if err != nil {
		return err
	}
	kept := ch.files[:0:0]
	for _, f := range ch.files {
		if d[f.FilePath()] == nil {
			kept = append(kept, f)
			continue
		}
		tasks[f.FilePath()] = table.FileScanTask{File: f}
	}
	for _, path := range slices.Sorted(maps.Keys(d)) {
		task, there := tasks[path]
		if !there {
			continue
		}
		if err := copyRows(ctx, l, out, task, d[path]); err != nil {
			return err
		}
		if v.data[path] != nil {
			ch.old = append(ch.old, task.File)
		}
	}
	made, err := out.finish()
	if err != nil {
		return err
	}
	ch.files, ch.made = append(kept, made...), made
	return nil
}

// tasksOf are the data files of the table in which rows are deleted, with what
// deletes rows of them already.
func tasksOf(ctx context.Context, t *table.Table, v *fileView, d map[string]positions) (map[string]table.FileScanTask, error) {
	out := map[string]table.FileScanTask{}
	live := false
	for path := range d {
		live = live || v.data[path] != nil
	}
	if !live {
		return out, nil
	}
	all, err := t.Scan(table.WithSnapshotID(v.snapshot)).PlanFiles(ctx)
	if err != nil {
		return nil, err
	}
	for _, task := range all {
		if path := task.File.FilePath(); d[path] != nil {
			out[path] = task
		}
	}
	return out, nil
}

// copyRows writes the rows of a data file that stay.
func copyRows(ctx context.Context, l *layout, out *fan, task table.FileScanTask, gone positions) error {
	dead, err := readDeletes(ctx, l.files, l.table, task, l.mem)
	if err != nil {
		return err
	}
	defer dead.free()
	if dead.positions == nil {
		dead.positions = dv.NewRoaringPositionBitmap()
	}
	dead.positions.Or(gone)
	from := fileLayout{schema: l.table.Schema(), mapping: l.table.NameMapping()}
	if spec := specsByID(l.table)[task.File.SpecID()]; spec != nil {
		from.constants = identities(task.File, spec)
	}
	for i, f := range l.table.Schema().Fields() {
		from.columns = append(from.columns, projected{path: []ice.NestedField{f}, engine: l.schema.Field(i)})
	}
	for _, e := range dead.equal {
		for _, c := range e.columns {
			e.at = append(e.at, len(from.columns))
			from.columns = append(from.columns, c)
		}
	}
	f, err := openDataFile(ctx, iceio.IO(l.files), task.File.FilePath(), from)
	if err != nil {
		return err
	}
	defer f.close()
	return f.batches(ctx, l.mem, func(rec arrow.RecordBatch, first int64) error {
		sel := dead.alive(rec, first)
		if sel != nil && len(sel) == 0 {
			return nil
		}
		rest := vector.TakeRecord(l.mem, rec, sel)
		defer rest.Release()
		narrow, err := convertRecord(l.mem, rest, l.schema)
		if err != nil {
			return err
		}
		return out.write(narrow)
	})
}
