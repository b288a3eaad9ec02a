package iceberg

import (
	"context"
	"log/slog"

	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/lakehouse/iceberg/maintain"
)

// The properties of a table that say when its manifests are merged.
const (
	propMerge      = "commit.manifest-merge.enabled"
	propMergeCount = "commit.manifest.min-count-to-merge"
)

// gather merges the manifests of the table once there are many: a commit adds
// one, and readers open all of them. It comes after a commit, in a snapshot of
// its own in which no row changes; when it fails, the next one does it. Other
// branches than main are left alone.
func (c *Committer) gather(ctx context.Context) {
	if c.sink.aim.WapID != "" || c.sink.aim.Branch != table.MainBranch {
		return
	}
	c.gate.Lock()
	defer c.gate.Unlock()
	if c.manifests++; c.manifests > 1 && c.manifests < c.mergeAt {
		return
	}
	err := c.count(ctx)
	if err == nil && c.manifests >= c.mergeAt {
		_, _, err = maintain.RewriteManifests(ctx, c.catalog, c.sink.target.Database+"."+c.sink.target.Table)
		c.manifests = 1 // since then: large ones stay as they are
	}
	if err != nil {
		c.sink.env.Logger().WarnContext(ctx, "the manifests of a table are not merged",
			slog.String("table", c.sink.target.String()), slog.Any("error", err))
	}
}

// count looks how many manifests there are, and from how many on they are merged.
func (c *Committer) count(ctx context.Context) error {
	t, err := c.load(ctx)
	if err != nil {
		return err
	}
	props := t.Properties()
	c.mergeAt = max(2, props.GetInt(propMergeCount, 100))
	if !props.GetBool(propMerge, true) {
		c.manifests = 1
		return nil
	}
	s := t.CurrentSnapshot()
	if s == nil || c.manifests >= c.mergeAt {
		return nil
	}
	fsys, err := t.FS(ctx)
	if err != nil {
		return err
	}
	all, err := s.Manifests(fsys)
	c.manifests = max(1, len(all))
	return err
}
