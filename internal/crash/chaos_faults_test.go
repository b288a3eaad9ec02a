//go:build unix

package crash

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/wadi-engine/wadi/internal/testcluster"
)

// chaos does to a cluster what a plan says.
type chaos struct {
	c    *testcluster.Cluster
	root root

	mu   sync.Mutex
	busy map[*testcluster.Member]bool // to whom something is being done
	// died are processes that have ended without being killed, and when.
	died []string
}

// most is how many coordinators, and how many workers, suffer at the same time.
const most = 2

// take chooses to whom a fault happens; nil when it can be nobody.
func (h *chaos) take(f fault) *testcluster.Member {
	leader := h.c.Leader()
	h.mu.Lock()
	defer h.mu.Unlock()
	among, fits := h.c.Workers, func(*testcluster.Member) bool { return true }
	switch f.kind {
	case killLeader, pauseLeader, cutLeader, holdLeader:
		among, fits = h.c.Coordinators, func(m *testcluster.Member) bool { return m == leader }
	case killStandby:
		among, fits = h.c.Coordinators, func(m *testcluster.Member) bool { return m != leader }
	case killWorker, pauseWorker, cutWorker, holdWorker, fillDisk, slowStore:
	}
	suffer := 0
	for _, m := range among {
		if h.busy[m] {
			suffer++
		}
	}
	if suffer >= most {
		return nil
	}
	for i := range among {
		if m := among[(f.who+i)%len(among)]; !h.busy[m] && m.PID() > 0 && fits(m) {
			h.busy[m] = true
			return m
		}
	}
	return nil
}

func (h *chaos) give(m *testcluster.Member) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.busy, m)
}

// happen lets a fault happen and undoes it when it has lasted, or at the end of ctx.
// begun is told when and to whom; it is not called when it can happen to nobody.
func (h *chaos) happen(ctx context.Context, f fault, begun func(who string)) {
	if f.kind == slowStore {
		h.root.slow.on.Add(1)
		begun("all")
		each(ctx, f.lasts)
		h.root.slow.on.Add(-1)
		return
	}
	m := h.take(f)
	if m == nil {
		return
	}
	defer h.give(m)
	undo := func() {}
	switch f.kind {
	case killLeader, killStandby, killWorker:
		m.Kill()
		undo = m.Start
	case pauseLeader, pauseWorker:
		m.Pause()
		undo = m.Resume
	case cutLeader, cutWorker:
		m.Gate.Refuse()
		undo = m.Gate.Heal
	case holdLeader, holdWorker:
		m.Gate.Hold()
		undo = m.Gate.Heal
	case fillDisk:
		undo = m.Fill()
	case slowStore:
	}
	begun(m.Name)
	each(ctx, f.lasts)
	undo()
}

// attend starts again what has ended by itself, as whoever runs a cluster does: a
// coordinator that another has replaced ends.
func (h *chaos) attend(ctx context.Context, since time.Time) {
	for each(ctx, 500*time.Millisecond) {
		h.mu.Lock()
		for _, m := range slices.Concat(h.c.Coordinators, h.c.Workers) {
			if !h.busy[m] && m.PID() == 0 {
				h.died = append(h.died, fmt.Sprintf("%7.1fs: %s had ended and was started again", time.Since(since).Seconds(), m.Name))
				m.Start()
			}
		}
		h.mu.Unlock()
	}
}
