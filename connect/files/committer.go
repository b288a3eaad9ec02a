package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// Committer makes staged files visible and keeps the commit log: one object
// per published epoch, of which the newest counts.
type Committer struct {
	sink *Sink
	log  string // prefix of the log's objects
	id   string // of the sink and job
}

var _ ops.Committer = (*Committer)(nil)

// Published implements ops.Committer.
func (c *Committer) Published(ctx context.Context) (stream.Epoch, error) {
	newest, _, err := c.readLog(ctx)
	return newest, err
}

func (c *Committer) readLog(ctx context.Context) (stream.Epoch, []string, error) {
	names, err := c.sink.root.List(ctx, c.log)
	if err != nil {
		return 0, nil, fmt.Errorf("table %s: %w", c.sink.table, err)
	}
	var newest stream.Epoch
	for _, name := range names {
		n, err := strconv.ParseUint(strings.TrimPrefix(name, c.log), 10, 64)
		if err != nil {
			return 0, nil, fmt.Errorf("table %s: %w: %s is not a number: something else writes to the commit log",
				c.sink.table, errInvalid, c.sink.root.URL(name))
		}
		newest = max(newest, stream.Epoch(n))
	}
	return newest, names, nil
}

func (c *Committer) entry(e stream.Epoch) string { return fmt.Sprintf("%s%020d", c.log, e) }

// Commit implements ops.Committer. It publishes at once: gathering would not
// make fewer files. What replaces others is published at the end.
func (c *Committer) Commit(ctx context.Context, pending []ops.Pending, force bool) (stream.Epoch, error) {
	have, old, err := c.readLog(ctx)
	if err != nil || len(pending) == 0 || c.sink.overwrite != nil && !force {
		return have, err
	}
	last := pending[len(pending)-1].Epoch
	if last <= have {
		return have, nil
	}
	fail := func(err error) (stream.Epoch, error) {
		return 0, fmt.Errorf("commit epoch %d to table %s: %w", last, c.sink.table, err)
	}
	fresh, err := decodeEpochs(pending, have)
	if err != nil {
		return fail(err)
	}
	for _, e := range fresh {
		if err := c.publish(ctx, e); err != nil {
			return fail(err)
		}
	}
	if c.sink.overwrite != nil {
		if err := c.replace(ctx, pending); err != nil {
			return 0, fmt.Errorf("replace the files of table %s: %w", c.sink.table, err)
		}
	}
	if len(fresh) == 0 {
		return last, nil // a replay would do nothing either
	}
	p, err := c.progress(ctx, have)
	if err != nil {
		return fail(err)
	}
	for _, e := range fresh {
		p.add(e.receipts)
	}
	if err := c.mark(ctx, p); err != nil {
		return fail(err)
	}
	if p.ended() {
		if err := c.sweep(ctx); err != nil {
			return fail(err)
		}
	}
	doc, err := p.encode()
	if err != nil {
		return fail(err)
	}
	if _, err := c.sink.root.PutIfAbsent(ctx, c.entry(last), doc); err != nil {
		return fail(err)
	}
	for _, name := range old {
		if err := c.sink.root.Delete(ctx, name); err != nil {
			return fail(err)
		}
	}
	return last, nil
}

// epoch is what is to be published of one.
type epoch struct {
	number   stream.Epoch
	receipts []receipt
}

// decodeEpochs reads what is behind the epoch have, and is not empty.
func decodeEpochs(pending []ops.Pending, have stream.Epoch) ([]epoch, error) {
	var out []epoch
	for _, p := range pending {
		if p.Epoch <= have || len(p.Committables) == 0 {
			continue
		}
		e := epoch{number: p.Epoch}
		for _, b := range p.Committables {
			r, err := decodeReceipt(b)
			if err != nil {
				return nil, err
			}
			e.receipts = append(e.receipts, r)
		}
		out = append(out, e)
	}
	return out, nil
}

// publish makes the files of an epoch visible.
func (c *Committer) publish(ctx context.Context, e epoch) error {
	if c.sink.compaction != nil {
		return c.compact(ctx, e)
	}
	for _, r := range e.receipts {
		if r.Staged == "" {
			continue
		}
		if err := c.move(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

func (c *Committer) move(ctx context.Context, r receipt) error {
	err := c.sink.root.Move(ctx, r.Staged, r.Final)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: neither the staged file %s nor %s is there: "+
			"one of them was removed by somebody else, and with it %d rows: %w",
			errInvalid, c.sink.root.URL(r.Staged), c.sink.root.URL(r.Final), r.Rows, err)
	}
	return err
}

// mark writes the success file into the directories that are complete, which
// wait no longer.
func (c *Committer) mark(ctx context.Context, p *progress) error {
	dirs, err := c.sink.policy.due(p, c.sink.env.now())
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		if c.sink.policy.success != "" {
			if err := c.sink.root.Put(ctx, path.Join(dir, c.sink.policy.success), nil); err != nil {
				return err
			}
		}
		delete(p.Waiting, dir)
	}
	return nil
}

// sweep removes what tasks that died have staged: no task writes any more, and
// what they had to publish is in its place.
func (c *Committer) sweep(ctx context.Context) error {
	dir := ".staging/" + c.id + "/"
	names, err := c.sink.root.List(ctx, dir)
	if err == nil {
		err = c.sink.root.Sweep(ctx, dir)
	}
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := c.sink.root.Delete(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// Close implements ops.Committer.
func (c *Committer) Close() error { return nil }

// progress gets its content from the newest entry of the commit log.
func (c *Committer) progress(ctx context.Context, have stream.Epoch) (*progress, error) {
	p := &progress{Waiting: map[string]int64{}, Tasks: map[int]stream.Timestamp{}}
	if have == 0 {
		return p, nil
	}
	doc, err := c.sink.root.Get(ctx, c.entry(have))
	if err != nil {
		return nil, err
	}
	return p, p.decode(doc)
}

// directories are those of the files of receipts, and when the first of the
// files was begun.
func directories(receipts []receipt) map[string]int64 {
	dirs := map[string]int64{}
	for _, r := range receipts {
		if r.Staged == "" {
			continue
		}
		dir := path.Dir(r.Final)
		if begun, ok := dirs[dir]; !ok || r.Begun < begun {
			dirs[dir] = r.Begun
		}
	}
	return dirs
}
