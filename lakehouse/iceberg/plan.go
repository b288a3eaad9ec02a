package iceberg

import (
	"context"
	"encoding/json"
	"fmt"

	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/codec"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

// splitBytes is about how many bytes of a file a split has: few enough splits
// for small files, many enough of large ones to share out.
const splitBytes = 64 << 20

// plan finds the files of the snapshot that is read, but for those of which the
// filter is true of no row, and cuts them into splits.
func (s *Source) plan(ctx context.Context, t *table.Table) ([]ops.Split, error) {
	snapshot, err := s.target.version.of(t)
	if snapshot == nil || err != nil {
		return nil, err
	}
	tasks, err := s.tasks(ctx, t, snapshot)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrUnavailable, err)
	}
	var splits []ops.Split
	for _, task := range tasks {
		cut, err := cutTask(t, snapshot.SnapshotID, task)
		if err != nil {
			return nil, err
		}
		splits = append(splits, cut...)
	}
	return splits, nil
}

// tasks are the data files that may have rows for the scan, with what deletes
// of them.
func (s *Source) tasks(ctx context.Context, t *table.Table, of *table.Snapshot) ([]table.FileScanTask, error) {
	which := table.WithSnapshotID(of.SnapshotID)
	if s.filter != nil && sameNames(s.read, t, of) {
		// iceberg-go cannot compare all bounds, such as those of columns that
		// were widened since.
		tasks, err := t.Scan(which, table.WithRowFilter(planFilter(s.filter, s.read))).PlanFiles(ctx)
		if err == nil {
			return tasks, nil
		}
	}
	return t.Scan(which).PlanFiles(ctx)
}

// sameNames reports whether the columns are called the same in the schema of a
// snapshot, by which iceberg-go plans.
func sameNames(columns []projected, t *table.Table, of *table.Snapshot) bool {
	schema := t.Schema()
	if of.SchemaID != nil {
		for _, s := range t.Metadata().Schemas() {
			if s.ID == *of.SchemaID {
				schema = s
			}
		}
	}
	for _, c := range columns {
		f, there := schema.FindFieldByID(c.path[0].ID)
		if !there || f.Name != c.path[0].Name || !f.Type.Equals(c.path[0].Type) {
			return false
		}
	}
	return true
}

// cutTask makes splits of a file.
func cutTask(t *table.Table, snapshot int64, task table.FileScanTask) ([]ops.Split, error) {
	if f := task.File.FileFormat(); f != ice.ParquetFile {
		return nil, fmt.Errorf("%w: data file %s is of format %s: only Parquet is read; rewrite the table's files as Parquet", job.ErrInvalid, task.File.FilePath(), f)
	}
	p := position{
		Snapshot: snapshot, Spec: int(task.File.SpecID()), Schema: t.Schema().ID, Version: t.Metadata().Version(),
	}
	spec, schema, err := p.shape(t)
	if err != nil {
		return nil, err
	}
	if p.Task, err = codec.EncodeFileScanTask(task, *spec, schema, p.Version); err != nil {
		return nil, fmt.Errorf("describe data file %s: %w", task.File.FilePath(), err)
	}
	var splits []ops.Split
	cuts := cutPoints(task.File)
	for i, from := range cuts {
		p.From, p.To = from, 1<<62
		if i+1 < len(cuts) {
			p.To = cuts[i+1]
		}
		one := ops.Split{ID: fmt.Sprintf("%s#%d", task.File.FilePath(), from)}
		if one.Position, err = json.Marshal(p); err != nil {
			return nil, err
		}
		splits = append(splits, one)
	}
	return splits, nil
}

// cutPoints are where the splits of a file begin, by what its manifest says of
// its row groups.
func cutPoints(f ice.DataFile) []int64 {
	cuts, last := []int64{0}, int64(0)
	for _, at := range f.SplitOffsets() {
		if at-last >= splitBytes && f.FileSizeBytes()-at >= splitBytes/2 {
			cuts, last = append(cuts, at), at
		}
	}
	return cuts
}

// estimate is how many rows the snapshot has, by its summary.
func estimate(ctx context.Context, scan ops.Scan, env Env) ops.Estimate {
	s, err := newSource(ctx, scan, env)
	if err != nil {
		return ops.Estimate{} // whoever reads says why
	}
	c, err := s.open(ctx)
	if err != nil {
		return ops.Estimate{}
	}
	defer c.Close()
	t, err := c.load(ctx, s.target.database, s.target.table)
	if err != nil {
		return ops.Estimate{}
	}
	snapshot, err := s.target.version.of(t)
	if err != nil || snapshot == nil || snapshot.Summary == nil {
		return ops.Estimate{}
	}
	total, ok := summaryNumber(snapshot, "total-records")
	dead, _ := summaryNumber(snapshot, "total-position-deletes")
	return ops.Estimate{Rows: max(0, total-dead), Known: ok}
}

func summaryNumber(s *table.Snapshot, key string) (float64, bool) {
	var n float64
	_, err := fmt.Sscan(s.Summary.Properties[key], &n)
	return n, err == nil
}
