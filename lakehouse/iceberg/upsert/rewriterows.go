package upsert

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/lakehouse/iceberg/read"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/write"
)

// rewrittenTag is in the names of files that replace others. They are not those
// of a task: the index finds their rows as it finds those of a compaction.
const rewrittenTag = "rewritten"

// rewriteRows applies deletions by writing the data files anew, without the
// deleted rows: those of the table, and those that are committed together with
// them.
func rewriteRows(ctx context.Context, t *table.Table, v *fileView, ch *Changes, d map[string]positions) (err error) {
	mem := memory.DefaultAllocator
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
	schema, rowIDs, err := read.CopySchema(t, slices.Collect(maps.Values(tasks)))
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
	from := read.NewReader(ctx, t, l.Files, mem)
	defer from.Close()
	what := read.CopyTo(t, l.Schema, rowIDs)
	for _, path := range slices.Sorted(maps.Keys(d)) {
		task, there := tasks[path]
		if !there {
			continue
		}
		f, err := read.DataFileOf(t, task)
		if err == nil {
			err = from.Copy(ctx, f, d[path], what, out.Write)
		}
		if err != nil {
			return fmt.Errorf("data file %s: %w", path, err)
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
