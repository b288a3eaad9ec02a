package maintain

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/codec"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
)

// Picked is a snapshot that has been brought to the branch main.
type Picked struct {
	// Source is the snapshot, Current the one that is current afterwards: the
	// same, when main was its parent.
	Source, Current int64
}

// CherryPick brings the changes of one snapshot, which main does not have, to
// main: the snapshot itself when the current one is its parent, otherwise a new
// one with the files that it has appended.
func CherryPick(ctx context.Context, c *catalog.Catalog, name string, snapshot int64) (Picked, error) {
	done := Picked{Source: snapshot}
	err := c.ChangeNamed(ctx, fmt.Sprintf("pick snapshot %d of", snapshot), name, func(t *table.Table) (err error) {
		done.Current, err = pick(ctx, c, t, snapshot)
		return err
	})
	return done, err
}

// PublishChanges picks all snapshots that were staged under an id and are not
// published yet, in their order.
func PublishChanges(ctx context.Context, c *catalog.Catalog, name, wapID string) ([]Picked, error) {
	t, err := c.Named(ctx, name)
	if err != nil {
		return nil, err
	}
	what := "publish changes of table " + c.Name() + "." + name
	staged := slices.Clone(t.Metadata().Snapshots())
	staged = slices.DeleteFunc(staged, func(s table.Snapshot) bool {
		return s.Summary == nil || s.Summary.Properties[catalog.SumWapID] != wapID
	})
	if len(staged) == 0 || wapID == "" {
		return nil, fmt.Errorf("%s: %w: no snapshot has the wap.id %q", what, job.ErrInvalid, wapID)
	}
	slices.SortFunc(staged, func(a, b table.Snapshot) int { return int(a.SequenceNumber - b.SequenceNumber) })
	there := published(t)
	var done []Picked
	for _, s := range staged {
		if there[s.SnapshotID] {
			continue
		}
		one, err := CherryPick(ctx, c, name, s.SnapshotID)
		if err != nil {
			return done, err
		}
		done = append(done, one)
	}
	if len(done) == 0 {
		return nil, fmt.Errorf("%s: %w: all snapshots with the wap.id %q are published", what, job.ErrInvalid, wapID)
	}
	return done, nil
}

// published are the snapshots that main has: its ancestors, and those that
// these were picked from.
func published(t *table.Table) map[int64]bool {
	there := map[int64]bool{}
	for s := t.CurrentSnapshot(); s != nil; s = t.SnapshotByID(*s.ParentSnapshotID) {
		there[s.SnapshotID] = true
		if s.Summary != nil {
			if id, err := strconv.ParseInt(s.Summary.Properties[catalog.SumSource], 10, 64); err == nil {
				there[id] = true
			}
		}
		if s.ParentSnapshotID == nil {
			break
		}
	}
	return there
}

// pick commits on top of t, or fails when main has moved.
func pick(ctx context.Context, c *catalog.Catalog, t *table.Table, id int64) (int64, error) {
	s := t.SnapshotByID(id)
	if s == nil {
		return 0, fmt.Errorf("%w: it has no snapshot %d", job.ErrInvalid, id)
	}
	if published(t)[id] {
		return 0, fmt.Errorf("%w: the branch main has it already", job.ErrInvalid)
	}
	head := t.CurrentSnapshot()
	if head == nil && s.ParentSnapshotID == nil || head != nil && s.ParentSnapshotID != nil && head.SnapshotID == *s.ParentSnapshotID {
		p := plan{requires: []table.Requirement{table.AssertTableUUID(t.Metadata().TableUUID())}}
		p.move(t, table.MainBranch, id)
		_, err := c.CommitTable(ctx, t, p.requires, p.updates)
		return id, err
	}
	if s.Summary == nil || s.Summary.Operation != table.OpAppend {
		return 0, fmt.Errorf("%w: it replaces or deletes rows, and main has moved since it was made: only appends can be picked then", job.ErrInvalid)
	}
	files, err := appended(ctx, t, s)
	if err != nil {
		return 0, err
	}
	main := catalog.Aim{Branch: table.MainBranch}
	tx, err := main.Begin(t)
	if err != nil {
		return 0, err
	}
	summary := ice.Properties{catalog.SumSource: strconv.FormatInt(id, 10)}
	if wap := s.Summary.Properties[catalog.SumWapID]; wap != "" {
		summary[catalog.SumPublished] = wap
	}
	if err := tx.NewRowDelta(summary).AddRows(files...).Commit(ctx); err != nil {
		return 0, err
	}
	now, err := tx.Commit(ctx)
	if err != nil {
		return 0, err
	}
	return now.CurrentSnapshot().SnapshotID, nil
}

// appended are the data files that a snapshot has added, as if they were new:
// where rows have ids, they get others.
func appended(ctx context.Context, t *table.Table, s *table.Snapshot) ([]ice.DataFile, error) {
	fsys, err := t.FS(ctx)
	if err != nil {
		return nil, err
	}
	manifests, err := s.Manifests(fsys)
	if err != nil {
		return nil, err
	}
	var files []ice.DataFile
	for _, m := range manifests {
		if m.SnapshotID() != s.SnapshotID || m.ManifestContent() != ice.ManifestContentData {
			continue
		}
		for e, err := range m.Entries(fsys, true) {
			if err != nil {
				return nil, err
			}
			if e.Status() != ice.EntryStatusADDED {
				continue
			}
			f, err := asNew(t, e.DataFile())
			if err != nil {
				return nil, err
			}
			files = append(files, f)
		}
	}
	return files, nil
}

// asNew is the description of a file without what its snapshot has given it.
func asNew(t *table.Table, f ice.DataFile) (ice.DataFile, error) {
	for _, spec := range t.Metadata().PartitionSpecs() {
		if spec.ID() != int(f.SpecID()) {
			continue
		}
		b, err := codec.EncodeDataFile(f, spec, t.Schema(), 2)
		if err != nil {
			return nil, err
		}
		return codec.DecodeDataFile(b, spec, t.Schema(), 2)
	}
	return nil, fmt.Errorf("%w: the table has lost partition spec %d", job.ErrInvalid, f.SpecID())
}
