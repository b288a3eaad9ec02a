package upsert

import (
	"context"

	ice "github.com/apache/iceberg-go"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/lakehouse/iceberg/write"
	"github.com/wadi-engine/wadi/ops"
)

// Changes is what a snapshot adds to a table, and what it takes away.
type Changes struct {
	Files   []ice.DataFile // new data files
	Old     []ice.DataFile // data files that go
	Deletes []ice.DataFile // new delete files
	vectors []ice.DataFile // deletion vectors that go: deletes replaces them
	Made    []ice.DataFile // those of files that this attempt has written
}

// Empty reports whether there is nothing to commit.
func (ch *Changes) Empty() bool { return len(ch.Files)+len(ch.Old)+len(ch.Deletes) == 0 }

// Bytes are those of the new data files.
func (ch *Changes) Bytes() (n int64) {
	for _, f := range ch.Files {
		n += f.FileSizeBytes()
	}
	return n
}

// Take adds what a committable says.
func (ch *Changes) Take(t *table.Table, fsys iceio.IO, b ops.Committable, d Deletions) error {
	if IsDeletions(b) {
		return d.mergeCommittable(t, fsys, b)
	}
	s, err := write.Decode(b)
	if err != nil || len(s.Entry) == 0 {
		return err
	}
	df, err := s.DataFile(t)
	if err != nil {
		return err
	}
	if df.ContentType() == ice.EntryContentEqDeletes {
		ch.Deletes = append(ch.Deletes, df)
	} else {
		ch.Files = append(ch.Files, df)
	}
	return nil
}

// Stage stages a snapshot in tx, for a table of this format version. In format 3 files get their row
// ids from an append: there, a snapshot without the old ones comes before it,
// which nobody sees, because both are committed at once.
func (ch *Changes) Stage(ctx context.Context, tx *table.Transaction, format int, summary ice.Properties) error {
	if len(ch.Old) > 0 && (format < 3 || len(ch.Files) == 0) {
		return tx.ReplaceDataFilesWithDataFiles(ctx, ch.Old, ch.Files, summary)
	}
	if len(ch.Old) > 0 {
		if err := tx.ReplaceDataFilesWithDataFiles(ctx, ch.Old, nil, nil); err != nil {
			return err
		}
	}
	return tx.NewRowDelta(summary).AddRows(ch.Files...).AddDeletes(ch.Deletes...).RemoveDeletes(ch.vectors...).Commit(ctx)
}
