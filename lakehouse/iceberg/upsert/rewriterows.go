package upsert

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/lakehouse/iceberg/read"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/types"
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
	schema, err := types.FileSchema(t.Schema())
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
	from := read.NewReader(ctx, t, l.Files, mem)
	defer from.Close()
	what := read.Whole(t.Schema(), l.Schema)
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
		f, err := read.DataFileOf(t, task)
		if err == nil {
			err = copyRows(ctx, from, what, out, f, d[path])
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

// copyRows writes the rows of a data file that stay.
func copyRows(ctx context.Context, from *read.Reader, what *read.Selection, out *write.Fan, f read.DataFile, gone positions) error {
	rows, err := from.Open(f, what)
	if err != nil {
		return err
	}
	defer rows.Close()
	rows.Delete(gone)
	for {
		rec, _, err := rows.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if rec == nil {
			continue
		}
		if err := out.Write(rec); err != nil {
			return err
		}
	}
}
