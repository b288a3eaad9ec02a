package upsert

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

	"github.com/wadi-engine/wadi/lakehouse/iceberg/read"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/types"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/write"
	"github.com/wadi-engine/wadi/vector"
)

// rewrittenTag is in the names of files that replace others. They are not those
// of a task: the index finds their rows as it finds those of a compaction.
const rewrittenTag = "rewritten"

// rewriteRows applies deletions by writing the data files anew, without the
// deleted rows: those of the table, and those that are committed together with
// them.
func rewriteRows(ctx context.Context, t *table.Table, v *fileView, ch *Changes, d map[string]positions) (err error) {
	mem := memory.DefaultAllocator
	schema, err := table.SchemaToArrowSchema(t.Schema(), nil, true, false)
	if err != nil {
		return err
	}
	l, err := write.NewLayout(ctx, t, schema, rewrittenTag, mem)
	if err != nil {
		return err
	}
	out, err := write.NewFan(l, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("write data files anew: %w", err)
			_ = write.Remove(t, out.Abandon()) // the error that led here is the one to tell
		}
	}()
	tasks, err := tasksOf(ctx, t, v, d)
	if err != nil {
		return err
	}
	kept := ch.Files[:0:0]
	for _, f := range ch.Files {
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
			ch.Old = append(ch.Old, task.File)
		}
	}
	made, err := out.Finish()
	if err != nil {
		return err
	}
	ch.Files, ch.Made = append(kept, made...), made
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
func copyRows(ctx context.Context, l *write.Layout, out *write.Fan, task table.FileScanTask, gone positions) error {
	dead, err := read.AllDeletes(ctx, l.Files, l.Table, task, l.Mem)
	if err != nil {
		return err
	}
	defer dead.Free()
	if dead.Positions == nil {
		dead.Positions = dv.NewRoaringPositionBitmap()
	}
	dead.Positions.Or(gone)
	from := read.Layout{Schema: l.Table.Schema(), Mapping: l.Table.NameMapping()}
	if spec := specsByID(l.Table)[task.File.SpecID()]; spec != nil {
		from.Constants = read.Identities(task.File, spec)
	}
	for i, f := range l.Table.Schema().Fields() {
		from.Columns = append(from.Columns, read.Projected{Path: []ice.NestedField{f}, Engine: l.Schema.Field(i)})
	}
	for _, e := range dead.Equal {
		for _, c := range e.Columns {
			e.At = append(e.At, len(from.Columns))
			from.Columns = append(from.Columns, c)
		}
	}
	f, err := read.OpenDataFile(ctx, iceio.IO(l.Files), task.File.FilePath(), from)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Batches(ctx, l.Mem, func(rec arrow.RecordBatch, first int64) error {
		sel := dead.Alive(rec, first)
		if sel != nil && len(sel) == 0 {
			return nil
		}
		rest := vector.TakeRecord(l.Mem, rec, sel)
		defer rest.Release()
		narrow, err := types.ConvertRecord(l.Mem, rest, l.Schema)
		if err != nil {
			return err
		}
		return out.Write(narrow)
	})
}
