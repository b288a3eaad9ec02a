package sim

import (
	"encoding/json"
	"time"

	"github.com/wadi-engine/wadi/coordinator/cluster"
	"github.com/wadi-engine/wadi/engine/rpc"
)

// wire is the connection between a node and a leader. Messages arrive in their
// order, late, and not at all once it is cut, which both ends notice some time
// later. What a node says may arrive twice.
type wire struct {
	w        *world
	node, to *process
	down     []rpc.ToWorker
	up       []rpc.ToCoordinator
	cut      bool
	patience time.Duration // with silence
	// stalled until: nothing arrives.
	stalled time.Time
	// twice is how rare it is that something arrives twice, or 0 for never.
	twice int
	watch func(rpc.ToWorker)
}

var _ cluster.Link = (*wire)(nil)

// beat and silence are between two signs of life, and what is too long between them.
const (
	beat    = 60 * time.Millisecond
	silence = 300 * time.Millisecond
	grace   = 300 * time.Millisecond // for a worker whose connection is cut
)

// copied is a message as it arrives: what does not travel is not there.
func copied[T any](w *world, m T) T {
	data, err := json.Marshal(m)
	var c T
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	if err != nil {
		w.violate("a message cannot travel: %v", err)
	}
	return c
}

// Send sends a message to the node.
func (l *wire) Send(m rpc.ToWorker) {
	if l.watch != nil {
		l.watch(m)
	}
	if !l.cut {
		l.down = append(l.down, copied(l.w, m))
	}
}

// Close cuts the connection.
func (l *wire) Close() { l.cut = true }

// say sends a message to the leader.
func (l *wire) say(m rpc.ToCoordinator) {
	if l.cut {
		return
	}
	l.up = append(l.up, copied(l.w, m))
	if m.Report != nil && l.twice > 0 && l.w.chance(l.twice) {
		l.up = append(l.up, copied(l.w, m))
	}
}

// listen passes on what arrives at one end until the connection is lost: cut, the
// other end gone, or silent for too long. said is called when it is time for a
// sign of life.
func listen[T any](l *wire, other *process, queue *[]T, take func(T), said func()) {
	last, spoken := l.w.now, l.w.now
	for {
		late, due := last.Add(l.patience), spoken.Add(beat)
		l.w.park(func() bool {
			return len(*queue) > 0 && !l.w.now.Before(l.stalled) || l.cut || other.gone() || !l.w.now.Before(late) || !l.w.now.Before(due)
		}, due)
		if !l.w.now.Before(due) {
			spoken = l.w.now
			said()
		}
		switch {
		case l.cut || other.gone():
			l.w.pause()
			l.cut = true
			return
		case len(*queue) > 0 && !l.w.now.Before(l.stalled):
			last = l.w.now
			m := (*queue)[0]
			*queue = (*queue)[1:]
			take(m)
		case !l.w.now.Before(late):
			l.cut = true
			return
		}
	}
}
