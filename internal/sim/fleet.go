package sim

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/coordinator/cluster"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/internal/mutant"
	"github.com/wadi-engine/wadi/job"
)

// fleet is a cluster that runs a job: nodes with tasks, and coordinators, one of
// which leads after the other, while those before may not know that they do not
// lead any more.
//
//	leader 1 (a zombie) ─ wire ─ node a: tasks, ledger ─┐
//	leader 2 ──────────── wire ─ node b: tasks, ledger ─┴─ gates of tasks
//	   └── store: objects, late writes, lost replies
type fleet struct {
	*run
	restarts
	graph *job.Graph
	tasks int
	gates map[gateKey]*gate
	nodes []*node
	wires []*wire
	// leads is the newest leader, which nodes look for; all are those there were.
	leads *leader
	all   []*leader
	// onlyLeaders says that nothing fails but leaders: no task is started again.
	onlyLeaders bool
	// onlyCuts says that nothing fails but connections, which are made again: no task
	// is started again, and nothing that was said is lost or counts twice. resumed is
	// how often a conversation has gone on.
	onlyCuts bool
	resumed  int
	// onlyTasks says that nothing fails but tasks: only regions that have failed are
	// started again.
	onlyTasks bool
	// gear is that of the job as its document says, when it changes gear, among leaders
	// that die, or "".
	gear        job.Gear
	quiet       time.Time // when faults stop
	pace, fails int
	twice       int
	slots       int // of a node
	patience    time.Duration
	settings    coordinator.Settings
}

// RunFleet lets a job live on a cluster through what the seed has in store for
// both. The error says what its sink holds wrongly, or what else went wrong.
func RunFleet(seed uint64, bugs mutant.Set) error {
	w := newWorld(seed)
	w.limit = 100_000
	r := &fleet{
		run:   newRun(w, bugs),
		gates: map[gateKey]*gate{},
	}
	r.restarts = newRestarts()
	if w.chance(3) { // few lives are of many regions: tasks of several attempts are not adopted
		r.shape = joined
	}
	r.onlyLeaders = w.chance(3)
	r.onlyCuts = !r.onlyLeaders && w.chance(4)
	r.onlyTasks = r.shape == apart && !r.steadily() && w.chance(4)
	if r.shape == joined && !r.steadily() && w.chance(2) {
		r.gear = job.Gears()[w.rnd.IntN(3)]
	}
	if !r.steadily() && !r.onlyTasks && w.rnd.IntN(4) > 0 {
		r.store.faults, r.target.faults = 8+w.rnd.IntN(60), 4+w.rnd.IntN(20)
	}
	if r.onlyTasks || !r.steadily() && w.chance(3) {
		r.fails = 40 + w.rnd.IntN(200)
	}
	if w.chance(2) {
		r.twice = 3 + w.rnd.IntN(20)
	}
	r.patience = silence
	if r.onlyLeaders || r.onlyTasks { // a nap, a delay and a slow world together are not too long
		r.patience = 2 * silence
	}
	r.pace = 32 << w.rnd.IntN(6)
	r.quiet = w.now.Add(time.Duration(2+w.rnd.IntN(5)) * time.Second)
	r.settings = coordinator.Settings{
		Interval: time.Duration(20+w.rnd.IntN(200)) * time.Millisecond, Timeout: time.Duration(300+w.rnd.IntN(1000)) * time.Millisecond,
		TolerableFailures: -1, Retained: 1 + w.rnd.IntN(3), Bugs: bugs, Restart: coordinator.RestartStrategy{Attempts: 1000, Delay: 10 * time.Millisecond},
		Regions: r.onlyTasks || !w.chance(4),
	}
	if w.chance(4) { // much happens between two checkpoints
		r.settings.Interval *= 4
	}
	r.store.won = r.won
	counters := 1 + w.rnd.IntN(3)
	sources := 1 + w.rnd.IntN(2)
	r.graph = graph(r.shape, sources, counters)
	r.tasks = tasks(r.graph)
	nature := &process{name: "nature"}
	r.slots = 1 + w.rnd.IntN(2)
	for i := range 4 - r.slots {
		r.nodes = append(r.nodes, r.start(fmt.Sprint("node ", i)))
	}
	w.spawn(nature, r.nature)
	w.spawn(nature, r.elect)
	w.run(func() bool { return r.finished })
	if w.broken != nil {
		return w.broken
	}
	return r.check()
}

// won is told of objects that are created. Who takes a term, a generation or a number
// although another leads by now is a zombie that fences the leader: that may cost a
// restart.
func (r *fleet) won(name string, by *process) {
	taken := slices.ContainsFunc([]string{"/terms/", "/generations/", "/chk-"}, func(s string) bool { return strings.Contains(name, s) })
	if by != r.leads.of && taken {
		r.onlyLeaders = false
	}
}

// steadily reports whether no task may be started again.
func (r *fleet) steadily() bool { return r.onlyLeaders || r.onlyCuts }

// calm reports whether faults have stopped.
func (r *fleet) calm() bool { return !r.w.now.Before(r.quiet) }

// nature lets late writes arrive, and leaders and nodes sleep and die; it cuts and
// stalls what is between them.
func (r *fleet) nature() {
	for {
		r.w.sleep(time.Duration(1+r.w.rnd.IntN(60)) * time.Millisecond)
		r.store.deliver()
		if l := r.leads; l != nil && !r.calm() && !r.onlyCuts && !r.onlyTasks {
			r.strike(l)
		}
		for i, n := range r.nodes {
			switch {
			case r.calm():
				r.store.faults, r.target.faults, n.tasks.fails = 0, 0, 0
			case r.onlyLeaders, r.onlyTasks:
				r.stall(n, 150*time.Millisecond)
			case r.onlyCuts:
				if n.wire != nil && r.w.chance(10) {
					n.wire.cut = true
				}
			default:
				r.hit(n)
				r.stall(n, 600*time.Millisecond)
			}
			if n.of.dead && (r.calm() || r.w.chance(5)) {
				r.nodes[i] = r.start(n.id)
			}
		}
	}
}

// strike lets something happen to a leader.
func (r *fleet) strike(l *leader) {
	switch r.w.rnd.IntN(120) {
	case 0, 1:
		l.of.dead = true
	case 2, 3:
		l.of.asleep = r.w.now.Add(r.nap())
	case 4:
		if !r.onlyLeaders {
			l.host.Post(coordinator.StopRequested{})
		}
	case 5, 6:
		if !r.onlyLeaders { // as a document first, which the next leader reads
			r.graph = graph(r.shape, 1+r.w.rnd.IntN(2), 1+r.w.rnd.IntN(3))
			if r.w.chance(3) {
				r.w.sleep(time.Duration(r.w.rnd.IntN(50)) * time.Millisecond)
			}
			l.host.Post(coordinator.RescaleRequested{Graph: r.graph})
		}
	}
	if r.gear != "" && r.w.chance(20) { // the document says so sooner or later
		to := job.Gears()[r.w.rnd.IntN(3)]
		if r.w.chance(2) {
			r.gear = to
			r.w.sleep(time.Duration(r.w.rnd.IntN(50)) * time.Millisecond)
		}
		l.host.Post(coordinator.Shift{To: to, Reason: "nature"})
		r.gear = to
		if r.w.chance(3) {
			r.w.sleep(time.Duration(r.w.rnd.IntN(100)) * time.Millisecond)
			l.of.dead = true
		}
	}
	if !r.onlyLeaders && r.w.chance(60) {
		r.store.away = r.w.now.Add(time.Duration(r.w.rnd.IntN(2000)) * time.Millisecond)
	}
}

// nap is how long a leader sleeps. When nothing but leaders may fail it is either
// too short for anybody to notice, or so long that another leads by then: one that
// has lost its nodes and still leads has to start the tasks anew.
func (r *fleet) nap() time.Duration {
	switch {
	case !r.onlyLeaders:
		return time.Duration(r.w.rnd.IntN(1500)) * time.Millisecond
	case r.w.chance(2):
		return time.Duration(r.w.rnd.IntN(150)) * time.Millisecond
	}
	return time.Duration(4000+r.w.rnd.IntN(1000)) * time.Millisecond
}

// hit lets something happen to a node.
func (r *fleet) hit(n *node) {
	switch r.w.rnd.IntN(240) {
	case 0:
		n.of.dead = true
	case 1, 2:
		n.of.asleep = r.w.now.Add(time.Duration(r.w.rnd.IntN(1000)) * time.Millisecond)
	case 3, 4:
		if n.wire != nil {
			n.wire.cut = true
		}
	}
}

// stall lets what is said to and by a node arrive late, now and then.
func (r *fleet) stall(n *node, most time.Duration) {
	if n.wire != nil && r.w.chance(20) && r.w.now.Sub(n.wire.stalled) > silence {
		n.wire.stalled = r.w.now.Add(time.Duration(r.w.rnd.Int64N(int64(most))))
	}
}

// elect starts a coordinator that leads, and another when it has died, seems to
// have, or for no reason.
func (r *fleet) elect() {
	for !r.finished {
		l := r.lead()
		patience := r.w.now.Add(time.Duration(300+r.w.rnd.IntN(3000)) * time.Millisecond)
		r.w.park(func() bool {
			given := !r.calm() && !r.onlyCuts && !r.onlyTasks && !r.w.now.Before(patience)
			return r.finished || l.over || l.of.gone() || given || l.of.wakes().Sub(r.w.now) > silence
		}, patience)
		r.w.sleep(time.Duration(r.w.rnd.IntN(100)) * time.Millisecond)
	}
}

// leader is a coordinator process: the real driver, and the real coordinator/cluster.
type leader struct {
	r       *fleet
	of      *process
	host    *host
	cluster *cluster.Cluster
	over    bool
}

// lead starts a coordinator that leads from now on.
func (r *fleet) lead() *leader {
	p := &process{name: fmt.Sprint("leader ", len(r.all)+1)}
	l := &leader{r: r, of: p, host: &host{w: r.w, of: p}}
	l.cluster = cluster.New(cluster.Options{
		Clock: clock{r.w}, Knows: func(job.ID) bool { return true }, Interval: beat, Timeout: silence,
		SlotTimeout: time.Minute, AdoptTimeout: 800 * time.Millisecond, Bugs: r.bugs,
	})
	l.cluster.Lead(uint64(len(r.all) + 1))
	r.leads, r.all = l, append(r.all, l)
	ctx, depose := context.WithCancelCause(context.Background())
	r.w.spawn(p, func() {
		r.w.parkFor(func() bool { return r.leads != l }) // it reads who leads now and then
		r.w.sleep(time.Duration(r.w.rnd.IntN(300)) * time.Millisecond)
		depose(coordinator.ErrSuspend)
	})
	r.w.spawn(p, func() { l.run(ctx) })
	return l
}

// run is what the process does.
func (l *leader) run(ctx context.Context) {
	tasks := l.cluster.Job(l.host, rpc.Start{})
	gears := coordinator.Gears{At: l.r.gear, Pipelined: tasks}
	if l.r.gear != "" {
		brief := &stages{w: l.r.w, of: l.of, store: l.r.store, table: l.r.target, bugs: l.r.bugs, pace: l.r.pace}
		gears.Launchers = map[job.Gear]coordinator.Launcher{job.Staged: brief, job.Functions: brief}
	}
	res, err := coordinator.RunGears(ctx, coordinator.Job{
		Graph: l.r.graph, Store: l.r.store, Restore: coordinator.Restore{Mode: coordinator.RestoreLatest}, Recover: l != l.r.all[0], ID: jobID,
		Connectors: l.r.connectors(), Settings: l.r.settings, NewID: l.r.newID,
	}, gears, l.host)
	if res.State != coordinator.Left {
		_ = tasks.Close()
	}
	l.r.w.sleep(10 * time.Millisecond) // what is said is sent
	l.over = true
	for _, x := range l.r.wires {
		if x.to == l.of {
			x.cut = true
		}
	}
	if err == nil && res.State == coordinator.Finished {
		l.r.finished = true
	}
}

// answer takes the call of a node.
func (l *leader) answer(x *wire) {
	l.r.w.spawn(l.of, func() {
		l.r.w.parkFor(func() bool { return len(x.up) > 0 && !l.r.w.now.Before(x.stalled) || x.cut || x.node.gone() })
		if len(x.up) == 0 {
			return
		}
		first := x.up[0]
		x.up = x.up[1:]
		m := l.cluster.Enter(x, *first.Register)
		listen(x, x.node, &x.up, func(said rpc.ToCoordinator) { m.Take(x, said) }, func() {})
		if number, away := m.Cut(x, errLost); away {
			l.r.w.sleep(grace)
			m.Lapse(number, errLost)
		}
	})
}

// watch sees what leaders send: an epoch that is confirmed is claimed, and stands.
func (r *fleet) watch(m rpc.ToWorker) {
	if m.Command == nil || m.Command.Confirm == nil || m.Command.Confirm.Epoch == 0 {
		return
	}
	e := m.Command.Confirm.Epoch
	data := r.store.objects[string(jobID)+"/"+checkpoint.ClaimFile(e)]
	if data == nil {
		return // it was confirmed before, and is retained no more
	}
	if doc, err := checkpoint.DecodeManifest("", data); err != nil || doc.Kind == checkpoint.Aborted {
		r.w.violate("epoch %d is confirmed, and not claimed", e)
	}
}

// clock is that of the world.
type clock struct{ w *world }

func (c clock) Now() time.Time { return c.w.now }

// After is not used by what runs here: a coroutine does not wait on a channel.
func (clock) After(time.Duration) <-chan time.Time { return nil }
