package scan

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/read"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/write"
)

// Partitions lists the partitions of a table that have data files in the current
// snapshot, sorted, and the names of its partition fields. A file that was written
// before the partitioning changed has the fields of then.
func Partitions(ctx context.Context, t job.Table, env catalog.Env) (fields, partitions []string, err error) {
	if t.Options[catalog.OptMetadata] != "" {
		return nil, nil, nil
	}
	place, err := catalog.PlaceOf(t)
	if err != nil {
		return nil, nil, err
	}
	c, there, err := place.Load(ctx, env)
	if err != nil {
		return nil, nil, err
	}
	defer c.Close()
	for _, spec := range there.Metadata().PartitionSpecs() {
		for _, f := range spec.Fields() {
			if !slices.Contains(fields, f.Name) {
				fields = append(fields, f.Name)
			}
		}
	}
	found := map[string]bool{}
	if snapshot := there.CurrentSnapshot(); snapshot != nil && len(fields) > 0 {
		if err := partitionsOf(ctx, there, snapshot, found); err != nil {
			return nil, nil, fmt.Errorf("table %s: %w", place, err)
		}
	}
	return fields, slices.Sorted(maps.Keys(found)), nil
}

// partitionsOf finds the partitions of the data files of a snapshot.
func partitionsOf(ctx context.Context, t *table.Table, snapshot *table.Snapshot, found map[string]bool) error {
	files, err := t.FS(ctx)
	if err != nil {
		return err
	}
	manifests, err := snapshot.Manifests(files)
	if err != nil {
		return read.Unavailable(fmt.Errorf("manifests of snapshot %d: %w", snapshot.SnapshotID, err))
	}
	for _, m := range manifests {
		spec := t.Metadata().PartitionSpecByID(int(m.PartitionSpecID()))
		if m.ManifestContent() != ice.ManifestContentData || spec == nil || spec.IsUnpartitioned() {
			continue
		}
		for entry, err := range m.Entries(files, true) {
			if err != nil {
				return read.Unavailable(fmt.Errorf("manifest %s: %w", m.FilePath(), err))
			}
			path := write.PartitionPath(spec, t.Schema(), entry.DataFile().Partition())
			found[strings.ReplaceAll(path, "+", "%20")] = true // as other connectors escape a space
		}
	}
	return nil
}
