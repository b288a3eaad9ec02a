package wadi

import (
	"context"
	"fmt"
	"time"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/maintain"
	"github.com/wadi-engine/wadi/sql/catalog"
	"github.com/wadi-engine/wadi/sql/datatype"
)

// The types of arguments.
var (
	bigint  = datatype.Of(datatype.BigInt)
	instant = datatype.TimestampOf(3)
)

func required(name string, t datatype.Type) catalog.ProcedureArg {
	return catalog.ProcedureArg{Name: name, Type: t}
}

// refProcedures make, move and drop branches and tags.
func (c *lakeCatalog) refProcedures() []catalog.Procedure {
	refs := []string{"ref", "snapshot_id"}
	return []catalog.Procedure{
		{
			Name: "create_branch", Columns: refs,
			Args: []catalog.ProcedureArg{
				argTable, required("branch", datatype.String), optional("snapshot_id", bigint), optional("max_ref_age_ms", bigint),
				optional("min_snapshots_to_keep", datatype.Of(datatype.Int)), optional("max_snapshot_age_ms", bigint),
			},
			Call: func(ctx context.Context, args map[string]any) ([][]any, error) {
				return c.createRef(ctx, args, "branch")
			},
		},
		{
			Name: "create_tag", Columns: refs,
			Args: []catalog.ProcedureArg{argTable, required("tag", datatype.String), optional("snapshot_id", bigint), optional("max_ref_age_ms", bigint)},
			Call: func(ctx context.Context, args map[string]any) ([][]any, error) { return c.createRef(ctx, args, "tag") },
		},
		{
			Name: "drop_branch", Args: []catalog.ProcedureArg{argTable, required("branch", datatype.String)}, Columns: refs,
			Call: func(ctx context.Context, args map[string]any) ([][]any, error) { return c.dropRef(ctx, args, "branch") },
		},
		{
			Name: "drop_tag", Args: []catalog.ProcedureArg{argTable, required("tag", datatype.String)}, Columns: refs,
			Call: func(ctx context.Context, args map[string]any) ([][]any, error) { return c.dropRef(ctx, args, "tag") },
		},
		{
			Name: "fast_forward", Columns: []string{"branch_updated", "previous_ref", "updated_ref"},
			Args: []catalog.ProcedureArg{argTable, required("branch", datatype.String), required("to", datatype.String)},
			Call: func(ctx context.Context, args map[string]any) ([][]any, error) {
				from, now, err := maintain.FastForward(ctx, c.Catalog, tableArg(args), textArg(args, "branch"), textArg(args, "to"))
				return [][]any{{textArg(args, "branch"), snapshotText(from), snapshotText(now)}}, translate(err)
			},
		},
	}
}

// createRef creates what the argument kind names.
func (c *lakeCatalog) createRef(ctx context.Context, args map[string]any, kind string) ([][]any, error) {
	r := maintain.Ref{Name: textArg(args, kind), Tag: kind == "tag"}
	r.Snapshot, _ = args["snapshot_id"].(int64)
	keep, _ := args["min_snapshots_to_keep"].(int64)
	r.MinSnapshots = int(keep)
	for name, to := range map[string]*time.Duration{"max_ref_age_ms": &r.MaxRefAge, "max_snapshot_age_ms": &r.MaxSnapshotAge} {
		ms, given := args[name].(int64)
		if given && ms <= 0 || keep < 0 {
			return nil, fmt.Errorf("%w: %s, and how many snapshots to keep, must be positive", job.ErrInvalid, name)
		}
		*to = time.Duration(ms) * time.Millisecond
	}
	snapshot, err := maintain.CreateRef(ctx, c.Catalog, tableArg(args), r)
	return [][]any{{r.Name, snapshotText(snapshot)}}, translate(err)
}

func (c *lakeCatalog) dropRef(ctx context.Context, args map[string]any, kind string) ([][]any, error) {
	snapshot, err := maintain.DropRef(ctx, c.Catalog, tableArg(args), textArg(args, kind), kind == "tag")
	return [][]any{{textArg(args, kind), snapshotText(snapshot)}}, translate(err)
}

// pickProcedures bring snapshots to the branch main.
func (c *lakeCatalog) pickProcedures() []catalog.Procedure {
	moved, picked := []string{"previous_snapshot_id", "current_snapshot_id"}, []string{"source_snapshot_id", "current_snapshot_id"}
	return []catalog.Procedure{
		{
			Name: "set_current_snapshot", Columns: moved,
			Args: []catalog.ProcedureArg{argTable, optional("snapshot_id", bigint), optional("ref", datatype.String)},
			Call: func(ctx context.Context, args map[string]any) ([][]any, error) {
				id, given := args["snapshot_id"].(int64)
				ref := textArg(args, "ref")
				if given == (ref != "") {
					return nil, fmt.Errorf("%w: set_current_snapshot needs either snapshot_id or ref", job.ErrInvalid)
				}
				from, now, err := maintain.SetCurrent(ctx, c.Catalog, tableArg(args), id, ref)
				return [][]any{{snapshotText(from), snapshotText(now)}}, translate(err)
			},
		},
		{
			Name: "rollback_to_timestamp", Args: []catalog.ProcedureArg{argTable, required("timestamp", instant)}, Columns: moved,
			Call: func(ctx context.Context, args map[string]any) ([][]any, error) {
				ms, _ := args["timestamp"].(int64)
				from, now, err := maintain.RollbackTo(ctx, c.Catalog, tableArg(args), time.UnixMilli(ms))
				return [][]any{{snapshotText(from), snapshotText(now)}}, translate(err)
			},
		},
		{
			Name: "cherrypick_snapshot", Args: []catalog.ProcedureArg{argTable, required("snapshot_id", bigint)}, Columns: picked,
			Call: func(ctx context.Context, args map[string]any) ([][]any, error) {
				id, _ := args["snapshot_id"].(int64)
				done, err := maintain.CherryPick(ctx, c.Catalog, tableArg(args), id)
				return [][]any{texts(done.Source, done.Current)}, translate(err)
			},
		},
		{
			Name: "publish_changes", Args: []catalog.ProcedureArg{argTable, required("wap_id", datatype.String)}, Columns: picked,
			Call: func(ctx context.Context, args map[string]any) ([][]any, error) {
				done, err := maintain.PublishChanges(ctx, c.Catalog, tableArg(args), textArg(args, "wap_id"))
				rows := make([][]any, len(done))
				for i, d := range done {
					rows[i] = texts(d.Source, d.Current)
				}
				return rows, translate(err)
			},
		},
	}
}

func textArg(args map[string]any, name string) string {
	s, _ := args[name].(string)
	return s
}

// snapshotText is the id of a snapshot; NULL when there is none.
func snapshotText(id int64) any {
	if id == 0 {
		return nil
	}
	return fmt.Sprint(id)
}
