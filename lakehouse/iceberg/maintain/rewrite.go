package maintain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strconv"

	ice "github.com/apache/iceberg-go"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
	"github.com/apache/iceberg-go/table/compaction"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
)

// Rewrite says which data files are written anew. Zero fields mean the
// defaults of Iceberg's rewrite_data_files.
type Rewrite struct {
	// TargetFileSize is how large files should be, in bytes; by default the
	// table's write.target-file-size-bytes.
	TargetFileSize int64
	// MinFileSize and MaxFileSize bound the files that are left alone: 75 % and
	// 180 % of the target.
	MinFileSize, MaxFileSize int64
	// MinInputFiles is how many files make a rewrite worth while: 5.
	MinInputFiles int
	// DeleteFileThreshold is how many delete files make a data file be written
	// anew whatever its size: 5.
	DeleteFileThreshold int
	// DeleteRatio is the part of deleted rows that does: 0.3.
	DeleteRatio float64
	// All takes every file.
	All bool
	// Sort orders the rows of each new file: "a DESC NULLS LAST, b", or
	// TableSortOrder. Empty leaves them as they come.
	Sort string
	// MaxBytes ends the rewrite when so much has been read; zero is no end.
	MaxBytes int64

	// Once leaves a conflict to the caller: IsConflict.
	Once bool
}

// Rewritten is what a rewrite did.
type Rewritten struct {
	Files   int   // data files that are replaced
	Added   int   // data files that replace them
	Bytes   int64 // of the files that are replaced
	Deletes int   // delete files that nothing needs any more
}

// batchBytes is how much one snapshot of a rewrite replaces: what a conflict
// wastes, and how long other writers are in danger of one.
const batchBytes = 1 << 30

// maxRewriteConflicts is how many conflicts in a row end a rewrite.
const maxRewriteConflicts = 5

// RewriteDataFiles gathers small files into larger ones and folds deletes into
// data, in snapshots that change no row. Each replaces about a gigabyte; what
// has been committed stays when a later one fails. Rows that others delete
// meanwhile make a conflict: the batch is planned again.
func RewriteDataFiles(ctx context.Context, c *catalog.Catalog, name string, r Rewrite) (Rewritten, error) {
	var done Rewritten
	for conflicts := 0; ; {
		more, err := rewriteBatch(ctx, c, name, r, &done)
		switch {
		case err == nil && (!more || r.All || r.MaxBytes > 0 && done.Bytes >= r.MaxBytes):
			return done, nil
		case err == nil:
			conflicts = 0
		case IsConflict(err) && conflicts < maxRewriteConflicts && !r.Once:
			conflicts++
		default:
			return done, c.Fail("rewrite data files of", "table "+c.Name()+"."+name, err)
		}
	}
}

// IsConflict reports that the table moved while files were written anew.
func IsConflict(err error) bool {
	return catalog.IsConflict(err) || errors.Is(err, table.ErrCommitDiverged)
}

// rewriteBatch replaces one batch of files, and reports whether there are more.
func rewriteBatch(ctx context.Context, c *catalog.Catalog, name string, r Rewrite, done *Rewritten) (more bool, err error) {
	t, err := c.Named(ctx, name)
	if err != nil {
		return false, err
	}
	if t.CurrentSnapshot() == nil {
		return false, nil
	}
	order, err := r.order(t)
	if err != nil {
		return false, err
	}
	cfg, err := r.config(t)
	if err != nil {
		return false, err
	}
	groups, err := r.plan(ctx, t, cfg)
	if err != nil || len(groups) == 0 {
		return false, err
	}
	limit := int64(math.MaxInt64) // of All: a second plan would take what the first wrote
	if !r.All {
		limit = batchBytes
	}
	if r.MaxBytes > 0 {
		limit = min(limit, r.MaxBytes-done.Bytes)
	}
	n, bytes := 0, int64(0)
	for n < len(groups) && (n == 0 || bytes+groups[n].TotalSizeBytes <= limit) {
		bytes += groups[n].TotalSizeBytes
		n++
	}
	as := copied{order: order, size: cfg.TargetFileSizeBytes + (cfg.MaxFileSizeBytes-cfg.TargetFileSizeBytes)/2}
	one, err := replaceGroups(ctx, t, groups[:n], as, func(ctx context.Context) (*table.Table, error) { return c.Named(ctx, name) })
	if err != nil {
		return false, err
	}
	done.Add(one)
	return n < len(groups), nil
}

// Add adds what another rewrite did.
func (r *Rewritten) Add(o Rewritten) {
	r.Files += o.Files
	r.Added += o.Added
	r.Bytes += o.Bytes
	r.Deletes += o.Deletes
}

// plan divides the files that are to be rewritten into groups of one
// partition each.
func (r Rewrite) plan(ctx context.Context, t *table.Table, cfg compaction.Config) ([]table.CompactionTaskGroup, error) {
	if r.All {
		tasks, err := t.Scan().PlanFiles(ctx)
		if err != nil {
			return nil, err
		}
		return everything(tasks, cfg.TargetFileSizeBytes), nil
	}
	plan, err := compaction.Analyze(ctx, t, cfg)
	if err != nil {
		return nil, err
	}
	groups := make([]table.CompactionTaskGroup, 0, len(plan.Groups))
	for _, g := range plan.Groups {
		if len(g.Tasks) == 1 && g.DeleteFileCount == 0 {
			continue // one small file stays what it is
		}
		groups = append(groups, table.CompactionTaskGroup{PartitionKey: g.PartitionKey, Tasks: g.Tasks, TotalSizeBytes: g.TotalSizeBytes})
	}
	return groups, nil
}

func (r Rewrite) config(t *table.Table) (compaction.Config, error) {
	cfg := compaction.DefaultConfig()
	if text := t.Properties()[table.WriteTargetFileSizeBytesKey]; text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return cfg, fmt.Errorf("%w: property %s is %q, not a number of bytes", job.ErrInvalid, table.WriteTargetFileSizeBytesKey, text)
		}
		cfg.TargetFileSizeBytes = n
	}
	cfg.TargetFileSizeBytes = cmp.Or(r.TargetFileSize, cfg.TargetFileSizeBytes)
	cfg.MinFileSizeBytes = cmp.Or(r.MinFileSize, cfg.TargetFileSizeBytes*3/4)
	cfg.MaxFileSizeBytes = cmp.Or(r.MaxFileSize, cfg.TargetFileSizeBytes*9/5)
	cfg.DeleteFileThreshold = cmp.Or(r.DeleteFileThreshold, cfg.DeleteFileThreshold)
	cfg.DeleteRatioThreshold = cmp.Or(r.DeleteRatio, cfg.DeleteRatioThreshold)
	if r.Sort != "" {
		cfg.TargetFileSizeBytes = min(cfg.TargetFileSizeBytes, maxSortBytes)
		cfg.MinFileSizeBytes = min(cfg.MinFileSizeBytes, cfg.TargetFileSizeBytes)
	}
	if r.MinInputFiles != 0 {
		cfg.MinInputFiles = uint(max(0, r.MinInputFiles))
	}
	if err := cfg.Validate(); err != nil {
		return cfg, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	return cfg, nil
}

// everything divides all files by partition, in groups of about target bytes.
func everything(tasks []table.FileScanTask, target int64) []table.CompactionTaskGroup {
	open := map[string]int{} // the last group of each partition
	var groups []table.CompactionTaskGroup
	for _, task := range tasks {
		key := fmt.Sprint(task.File.SpecID(), task.File.Partition())
		at, there := open[key]
		if size := task.File.FileSizeBytes(); !there || groups[at].TotalSizeBytes+size > target {
			at = len(groups)
			open[key] = at
			groups = append(groups, table.CompactionTaskGroup{PartitionKey: key})
		}
		groups[at].Tasks = append(groups[at].Tasks, task)
		groups[at].TotalSizeBytes += task.File.FileSizeBytes()
	}
	return groups
}

// replaceGroups writes the rows of groups anew and replaces their files in one
// snapshot. What it wrote for nothing is removed.
func replaceGroups(ctx context.Context, t *table.Table, groups []table.CompactionTaskGroup, as copied,
	reload func(context.Context) (*table.Table, error),
) (done Rewritten, err error) {
	fsys, err := t.FS(ctx)
	if err != nil {
		return done, err
	}
	var results []table.CompactionGroupResult
	settled := false
	defer func() {
		if !settled {
			err = errors.Join(err, discard(fsys, results))
		}
	}()
	replaced := map[string]struct{}{}
	for _, g := range groups {
		one, err := rewriteGroup(ctx, t, g, as)
		results = append(results, one)
		if err != nil {
			return done, err
		}
		for _, f := range one.OldDataFiles {
			replaced[f.FilePath()] = struct{}{}
		}
		done.Files += len(one.OldDataFiles)
		done.Added += len(one.NewDataFiles)
		done.Bytes += one.BytesBefore
	}
	for tries := 0; ; tries++ {
		deletes, err := replaceFiles(ctx, fsys, t, results, replaced)
		if err == nil {
			settled, done.Deletes = true, deletes
			return done, nil
		}
		// Only a refusal proves that no snapshot names the files.
		if settled = !IsConflict(err); settled || tries == maxRewriteConflicts {
			return done, err
		}
		// What others have appended does not concern these files.
		newer, loadErr := reload(ctx)
		if loadErr != nil || !appendedOnly(newer, t) {
			return done, err
		}
		t = newer
	}
}

// replaceFiles commits a snapshot in which the results stand for the files that
// they replace, and returns how many delete files it removed.
func replaceFiles(ctx context.Context, fsys iceio.IO, t *table.Table, results []table.CompactionGroupResult, replaced map[string]struct{}) (deletes int, err error) {
	dead, err := deadDeletes(ctx, fsys, t, replaced)
	if err != nil {
		return 0, err
	}
	tx := t.NewTransaction()
	rewrite := tx.NewRewrite(nil)
	for _, one := range results {
		deletes += len(one.SafeDeletionVectors)
		// A file of position deletes may concern files of other groups, too.
		one.SafePosDeletes = nil
		rewrite.ApplyResult(one)
	}
	for _, f := range dead {
		rewrite.DeleteFile(f)
	}
	if err := rewrite.Commit(ctx); err != nil {
		return 0, err
	}
	_, err = tx.Commit(ctx)
	return deletes + len(dead), err
}

// appendedOnly reports whether all snapshots since that of t have only added rows.
func appendedOnly(newer, t *table.Table) bool {
	since := t.CurrentSnapshot().SnapshotID
	for s := newer.CurrentSnapshot(); s != nil; s = newer.SnapshotByID(*s.ParentSnapshotID) {
		if s.SnapshotID == since {
			return true
		}
		if s.Summary == nil || s.Summary.Operation != table.OpAppend || s.ParentSnapshotID == nil {
			return false
		}
	}
	return false
}

// deadDeletes are the delete files that concern no row any more once the files
// of the paths are gone.
func deadDeletes(ctx context.Context, fsys iceio.IO, t *table.Table, gone map[string]struct{}) ([]ice.DataFile, error) {
	positions, err := compaction.CollectDeadPositionDeletes(ctx, fsys, t.CurrentSnapshot(), gone)
	if err != nil {
		return nil, err
	}
	equalities, err := compaction.CollectDeadEqualityDeletesWithSpecs(ctx, fsys, t.Metadata(), t.CurrentSnapshot(), gone)
	if err != nil {
		return nil, err
	}
	return append(positions, equalities...), nil
}

// discard removes files that no snapshot names.
func discard(fsys iceio.IO, results []table.CompactionGroupResult) error {
	var failed error
	for _, one := range results {
		for _, f := range one.NewDataFiles {
			if err := fsys.Remove(f.FilePath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
				failed = errors.Join(failed, err)
			}
		}
	}
	return failed
}
