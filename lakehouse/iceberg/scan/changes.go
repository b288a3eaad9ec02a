package scan

import (
	"context"
	"fmt"
	"reflect"

	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/read"
)

// changesOf describes what a snapshot does to the rows of the table:
//
//	append     the rows of the files that it adds
//	replace    nothing: a compaction leaves rows as they are
//	overwrite  the difference to the snapshot before it: rows of files that are gone, rows that
//	delete     delete files name now and did not before, and then rows of files that are new
func (s *Source) changesOf(ctx context.Context, t *table.Table, snapshot *table.Snapshot) ([]*piece, error) {
	operation := table.OpOverwrite
	if snapshot.Summary != nil {
		operation = snapshot.Summary.Operation
	}
	var pieces []*piece
	var err error
	switch operation {
	case table.OpReplace:
		return nil, nil
	case table.OpAppend:
		pieces, err = s.added(ctx, t, snapshot)
	default:
		if !s.plan.stream.changelog {
			if s.plan.stream.skipOverwrite {
				return nil, nil
			}
			return nil, fmt.Errorf("%w: its operation is %s: it removes rows, and the stream has inserts only. Read it as a changelog with '%s' = 'true', or leave such snapshots out with '%s' = 'true'",
				job.ErrInvalid, operation, catalog.OptChangelog, catalog.OptSkipOverwrite)
		}
		pieces, err = s.difference(ctx, t, snapshot)
	}
	if err != nil {
		return nil, err
	}
	return pieces, s.byWatermark(t, pieces)
}

// pieces are those of all rows of a snapshot.
func (s *Source) pieces(ctx context.Context, t *table.Table, snapshot *table.Snapshot) ([]*piece, error) {
	tasks, err := s.tasks(ctx, t, snapshot)
	if err != nil {
		return nil, err
	}
	out := make([]*piece, len(tasks))
	for i, task := range tasks {
		if out[i], err = newPiece(t, snapshot.SnapshotID, task); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// added are the pieces of the data files that a snapshot of appends adds.
func (s *Source) added(ctx context.Context, t *table.Table, snapshot *table.Snapshot) ([]*piece, error) {
	files, err := t.FS(ctx)
	if err != nil {
		return nil, read.Unavailable(err)
	}
	manifests, err := snapshot.Manifests(files)
	if err != nil {
		return nil, read.Unavailable(err)
	}
	var out []*piece
	for _, m := range manifests {
		if m.SnapshotID() != snapshot.SnapshotID || m.ManifestContent() != ice.ManifestContentData {
			continue
		}
		for entry, err := range m.Entries(files, true) {
			if err != nil {
				return nil, read.Unavailable(fmt.Errorf("manifest %s: %w", m.FilePath(), err))
			}
			if entry.Status() != ice.EntryStatusADDED || entry.SnapshotID() != snapshot.SnapshotID {
				continue
			}
			f := entry.DataFile()
			p, err := newPiece(t, snapshot.SnapshotID, table.FileScanTask{File: f, Length: f.FileSizeBytes()})
			if err != nil {
				return nil, err
			}
			out = append(out, p)
		}
	}
	return out, nil
}

// difference are the pieces of rows that a snapshot has and its parent has not,
// behind those of rows that the parent has and it has not.
func (s *Source) difference(ctx context.Context, t *table.Table, snapshot *table.Snapshot) ([]*piece, error) {
	var old []*piece
	if id := snapshot.ParentSnapshotID; id != nil {
		parent := t.SnapshotByID(*id)
		if parent == nil {
			return nil, fmt.Errorf("%w: what it removes cannot be known: snapshot %d before it has expired", job.ErrInvalid, *id)
		}
		var err error
		if old, err = s.pieces(ctx, t, parent); err != nil {
			return nil, err
		}
	}
	now, err := s.pieces(ctx, t, snapshot)
	if err != nil {
		return nil, err
	}
	type place struct {
		file  string
		start int64
	}
	before := map[place]*piece{}
	for _, p := range old {
		before[place{p.Path, p.Start}] = p
	}
	var gone, come []*piece
	for _, p := range now {
		at := place{p.Path, p.Start}
		was := before[at]
		delete(before, at)
		switch {
		case was == nil:
			come = append(come, p)
		case len(p.Deletes) > 0 && !reflect.DeepEqual(was.Deletes, p.Deletes):
			p.Gone, p.Deletes = p.Deletes, was.Deletes
			gone = append(gone, p)
		}
	}
	for _, p := range old {
		if before[place{p.Path, p.Start}] != nil {
			p.All, p.Snapshot = true, snapshot.SnapshotID
			gone = append(gone, p)
		}
	}
	return append(gone, come...), nil
}
