package sim

import (
	"fmt"
	"time"

	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
)

// node is a worker process: a model of engine/node, with its ledger. Its tasks
// outlive leaders.
type node struct {
	r      *fleet
	of     *process
	id     string
	tasks  *worker
	wire   *wire // nil while there is no leader
	ledger rpc.Ledger
	known  bool // the job was started here
	queue  []rpc.Command

	talk  rpc.Conversation
	calls int
	// welcome is that of the wire, behind which reports are said.
	welcome bool
}

// start starts a worker process.
func (r *fleet) start(id string) *node {
	n := &node{r: r, id: id, of: &process{name: id}}
	n.tasks = &worker{w: r.w, of: n.of, post: n.report, store: r.store, table: r.target, bugs: r.bugs, gates: r.gates, pace: r.pace}
	if !r.calm() {
		n.tasks.fails = r.fails
	}
	r.w.spawn(n.of, n.session)
	r.w.spawn(n.of, n.work)
	return n
}

// session is one conversation with a leader after the other.
func (n *node) session() {
	w := n.r.w
	for {
		w.sleep(time.Duration(1+w.rnd.IntN(30)) * time.Millisecond)
		l := n.r.leads
		if l == nil || l.of.gone() || l.over || w.now.Before(l.of.wakes()) {
			continue
		}
		n.wire = &wire{w: w, node: n.of, to: l.of, twice: n.r.twice, patience: n.r.patience}
		n.wire.watch = n.r.watch
		said := n.register()
		n.wire.say(rpc.ToCoordinator{Register: &said})
		n.r.wires = append(n.r.wires, n.wire)
		l.answer(n.wire)
		listen(n.wire, l.of, &n.wire.down, func(m rpc.ToWorker) {
			switch {
			case m.Welcome != nil:
				n.welcomed(said, *m.Welcome)
			case n.talk.Hear(m):
				n.obey(m)
			}
		}, func() {
			if n.welcome {
				n.wire.say(rpc.ToCoordinator{Heartbeat: &rpc.Heartbeat{Heard: n.talk.Heard()}})
			}
		})
		n.wire, n.welcome = nil, false
	}
}

// register says what the node holds.
func (n *node) register() rpc.Register {
	r := rpc.Register{ID: n.id, Data: n.id, Slots: n.r.slots}
	if held := n.ledger.Held(jobID); held != nil {
		r.Held = []rpc.Held{*held}
	}
	n.calls++
	n.talk.Begin(&r, fmt.Sprint(n.calls))
	return r
}

// welcomed goes on with what the leader has not heard. What it cannot adopt is given
// up.
func (n *node) welcomed(r rpc.Register, m rpc.Welcome) {
	if m.Resumed {
		n.r.resumed++
	} else if len(r.Held) == 0 {
		n.drop()
	}
	rest, ok := n.talk.Welcomed(r, m)
	if !ok {
		n.wire.cut = true
		return
	}
	n.welcome = true
	for _, m := range rest {
		n.wire.say(m)
	}
}

func (n *node) obey(m rpc.ToWorker) {
	switch {
	case m.Start != nil:
		n.known = true
	case m.Command != nil && n.known:
		if c := m.Command.Open(); c != nil {
			n.queue = append(n.queue, c)
		}
	case m.Drop != "":
		n.drop()
	}
}

// drop forgets the job.
func (n *node) drop() {
	n.tasks.kill(nil)
	n.known, n.queue, n.ledger = false, nil, rpc.Ledger{}
}

// work carries out commands, one after the other.
func (n *node) work() {
	for {
		n.r.w.parkFor(func() bool { return len(n.queue) > 0 })
		c := n.queue[0]
		n.queue = n.queue[1:]
		if d, ok := c.(rpc.Deploy); ok {
			n.r.deploys(d)
		}
		n.ledger.Command(c)
		_ = n.tasks.Send(c) // it never fails
		if n.r.w.chance(3) {
			n.r.w.pause()
		}
	}
}

// report says what a task says to the leader, if there is one, and keeps what the
// next must know.
func (n *node) report(r rpc.Report) {
	n.ledger.Report(r)
	doc := rpc.WrapReport(jobID, n.ledger.Generation(r), r)
	m := rpc.ToCoordinator{Report: &doc}
	n.talk.Say(&m)
	if n.welcome {
		n.wire.say(m)
	}
	if f, ok := r.(rpc.Failed); ok {
		n.r.fell(f.Task)
	}
	if s, ok := r.(rpc.Running); ok {
		n.r.runs(n.ledger.Generation(r), s.Task)
	}
}

// jobID is that of the job of a fleet.
var jobID = job.ID(fmt.Sprintf("%032x", 0xf1ee7))
