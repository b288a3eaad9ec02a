package wadi

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/maintain"
	"github.com/wadi-engine/wadi/sql/catalog"
	"github.com/wadi-engine/wadi/sql/datatype"
)

// maintenanceProcedures keep tables fast to read: they change no row.
func (c *lakeCatalog) maintenanceProcedures() []catalog.Procedure {
	return []catalog.Procedure{
		{
			Name:    "expire_snapshots",
			Args:    []catalog.ProcedureArg{argTable, optional("older_than", datatype.TimestampOf(3)), optional("retain_last", datatype.Of(datatype.Int))},
			Columns: []string{"deleted_snapshots"},
			Call: func(ctx context.Context, args map[string]any) ([][]any, error) {
				var e maintain.Expire
				if ms, ok := args["older_than"].(int64); ok {
					e.OlderThan = time.UnixMilli(ms)
				}
				if n, ok := args["retain_last"].(int64); ok {
					e.RetainLast = int(n)
				}
				n, err := maintain.ExpireSnapshots(ctx, c.Catalog, tableArg(args), e)
				return [][]any{{fmt.Sprint(n)}}, translate(err)
			},
		},
		{
			Name: "remove_orphan_files",
			Args: []catalog.ProcedureArg{
				argTable, optional("older_than", datatype.TimestampOf(3)), optional("location", datatype.String),
				optional("dry_run", datatype.Of(datatype.Boolean)),
			},
			Columns: []string{"orphan_file_location"},
			Call:    c.removeOrphanFiles,
		},
		{
			Name: "rewrite_data_files",
			Args: []catalog.ProcedureArg{
				argTable, optional("strategy", datatype.String), optional("sort_order", datatype.String),
				optional("options", datatype.MapOf(datatype.String, datatype.String)),
			},
			Columns: []string{"rewritten_data_files_count", "added_data_files_count", "rewritten_bytes_count", "removed_delete_files_count"},
			Call:    c.rewriteDataFiles,
		},
		{
			Name:    "rewrite_manifests",
			Args:    []catalog.ProcedureArg{argTable},
			Columns: []string{"rewritten_manifests_count", "added_manifests_count"},
			Call: func(ctx context.Context, args map[string]any) ([][]any, error) {
				replaced, added, err := maintain.RewriteManifests(ctx, c.Catalog, tableArg(args))
				return [][]any{texts(replaced, added)}, translate(err)
			},
		},
	}
}

func optional(name string, t datatype.Type) catalog.ProcedureArg {
	return catalog.ProcedureArg{Name: name, Type: t, Optional: true}
}

// texts are the values of a row of an answer.
func texts(values ...any) []any {
	for i, v := range values {
		values[i] = fmt.Sprint(v)
	}
	return values
}

func (c *lakeCatalog) removeOrphanFiles(ctx context.Context, args map[string]any) ([][]any, error) {
	var o maintain.Orphans
	if ms, ok := args["older_than"].(int64); ok {
		o.OlderThan = time.UnixMilli(ms)
	}
	o.Location, _ = args["location"].(string)
	o.DryRun, _ = args["dry_run"].(bool)
	files, err := maintain.RemoveOrphanFiles(ctx, c.Catalog, tableArg(args), o)
	rows := make([][]any, len(files))
	for i, f := range files {
		rows[i] = []any{f}
	}
	return rows, translate(err)
}

func (c *lakeCatalog) rewriteDataFiles(ctx context.Context, args map[string]any) ([][]any, error) {
	var r maintain.Rewrite
	strategy, _ := args["strategy"].(string)
	r.Sort, _ = args["sort_order"].(string)
	switch strings.ToLower(strategy) {
	case "", "binpack":
		if r.Sort != "" && strategy != "" {
			return nil, fmt.Errorf("%w: strategy binpack takes no sort_order", job.ErrInvalid)
		}
	case "sort":
		if r.Sort == "" {
			r.Sort = maintain.TableSortOrder
		}
	default:
		return nil, fmt.Errorf("%w: strategy is %q; it can be binpack or sort", job.ErrInvalid, strategy)
	}
	options, _ := args["options"].(map[string]string)
	for _, k := range slices.Sorted(maps.Keys(options)) {
		if err := setRewrite(&r, k, options[k]); err != nil {
			return nil, err
		}
	}
	done, err := maintain.RewriteDataFiles(ctx, c.Catalog, tableArg(args), r)
	return [][]any{texts(done.Files, done.Added, done.Bytes, done.Deletes)}, translate(err)
}

// setRewrite sets one of Iceberg's options of rewrite_data_files.
func setRewrite(r *maintain.Rewrite, key, value string) error {
	sizes := map[string]*int64{
		"target-file-size-bytes": &r.TargetFileSize, "min-file-size-bytes": &r.MinFileSize,
		"max-file-size-bytes": &r.MaxFileSize, "max-rewrite-bytes": &r.MaxBytes,
	}
	counts := map[string]*int{"min-input-files": &r.MinInputFiles, "delete-file-threshold": &r.DeleteFileThreshold}
	var err error
	switch {
	case sizes[key] != nil:
		*sizes[key], err = strconv.ParseInt(value, 10, 64)
	case counts[key] != nil:
		*counts[key], err = strconv.Atoi(value)
	case key == "delete-ratio-threshold":
		r.DeleteRatio, err = strconv.ParseFloat(value, 64)
	case key == "rewrite-all":
		r.All, err = strconv.ParseBool(value)
	default:
		known := append(slices.Collect(maps.Keys(sizes)), slices.Collect(maps.Keys(counts))...)
		known = append(known, "delete-ratio-threshold", "rewrite-all")
		slices.Sort(known)
		return fmt.Errorf("%w: rewrite_data_files has no option %q; it has %s", job.ErrInvalid, key, strings.Join(known, ", "))
	}
	if err != nil {
		return fmt.Errorf("%w: option %s is %q", job.ErrInvalid, key, value)
	}
	return nil
}
