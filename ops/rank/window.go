package rank

import (
	"context"
	"slices"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// fire emits the windows that the watermark has passed, in the order of their
// ends, and forgets them.
func (r *Rank) fire(ctx context.Context, out ops.Output) error {
	var due []int64
	for end := range r.ends {
		if complete(end, r.wm) {
			due = append(due, end)
		}
	}
	if len(due) == 0 {
		return nil
	}
	slices.Sort(due)
	for _, end := range due {
		gids := r.ends[end]
		delete(r.ends, end)
		if err := r.emitFinal(ctx, gids, out); err != nil {
			return err
		}
		for _, g := range gids {
			p := r.part(g)
			for _, e := range r.lists.Of(&p.list) {
				r.loose = append(r.loose, e.id)
			}
			r.lists.Clear(&p.list)
		}
		r.table.Delete(gids)
	}
	r.free(r.loose, true)
	r.loose = r.loose[:0]
	last := due[len(due)-1]
	return r.saved.DropBefore(stream.Timestamp(last) + 1)
}

// leaveWindow takes a partition without rows out of its window.
func (r *Rank) leaveWindow(end int64, g uint32) {
	gids := r.ends[end]
	if i := slices.Index(gids, g); i >= 0 {
		gids = slices.Delete(gids, i, i+1)
	}
	if r.ends[end] = gids; len(gids) == 0 {
		delete(r.ends, end)
	}
}
