package files

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
)

// Partitions lists the directories of a table's partitions that have files,
// such as "day=2024-01-01/hour=7", sorted.
func Partitions(ctx context.Context, t job.Table, env Env) ([]string, error) {
	root := strings.TrimSuffix(t.Options["path"], "/")
	if root == "" {
		return nil, fmt.Errorf("%w: table %s: option \"path\" is missing", errInvalid, t.Ident)
	}
	b, err := env.Stores.Open(ctx, root, objstore.Properties(t.Options))
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", t.Ident, err)
	}
	names, err := b.List(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", t.Ident, err)
	}
	var out []string
	for _, name := range names {
		parts := strings.Split(name, "/")
		if len(parts) <= len(t.PartitionedBy) || strings.HasPrefix(parts[len(parts)-1], ".") || strings.HasPrefix(parts[len(parts)-1], "_") {
			continue
		}
		dirs := parts[:len(t.PartitionedBy)]
		matches := true
		for i, key := range t.PartitionedBy {
			matches = matches && strings.HasPrefix(dirs[i], key+"=")
		}
		if matches {
			out = append(out, strings.Join(dirs, "/"))
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}
