package files

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/zeebo/xxh3"
	"golang.org/x/sync/errgroup"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/internal/units"
	"github.com/wadi-engine/wadi/ops"
)

const (
	optCompact      = "auto-compaction"
	optCompactSize  = "compaction.file-size"
	optCompactTasks = "compaction.parallelism"
)

var compactionOptions = []ops.Option{
	{Key: optCompact, Default: "false", Help: "Merge the files of each checkpoint before they become visible."},
	{Key: optCompactSize, Help: "Size up to which files are merged; by default that of sink.rolling-policy.file-size."},
	{Key: optCompactTasks, Default: "1", Help: "How many files are merged at once."},
}

// compaction says how files of an epoch are merged.
type compaction struct {
	size  int64
	tasks int
}

// newCompaction returns nil where files are left as they are.
func newCompaction(o settings, fileSize int64) (*compaction, error) {
	on, err := o.flag(optCompact, false)
	if err != nil {
		return nil, err
	}
	c := &compaction{size: fileSize}
	if text, ok := o[optCompactSize]; ok {
		if c.size, err = units.ParseSize(text); err != nil {
			return nil, fmt.Errorf("option %q: %w", optCompactSize, err)
		}
	}
	if c.tasks, err = strconv.Atoi(o.text(optCompactTasks, "1")); err != nil || c.tasks < 1 {
		return nil, fmt.Errorf("%w: option %q is %q; want a number from 1", errInvalid, optCompactTasks, o[optCompactTasks])
	}
	if !on {
		return nil, nil
	}
	return c, nil
}

// bin is files that are published as one.
type bin struct {
	dir   string
	of    []receipt
	final string
}

// bins gathers the files of each directory up to the size. The same receipts give
// the same bins, so that a merge that is repeated after a crash is the same; the
// name of what is merged tells of what.
func (c *compaction) bins(id string, e epoch, extension string) []bin {
	files := slices.DeleteFunc(slices.Clone(e.receipts), func(r receipt) bool { return r.Staged == "" })
	slices.SortFunc(files, func(a, b receipt) int {
		return cmp.Or(cmp.Compare(path.Dir(a.Final), path.Dir(b.Final)), cmp.Compare(a.Final, b.Final))
	})
	var out []bin
	size := int64(0)
	for _, r := range files {
		dir := path.Dir(r.Final)
		if len(out) == 0 || out[len(out)-1].dir != dir || size+r.Bytes > c.size {
			out = append(out, bin{dir: dir})
			size = 0
		}
		b := &out[len(out)-1]
		b.of = append(b.of, r)
		size += r.Bytes
	}
	for i := range out {
		h := xxh3.New()
		for _, r := range out[i].of {
			_, _ = h.WriteString(r.Staged + "\n") // never fails
		}
		out[i].final = path.Join(out[i].dir, fmt.Sprintf("part-%s-compacted-%d-%016x.%s", id, e.number, h.Sum64(), extension))
	}
	return out
}

// compact publishes the files of an epoch, merged.
func (c *Committer) compact(ctx context.Context, e epoch) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(c.sink.compaction.tasks)
	for _, b := range c.sink.compaction.bins(c.id, e, c.sink.extension) {
		g.Go(func() error {
			if len(b.of) == 1 {
				return c.move(gctx, b.of[0])
			}
			return c.merge(gctx, b)
		})
	}
	return g.Wait()
}

// merge makes one visible file of several staged ones, which are removed when it
// is there.
func (c *Committer) merge(ctx context.Context, b bin) error {
	root := c.sink.root
	there, err := root.Exists(ctx, b.final)
	if err != nil {
		return err
	}
	if !there {
		if err := c.mergeInto(ctx, b); err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			// Whoever merged them meanwhile has removed them.
			if there, serr := root.Exists(ctx, b.final); !there || serr != nil {
				return errors.Join(serr, fmt.Errorf("%w: a staged file is gone, and what it was to be merged into, %s, is not there: "+
					"one was removed by somebody else, or the options of "+optCompact+" were changed after a crash; put them back: %w",
					errInvalid, root.URL(b.final), err))
			}
		}
	}
	for _, r := range b.of {
		if err := root.Delete(ctx, r.Staged); err != nil {
			return err
		}
	}
	return nil
}

// mergeInto writes the merged file, which appears when it is whole.
func (c *Committer) mergeInto(ctx context.Context, b bin) (err error) {
	var parts []*objstore.Object
	defer func() {
		for _, p := range parts {
			err = errors.Join(err, p.Close())
		}
	}()
	for _, r := range b.of {
		p, err := c.sink.root.Open(ctx, r.Staged)
		if err != nil {
			return err
		}
		parts = append(parts, p)
	}
	out, err := c.sink.root.Create(ctx, b.final)
	if err != nil {
		return err
	}
	if err := c.sink.format.Merge(ctx, out, parts, c.sink.rest, c.sink.options, memory.DefaultAllocator); err != nil {
		return errors.Join(err, out.Abort())
	}
	return out.Close()
}
