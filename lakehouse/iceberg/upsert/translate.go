package upsert

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	ice "github.com/apache/iceberg-go"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
	"github.com/apache/iceberg-go/table/dv"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/read"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/hashtable"
)

// translate finds the rows whose data files others have replaced since their
// deletion was staged. gone holds them where they were; where they are is added
// to d:
//
//	gone: a.parquet 3, 7 ─ keys of these rows, read in a.parquet
//	                     ─ the files that came when a.parquet went, and later
//	d:    c.parquet 12   ─ rows with these keys; one that is not there was deleted
func (x *Deleter) translate(ctx context.Context, t *table.Table, v *fileView, gone, d map[string]positions) error {
	if len(gone) == 0 {
		return nil
	}
	fsys, err := t.FS(ctx)
	if err != nil {
		return err
	}
	columns, err := x.Key.columnsIn(t)
	if err != nil {
		return err
	}
	files := read.NewReader(ctx, t, fsys, memory.DefaultAllocator)
	defer files.Close()
	r := read.NewKeys(files, columns)
	wanted, err := hashtable.New(hashtable.Options{}, r.Types(), 0)
	if err != nil {
		return fmt.Errorf("%w: the primary key: %w", job.ErrInvalid, err)
	}
	defer wanted.Free()
	var gids []uint32
	for _, path := range slices.Sorted(maps.Keys(gone)) {
		bits := gone[path]
		err := r.Read(ctx, path, func(keys []arrow.Array, first int64) error {
			var sel vector.Sel
			for i := range keys[0].Len() {
				if bits.Contains(uint64(first) + uint64(i)) {
					sel = append(sel, uint32(i))
				}
			}
			if len(sel) > 0 {
				gids = grown(gids, len(sel))
				wanted.FindOrInsert(keys, sel, gids)
			}
			return nil
		})
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: rows are to be deleted in data file %s, which another writer has replaced and removed before this job could follow: "+
				"it is not known where the rows are now; keep replaced files for longer (expire_snapshots, older_than), and start the job without its state: it reads the table's keys anew",
				job.ErrInvalid, path)
		}
		if err != nil {
			return fmt.Errorf("read keys of %s: %w", path, err)
		}
	}
	after, err := goneSince(t, x.Aim.Head(t), fsys, gone)
	if err != nil {
		return err
	}
	for _, f := range v.since(after-1, catalog.SinkHash(x.ID)) {
		err := r.Read(ctx, f.path, func(keys []arrow.Array, first int64) error {
			n := keys[0].Len()
			gids = grown(gids, n)
			wanted.Find(keys, nil, gids[:n])
			for i, gid := range gids[:n] {
				if gid == hashtable.None {
					continue
				}
				if d[f.path] == nil {
					d[f.path] = dv.NewRoaringPositionBitmap()
				}
				d[f.path].Set(uint64(first) + uint64(i))
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("read keys of %s: %w", f.path, err)
		}
	}
	return nil
}

// goneSince is the sequence number of the oldest snapshot, among head and those
// before it, that removed one of these files, or 0 when history does not say.
func goneSince(t *table.Table, head *table.Snapshot, files iceio.IO, gone map[string]positions) (int64, error) {
	left := map[string]bool{}
	for path := range gone {
		left[path] = true
	}
	oldest := int64(0)
	for s := head; s != nil && len(left) > 0; s = parentOf(t, s) {
		if s.Summary != nil && s.Summary.Operation == table.OpAppend {
			continue
		}
		list, err := s.Manifests(files)
		if err != nil {
			return 0, err
		}
		for _, m := range list {
			if m.SnapshotID() != s.SnapshotID || m.ManifestContent() != ice.ManifestContentData || m.DeletedDataFiles() == 0 {
				continue
			}
			for e, err := range m.Entries(files, false) {
				if err != nil {
					return 0, err
				}
				if path := e.DataFile().FilePath(); e.Status() == ice.EntryStatusDELETED && left[path] {
					delete(left, path)
					oldest = s.SequenceNumber
				}
			}
		}
	}
	if len(left) > 0 {
		return 0, nil
	}
	return oldest, nil
}

func parentOf(t *table.Table, s *table.Snapshot) *table.Snapshot {
	if s.ParentSnapshotID == nil {
		return nil
	}
	return t.SnapshotByID(*s.ParentSnapshotID)
}
