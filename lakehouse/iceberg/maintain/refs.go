package maintain

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
)

// Ref is a branch or a tag that is created.
type Ref struct {
	Name string
	Tag  bool
	// Snapshot is what it names; zero is the current one.
	Snapshot int64
	// MaxRefAge is after which the ref itself expires; zero is never, as far as
	// the table's properties do not say otherwise.
	MaxRefAge time.Duration
	// MinSnapshots and MaxSnapshotAge say which snapshots of a branch
	// expire_snapshots keeps; zero is what the table's properties and the call say.
	MinSnapshots   int
	MaxSnapshotAge time.Duration
}

func (r Ref) kind() table.RefType {
	if r.Tag {
		return table.TagRef
	}
	return table.BranchRef
}

// plan is what a change of a table's metadata requires, and does.
type plan struct {
	requires []table.Requirement
	updates  []table.Update
}

// pin requires that a ref is what it was when the table was read.
func (p *plan) pin(t *table.Table, name string) {
	var id *int64
	if r := catalog.RefOf(t, name); r != nil {
		id = &r.SnapshotID
	}
	p.requires = append(p.requires, table.AssertRefSnapshotID(name, id))
}

// move makes a branch name another snapshot. It keeps its retention.
func (p *plan) move(t *table.Table, branch string, to int64) {
	p.pin(t, branch)
	var refAge, age int64
	var keep int
	if r := catalog.RefOf(t, branch); r != nil {
		refAge, age, keep = value(r.MaxRefAgeMs), value(r.MaxSnapshotAgeMs), value(r.MinSnapshotsToKeep)
	}
	p.updates = append(p.updates, table.NewSetSnapshotRefUpdate(branch, to, table.BranchRef, refAge, age, keep))
}

func value[T int | int64](p *T) T {
	if p == nil {
		return 0
	}
	return *p
}

// replan commits what a plan says; conflicts with other writers are planned
// again. A plan without updates changes nothing.
func replan(ctx context.Context, c *catalog.Catalog, verb, name string, decide func(t *table.Table, p *plan) error) error {
	return c.ChangeNamed(ctx, verb, name, func(t *table.Table) error {
		p := plan{requires: []table.Requirement{table.AssertTableUUID(t.Metadata().TableUUID())}}
		err := decide(t, &p)
		if err == nil && len(p.updates) > 0 {
			_, err = c.CommitTable(ctx, t, p.requires, p.updates)
		}
		return err
	})
}

// CreateRef creates a branch or a tag, and returns its snapshot.
func CreateRef(ctx context.Context, c *catalog.Catalog, name string, r Ref) (snapshot int64, err error) {
	err = replan(ctx, c, "create "+string(r.kind())+" of", name, func(t *table.Table, p *plan) error {
		snapshot = r.Snapshot
		switch {
		case r.Name == "":
			return fmt.Errorf("%w: its name is empty", job.ErrInvalid)
		case catalog.RefOf(t, r.Name) != nil:
			return fmt.Errorf("%w: there is a %s %q", job.ErrInvalid, catalog.RefOf(t, r.Name).SnapshotRefType, r.Name)
		case snapshot == 0 && t.CurrentSnapshot() == nil:
			return fmt.Errorf("%w: it has no snapshot yet", job.ErrInvalid)
		case snapshot == 0:
			snapshot = t.CurrentSnapshot().SnapshotID
		case t.SnapshotByID(snapshot) == nil:
			return fmt.Errorf("%w: it has no snapshot %d", job.ErrInvalid, snapshot)
		}
		p.pin(t, r.Name)
		p.updates = append(p.updates, table.NewSetSnapshotRefUpdate(r.Name, snapshot, r.kind(),
			r.MaxRefAge.Milliseconds(), r.MaxSnapshotAge.Milliseconds(), r.MinSnapshots))
		return nil
	})
	return snapshot, err
}

// DropRef forgets a branch or tag, and which epochs sinks have committed to
// the branch, and returns its snapshot.
func DropRef(ctx context.Context, c *catalog.Catalog, name, ref string, tag bool) (snapshot int64, err error) {
	kind := Ref{Tag: tag}.kind()
	err = replan(ctx, c, "drop "+string(kind)+" of", name, func(t *table.Table, p *plan) error {
		r := catalog.RefOf(t, ref)
		if r == nil || r.SnapshotRefType != kind {
			return fmt.Errorf("%w: there is no %s %q", job.ErrInvalid, kind, ref)
		}
		if ref == table.MainBranch {
			return fmt.Errorf("%w: the branch main cannot be dropped", job.ErrInvalid)
		}
		snapshot = r.SnapshotID
		p.pin(t, ref)
		p.updates = append(p.updates, table.NewRemoveSnapshotRefUpdate(ref))
		var mirrors []string
		for k, v := range t.Properties() {
			if words := strings.SplitN(v, " ", 3); strings.HasPrefix(k, catalog.MirrorPrefix) && len(words) == 3 && words[2] == ref {
				mirrors = append(mirrors, k)
			}
		}
		if len(mirrors) > 0 {
			p.updates = append(p.updates, table.NewRemovePropertiesUpdate(mirrors))
		}
		return nil
	})
	return snapshot, err
}

// FastForward moves a branch to the head of another ref, of which its own head
// must be an ancestor. A branch that is not there is created. It returns where
// the branch was; zero is nowhere.
func FastForward(ctx context.Context, c *catalog.Catalog, name, branch, to string) (from, now int64, err error) {
	err = replan(ctx, c, "fast-forward", name, func(t *table.Table, p *plan) error {
		from, now = 0, 0
		r, target := catalog.RefOf(t, branch), catalog.RefOf(t, to)
		switch {
		case target == nil:
			return fmt.Errorf("%w: there is no branch or tag %q", job.ErrInvalid, to)
		case r != nil && r.SnapshotRefType != table.BranchRef:
			return fmt.Errorf("%w: %q is a tag; only branches move", job.ErrInvalid, branch)
		}
		now = target.SnapshotID
		if r != nil {
			from = r.SnapshotID
			if from == now {
				return nil
			}
			if !table.IsAncestorOf(now, from, t.SnapshotByID) {
				return fmt.Errorf("%w: the head of %q is not an ancestor of that of %q: both have commits of their own", job.ErrInvalid, branch, to)
			}
		}
		p.pin(t, to)
		p.move(t, branch, now)
		return nil
	})
	return from, now, err
}

// SetCurrent makes a snapshot, named by its id or by a ref, the current one,
// whether it is an ancestor or not. It returns the one before; zero is none.
func SetCurrent(ctx context.Context, c *catalog.Catalog, name string, snapshot int64, ref string) (from, now int64, err error) {
	err = replan(ctx, c, "set the current snapshot of", name, func(t *table.Table, p *plan) error {
		from, now = 0, snapshot
		if ref != "" {
			r := catalog.RefOf(t, ref)
			if r == nil {
				return fmt.Errorf("%w: there is no branch or tag %q", job.ErrInvalid, ref)
			}
			now = r.SnapshotID
			p.pin(t, ref)
		}
		if t.SnapshotByID(now) == nil {
			return fmt.Errorf("%w: it has no snapshot %d", job.ErrInvalid, now)
		}
		if s := t.CurrentSnapshot(); s != nil {
			from = s.SnapshotID
		}
		if from != now {
			p.move(t, table.MainBranch, now)
		}
		return nil
	})
	return from, now, err
}

// RollbackTo makes the newest ancestor that was made before a time the current
// snapshot.
func RollbackTo(ctx context.Context, c *catalog.Catalog, name string, before time.Time) (from, now int64, err error) {
	err = replan(ctx, c, "roll back", name, func(t *table.Table, p *plan) error {
		s := t.CurrentSnapshot()
		if s != nil {
			from = s.SnapshotID
		}
		for s != nil && s.TimestampMs >= before.UnixMilli() {
			if s.ParentSnapshotID == nil {
				s = nil
				break
			}
			s = t.SnapshotByID(*s.ParentSnapshotID)
		}
		if s == nil {
			return fmt.Errorf("%w: it has no snapshot that was made before %s", job.ErrInvalid, before.UTC().Format("2006-01-02 15:04:05.000"))
		}
		if now = s.SnapshotID; from != now {
			p.move(t, table.MainBranch, now)
		}
		return nil
	})
	return from, now, err
}
