package catalog

import (
	"context"
	"fmt"
	"strings"

	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
)

// The options of a sink that say where its snapshots go, and what they tell.
const (
	OptWapID     = "wap.id"
	OptWapBranch = "wap.branch"
	// OptSummary begins keys of the summary of every snapshot.
	OptSummary = "snapshot-property."

	propWap = "write.wap.enabled"

	// SumWapID is of a snapshot that is staged, sumPublished of the one that
	// published it, and sumSource names the snapshot that was picked.
	SumWapID     = "wap.id"
	SumPublished = "published-wap-id"
	SumSource    = "source-snapshot-id"
)

// Aim is where the snapshots of a sink go: they move a branch, or they are
// staged, and publish_changes brings them in.
//
//	          ┌─ s3 audit            'branch' = 'audit'
//	s1 ─ s2 ──┼─ s4 main
//	          └─ s5 (wap.id = 'x')   'wap.id' = 'x': no branch has it
type Aim struct {
	Branch  string
	WapID   string // of staged snapshots; else empty
	summary ice.Properties
}

// AimOf reads the options of a sink.
func AimOf(options map[string]string) (Aim, error) {
	a := Aim{Branch: options[OptBranch], WapID: options[OptWapID], summary: ice.Properties{}}
	wap := options[OptWapBranch]
	switch {
	case a.WapID != "" && wap != "":
		return a, fmt.Errorf("%w: options %q and %q cannot both be given: a snapshot is staged, or it goes to a branch", job.ErrInvalid, OptWapID, OptWapBranch)
	case a.Branch != "" && a.WapID+wap != "":
		return a, fmt.Errorf("%w: option %q cannot be given with %q or %q", job.ErrInvalid, OptBranch, OptWapID, OptWapBranch)
	}
	if wap != "" {
		a.Branch = wap
	}
	if a.Branch == "" {
		a.Branch = table.MainBranch
	}
	for k, v := range options {
		key, is := strings.CutPrefix(k, OptSummary)
		if !is {
			continue
		}
		if key == "" || key == SumWapID || strings.HasPrefix(key, "wadi.") || strings.HasPrefix(key, "flink.") {
			return a, fmt.Errorf("%w: option %q: the sink sets this key of a snapshot's summary itself", job.ErrInvalid, k)
		}
		a.summary[key] = v
	}
	return a, nil
}

// Check refuses a table that cannot be written so.
func (a Aim) Check(t *table.Table, options map[string]string) error {
	if options[OptWapID]+options[OptWapBranch] != "" && !t.Properties().GetBool(propWap, false) {
		key := OptWapID
		if options[OptWapBranch] != "" {
			key = OptWapBranch
		}
		return fmt.Errorf("%w: option %q needs the table property '%s' = 'true'", job.ErrInvalid, key, propWap)
	}
	if r := RefOf(t, a.Branch); r != nil && r.SnapshotRefType != table.BranchRef {
		return fmt.Errorf("%w: %q is a tag; rows are written to branches", job.ErrInvalid, a.Branch)
	}
	return nil
}

// RefOf finds a branch or tag; nil when there is none.
func RefOf(t *table.Table, name string) *table.SnapshotRef {
	for n, r := range t.Metadata().Refs() {
		if n == name {
			return &r
		}
	}
	return nil
}

// Head is the snapshot on which the next one is built: a branch that is not
// there yet begins at the current snapshot.
func (a Aim) Head(t *table.Table) *table.Snapshot {
	if r := RefOf(t, a.Branch); r != nil {
		return t.SnapshotByID(r.SnapshotID)
	}
	return t.CurrentSnapshot()
}

// Begin starts a transaction that fails when the branch has moved since t was
// read (C2 of package iceberg).
func (a Aim) Begin(t *table.Table) (*table.Transaction, error) {
	tx, err := t.NewTransactionOnBranchWithError(a.Branch)
	if err != nil {
		return nil, err
	}
	return tx, tx.AssertRefSnapshotID(a.Branch)
}

// Commit publishes the transaction. Staged snapshots are added to the table
// without a branch that leads to them. Two such commits that are based on the
// same state cannot both succeed, although no branch moves: the second one's
// sequence number is taken.
func (a Aim) Commit(ctx context.Context, c *Catalog, t *table.Table, tx *table.Transaction) error {
	if a.WapID == "" {
		_, err := tx.Commit(ctx)
		return err
	}
	all, err := tx.TableCommit()
	if err != nil {
		return err
	}
	updates := all.Updates[:0]
	for _, u := range all.Updates {
		if u.Action() != table.UpdateSetSnapshotRef {
			updates = append(updates, u)
		}
	}
	_, err = c.CommitTable(ctx, t, all.Requirements, updates)
	return err
}
