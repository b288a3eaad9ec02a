package maintain

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/lakehouse/iceberg/read"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/write"
)

// copied says how files are written anew.
type copied struct {
	order table.SortOrder // of the rows of each file
	// size is about how large a file may be. It lies between the target and the size
	// above which files are written anew again, so that the rows of a group, which is
	// about as large as the target, come into one.
	size int64
}

// copiedTag is in the names of the new files.
const copiedTag = "compacted"

// rewriteGroup writes the rows of one group anew.
func rewriteGroup(ctx context.Context, t *table.Table, g table.CompactionTaskGroup, as copied) (done table.CompactionGroupResult, err error) {
	done = table.CompactionGroupResult{PartitionKey: g.PartitionKey, BytesBefore: g.TotalSizeBytes}
	fields, rowIDs, err := read.CopySchema(t, g.Tasks)
	if err != nil {
		return done, err
	}
	l, err := write.NewLayout(ctx, t, fields, copiedTag, memory.DefaultAllocator)
	if err == nil {
		err = l.Anew(as.size, as.order)
	}
	if err != nil {
		return done, err
	}
	what := read.CopyTo(t, l.Schema, rowIDs)
	from := read.NewReader(ctx, t, l.Files, l.Mem)
	defer from.Close()
	out, err := write.NewFan(l, nil)
	if err != nil {
		return done, err
	}
	for _, task := range g.Tasks {
		f, err := read.DataFileOf(t, task)
		if err == nil {
			err = from.Copy(ctx, f, nil, what, out.Write)
		}
		if err != nil {
			done.NewDataFiles = out.Abandon()
			return done, fmt.Errorf("data file %s: %w", task.File.FilePath(), err)
		}
		done.OldDataFiles = append(done.OldDataFiles, task.File)
	}
	if done.NewDataFiles, err = out.Finish(); err != nil {
		done.NewDataFiles = out.Abandon()
		return done, err
	}
	for _, f := range done.NewDataFiles {
		done.BytesAfter += f.FileSizeBytes()
	}
	done.SafeDeletionVectors = table.CollectSafeDeletionVectors(g.Tasks)
	return done, nil
}
