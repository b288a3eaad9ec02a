package iceberg

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// The options of a sink that say where its snapshots go, and what they tell.
const (
	optWapID     = "wap.id"
	optWapBranch = "wap.branch"
	// optSummary begins keys of the summary of every snapshot.
	optSummary = "snapshot-property."

	propWap = "write.wap.enabled"

	// sumWapID is of a snapshot that is staged, sumPublished of the one that
	// published it, and sumSource names the snapshot that was picked.
	sumWapID     = "wap.id"
	sumPublished = "published-wap-id"
	sumSource    = "source-snapshot-id"
)

// aim is where the snapshots of a sink go: they move a branch, or they are
// staged, and publish_changes brings them in.
//
//	          ┌─ s3 audit            'branch' = 'audit'
//	s1 ─ s2 ──┼─ s4 main
//	          └─ s5 (wap.id = 'x')   'wap.id' = 'x': no branch has it
type aim struct {
	branch  string
	wapID   string // of staged snapshots; else empty
	summary ice.Properties
}

// aimOf reads the options of a sink.
func aimOf(options map[string]string) (aim, error) {
	a := aim{branch: options[optBranch], wapID: options[optWapID], summary: ice.Properties{}}
	wap := options[optWapBranch]
	switch {
	case a.wapID != "" && wap != "":
		return a, fmt.Errorf("%w: options %q and %q cannot both be given: a snapshot is staged, or it goes to a branch", job.ErrInvalid, optWapID, optWapBranch)
	case a.branch != "" && a.wapID+wap != "":
		return a, fmt.Errorf("%w: option %q cannot be given with %q or %q", job.ErrInvalid, optBranch, optWapID, optWapBranch)
	}
	if wap != "" {
		a.branch = wap
	}
	if a.branch == "" {
		a.branch = table.MainBranch
	}
	for k, v := range options {
		key, is := strings.CutPrefix(k, optSummary)
		if !is {
			continue
		}
		if key == "" || key == sumWapID || strings.HasPrefix(key, "wadi.") || strings.HasPrefix(key, "flink.") {
			return a, fmt.Errorf("%w: option %q: the sink sets this key of a snapshot's summary itself", job.ErrInvalid, k)
		}
		a.summary[key] = v
	}
	return a, nil
}

// check refuses a table that cannot be written so.
func (a aim) check(t *table.Table, options map[string]string) error {
	if options[optWapID]+options[optWapBranch] != "" && !t.Properties().GetBool(propWap, false) {
		key := optWapID
		if options[optWapBranch] != "" {
			key = optWapBranch
		}
		return fmt.Errorf("%w: option %q needs the table property '%s' = 'true'", job.ErrInvalid, key, propWap)
	}
	if r := refOf(t, a.branch); r != nil && r.SnapshotRefType != table.BranchRef {
		return fmt.Errorf("%w: %q is a tag; rows are written to branches", job.ErrInvalid, a.branch)
	}
	return nil
}

// refOf finds a branch or tag; nil when there is none.
func refOf(t *table.Table, name string) *table.SnapshotRef {
	for n, r := range t.Metadata().Refs() {
		if n == name {
			return &r
		}
	}
	return nil
}

// head is the snapshot on which the next one is built: a branch that is not
// there yet begins at the current snapshot.
func (a aim) head(t *table.Table) *table.Snapshot {
	if r := refOf(t, a.branch); r != nil {
		return t.SnapshotByID(r.SnapshotID)
	}
	return t.CurrentSnapshot()
}

// begin starts a transaction that fails when the branch has moved since t was
// read (C2).
func (a aim) begin(t *table.Table) (*table.Transaction, error) {
	tx, err := t.NewTransactionOnBranchWithError(a.branch)
	if err != nil {
		return nil, err
	}
	return tx, tx.AssertRefSnapshotID(a.branch)
}

// commit publishes the transaction. Staged snapshots are added to the table
// without a branch that leads to them. Two such commits that are based on the
// same state cannot both succeed, although no branch moves: the second one's
// sequence number is taken.
func (a aim) commit(ctx context.Context, c *Catalog, t *table.Table, tx *table.Transaction) error {
	if a.wapID == "" {
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
	_, _, err = c.backend.CommitTable(ctx, t.Identifier(), all.Requirements, updates)
	return err
}

// tell adds to the summary of a snapshot.
func (a aim) tell(summary ice.Properties) {
	for k, v := range a.summary {
		summary[k] = v
	}
	if a.wapID != "" {
		summary[sumWapID] = a.wapID
	}
}

// recorded finds the newest epoch of a sink among the snapshots that are where
// its snapshots go: the ancestors of the branch's head, or, of a sink that
// stages, all snapshots, whether they have been published or not.
func (a aim) recorded(t *table.Table, id ops.SinkID) (stream.Epoch, error) {
	snapshots := map[int64]*table.Snapshot{}
	all := t.Metadata().Snapshots()
	var newest stream.Epoch
	for i := range all {
		snapshots[all[i].SnapshotID] = &all[i]
		if a.wapID == "" {
			continue
		}
		e, _, err := recordOf(&all[i], id)
		if err != nil {
			return 0, err
		}
		newest = max(newest, e)
	}
	for s := a.head(t); s != nil; {
		if e, is, err := recordOf(s, id); is || err != nil {
			return max(newest, e), err
		}
		if s.ParentSnapshotID == nil {
			break
		}
		s = snapshots[*s.ParentSnapshotID]
	}
	return newest, nil
}

// recordOf reads the epoch of a snapshot that the sink has made.
func recordOf(s *table.Snapshot, id ops.SinkID) (stream.Epoch, bool, error) {
	if s.Summary == nil || s.Summary.Properties[sumJob] != id.Job || s.Summary.Properties[sumSink] != id.Sink {
		return 0, false, nil
	}
	n, err := strconv.ParseUint(s.Summary.Properties[sumEpoch], 10, 64)
	if err != nil {
		return 0, false, fmt.Errorf("%w: snapshot %d: %s is %q", job.ErrInvalid, s.SnapshotID, sumEpoch, s.Summary.Properties[sumEpoch])
	}
	return stream.Epoch(n), true, nil
}

// checkAim refuses what cannot be written where the sink's snapshots go.
func (s *Sink) checkAim(t *table.Table) error {
	if err := s.aim.check(t, s.target.options); err != nil {
		return err
	}
	if s.overwrite != nil && s.aim.wapID != "" && t.Metadata().Version() > 2 {
		return fmt.Errorf("%w: INSERT OVERWRITE, UPDATE and DELETE cannot be staged by %q in a table of format 3; use %q", job.ErrInvalid, optWapID, optWapBranch)
	}
	if s.target.upkeep.rewrite != nil && (s.aim.wapID != "" || s.aim.branch != table.MainBranch) {
		return fmt.Errorf("%w: data files are gathered on the branch main only, and the sink writes elsewhere; leave %q out", job.ErrInvalid, rewritePrefix+"enabled")
	}
	return nil
}
