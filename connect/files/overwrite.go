package files

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

// replace removes what the files of pending, which are in their places, stand
// for: the other files of their partitions, or of the table. A crash before it
// leaves the table as it was; one in the middle leaves old files beside the
// new ones, and the job that is resumed, or the statement that is run again,
// removes them.
func (c *Committer) replace(ctx context.Context, pending []ops.Pending) error {
	dirs := map[string]bool{}
	for _, p := range pending {
		for _, b := range p.Committables {
			r, err := decodeReceipt(b)
			if err != nil {
				return err
			}
			if r.Staged != "" && len(c.sink.by) > 0 {
				dirs[path.Dir(r.Final)+"/"] = true
			}
		}
	}
	switch static := c.sink.overwrite.Partition; {
	case len(c.sink.by) == 0:
		dirs[""] = true
	case static != nil:
		dirs[c.sink.directory(static)+"/"] = true
	}
	ours := "part-" + strings.TrimSuffix(strings.TrimPrefix(c.log, "_wadi/"), "/") + "-"
	for dir := range dirs {
		if err := remove(ctx, c.sink.root, dir, ours); err != nil {
			return err
		}
	}
	return nil
}

// directory is that of a partition whose values are given as text.
func (s *Sink) directory(values map[string]string) string {
	var dir []byte
	for i, name := range s.by {
		if i > 0 {
			dir = append(dir, '/')
		}
		dir = append(escapePath(dir, name), '=')
		if v := values[name]; v != "" {
			dir = escapePath(dir, v)
		} else {
			dir = append(dir, s.options.text("partition.default-name", "__DEFAULT_PARTITION__")...)
		}
	}
	return string(dir)
}

// remove deletes the visible files below dir but for those whose name begins
// with keep, if that is not "".
func remove(ctx context.Context, root *objstore.Bucket, dir, keep string) error {
	names, err := root.List(ctx, dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if hidden(name) || keep != "" && strings.HasPrefix(path.Base(name), keep) {
			continue
		}
		if err := root.Delete(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// hidden reports a name that readers pass over.
func hidden(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") || strings.HasPrefix(part, "_") && !strings.Contains(part, "=") {
			return true
		}
	}
	return false
}

// Truncate removes all files of a table.
func Truncate(ctx context.Context, t job.Table, env Env) error {
	at := strings.TrimSuffix(t.Options["path"], "/")
	if at == "" {
		return fmt.Errorf("%w: table %s: option \"path\" is missing", errInvalid, t.Ident)
	}
	root, err := env.Stores.Open(ctx, at, objstore.Properties(t.Options))
	if err == nil {
		err = remove(ctx, root, "", "")
	}
	if err == nil { // so that it is read as a table without rows
		err = root.Put(ctx, "_wadi/truncated", nil)
	}
	if err != nil {
		return fmt.Errorf("truncate table %s: %w", t.Ident, err)
	}
	return nil
}
