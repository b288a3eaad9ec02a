package checkpoint

import (
	"fmt"
	"hash/maphash"
	"testing"

	"github.com/wadi-engine/wadi/internal/mutant"
	"github.com/wadi-engine/wadi/stream"
)

// The model: a few processes that each carry out the real Takeover and
// Claiming machines, one operation at a time, in every order, over a store
// whose replies may be lost and whose writes may arrive late. Every epoch that
// a process claims moves the source by one row; the target must receive row 0,
// 1, 2, … once each (invariants E1 to E3 of the package comment), and nobody
// claims after a newer owner has begun (E4). A process that crashes is one
// that is never scheduled again, so crashes are in every order too.
const (
	processes = 3
	numbers   = 4 // epochs 1..numbers
	maxOwners = 6
	backlog   = 3
)

type modelDoc struct {
	owner Owner
	kind  Kind
	from  uint8 // first row of the epoch
	pend  [backlog]staged
}

type staged struct{ epoch, from uint8 }

type modelProcess struct {
	stage stage
	take  Takeover
	claim Claiming
	me    Owner
	next  uint8 // number to claim
	row   uint8 // next row to read
	pend  [backlog]staged
	// late is a write of this process that the network still holds.
	late     modelDoc
	lateAt   uint8
	mayLose  uint8 // replies that may still be lost
	restarts uint8
}

type stage uint8

const (
	unborn stage = iota
	taking
	running
	claiming
	stopped
)

type model struct {
	docs     [numbers + 1]modelDoc
	gens     [maxOwners]Owner
	terms    [maxOwners]Owner
	process  [processes]modelProcess
	recorded uint8 // highest epoch in the target
	rows     uint8 // rows in the target
	began    Owner // newest owner that has won its takeover
}

type explorer struct {
	bugs mutant.Set
	limits
	seen   map[uint64]struct{}
	seed   maphash.Seed
	broken string
}

// limits bound a search.
type limits struct {
	processes int
	numbers   uint8
	deletes   bool
	lose      uint8 // replies that the first process may lose
	restarts  uint8 // of the first process, within it
}

func (x *explorer) visit(m model) {
	if x.broken != "" {
		return
	}
	h := maphash.Comparable(x.seed, m)
	if _, ok := x.seen[h]; ok {
		return
	}
	x.seen[h] = struct{}{}
	for i := range m.process {
		x.moves(m, i)
	}
}

// moves tries everything that process i can do, or the network for it.
func (x *explorer) moves(m model, i int) {
	p := &m.process[i]
	if p.lateAt != 0 {
		n := m
		n.deliver(i)
		x.visit(n)
	}
	switch p.stage {
	case unborn:
		if i >= x.processes || i > 0 && m.process[i-1].stage == unborn {
			return // processes are alike: they are born in order
		}
		n := m
		n.begin(i, Takeover{Me: Owner{Nonce: string(rune('a' + i))}, NewTerm: true, NewGeneration: true, Bugs: x.bugs})
		x.visit(n)
	case taking:
		x.operate(m, i, p.take.Op(), func(n *model, r Reply) { n.took(i, p.take.Apply(r)) })
	case claiming:
		x.operate(m, i, p.claim.Op(), func(n *model, r Reply) { x.fail(n.claimed(i, p.claim.Apply(r))) })
	case running:
		x.decide(m, i)
	case stopped:
	}
}

// operate carries out op with every fate of request and reply.
func (x *explorer) operate(m model, i int, op Op, apply func(*model, Reply)) {
	n := m
	r := n.execute(i, op)
	apply(&n, r)
	x.visit(n)
	if m.process[i].mayLose == 0 || op.Verb != PutIfAbsent {
		return
	}
	n = m // the write takes place, the reply is lost
	n.process[i].mayLose--
	n.execute(i, op)
	apply(&n, Reply{})
	x.visit(n)
	if e, ok := epochOf(op.File); ok && m.process[i].lateAt == 0 {
		n = m // the write is held up, the reply is lost
		n.process[i].mayLose--
		n.process[i].late, n.process[i].lateAt = n.document(i), uint8(e)
		apply(&n, Reply{})
		x.visit(n)
	}
}

// decide lets a running process claim, abort, publish, restart or delete.
func (x *explorer) decide(m model, i int) {
	p := m.process[i]
	if p.next <= x.numbers && p.pend[backlog-1].epoch == 0 {
		for _, kind := range []Kind{Complete, Aborted} {
			n := m
			n.process[i].stage = claiming
			n.process[i].claim = Claiming{Me: p.me, Epoch: stream.Epoch(p.next), Kind: kind, Bugs: x.bugs}
			x.visit(n)
		}
	}
	if p.pend[0].epoch != 0 {
		n := m
		x.fail(n.publish(i))
		x.visit(n)
	}
	if p.restarts > 0 {
		n := m
		n.process[i].restarts--
		n.begin(i, Takeover{Me: p.me, NewGeneration: true, Bugs: x.bugs})
		x.visit(n)
	}
	if x.deletes && p.pend[0].epoch == 0 {
		n := m
		newest := n.newest()
		for e := uint8(1); e < newest; e++ {
			n.docs[e] = modelDoc{}
		}
		x.visit(n)
	}
}

func (x *explorer) fail(reason string) {
	if x.broken == "" {
		x.broken = reason
	}
}

func (m *model) begin(i int, t Takeover) {
	for n := range maxOwners {
		if m.gens[n].Nonce != "" {
			t.LastGeneration = Generation(n)
		}
		if m.terms[n].Nonce != "" {
			t.LastTerm = Term(n)
		}
	}
	m.process[i].stage, m.process[i].take = taking, t.Begin()
	m.settle(i)
}

func (m *model) took(i int, t Takeover) {
	m.process[i].take = t
	m.settle(i)
}

// settle restores the newest checkpoint once the takeover has won.
func (m *model) settle(i int) {
	p := &m.process[i]
	switch p.take.Outcome() {
	case Fenced:
		*p = modelProcess{stage: stopped, late: p.late, lateAt: p.lateAt}
	case Won:
		p.stage, p.me, p.next = running, p.take.Me, uint8(p.take.Number()+1)
		p.row, p.pend = 0, [backlog]staged{}
		if e := m.newest(); e > 0 {
			p.row, p.pend = m.docs[e].from+1, m.docs[e].pend
		}
		p.take = Takeover{}
		if p.me.Fences(m.began) {
			m.began = p.me
		}
	case Open, Taken:
		if p.take.Number() > numbers {
			*p = modelProcess{stage: stopped}
		}
	}
}

// newest is the newest checkpoint above the newest gap.
func (m *model) newest() uint8 {
	e := uint8(numbers)
	for e > 0 && m.docs[e].kind == "" {
		e--
	}
	for e > 0 && m.docs[e].kind == Aborted {
		e--
	}
	return e
}

// document is what process i writes to claim a number.
func (m *model) document(i int) modelDoc {
	p := &m.process[i]
	if p.stage == taking {
		return modelDoc{owner: p.take.Me, kind: Aborted}
	}
	d := modelDoc{owner: p.me, kind: p.claim.Kind, from: p.row}
	if d.kind == Complete {
		d.pend = add(p.pend, staged{p.next, p.row})
	}
	return d
}

func add(pend [backlog]staged, s staged) [backlog]staged {
	for i := range pend {
		if pend[i].epoch == 0 {
			pend[i] = s
			return pend
		}
	}
	panic("backlog is full")
}

func (m *model) execute(i int, op Op) Reply {
	if op.Verb == List {
		r := Reply{OK: true}
		for e, d := range m.docs {
			if d.kind != "" {
				r.Newest = stream.Epoch(e)
			}
		}
		return r
	}
	if e, ok := epochOf(op.File); ok {
		if op.Verb == Get {
			d := m.docs[e]
			return Reply{OK: true, Found: d.kind != "", Owner: d.owner, Kind: d.kind}
		}
		if m.docs[e].kind != "" {
			return Reply{OK: true, Found: true}
		}
		m.docs[e] = m.document(i)
		return Reply{OK: true}
	}
	of, me := &m.gens, m.process[i].take.Me
	n, ok := numbered(op.File, generations)
	if !ok {
		n, _ = numbered(op.File, terms)
		of = &m.terms
		me.Generation = 0
	}
	there := of[n]
	if op.Verb == PutIfAbsent && there.Nonce == "" {
		of[n] = me
		return Reply{OK: true}
	}
	return Reply{OK: true, Found: there.Nonce != "", Owner: there}
}

func (m *model) deliver(i int) {
	p := &m.process[i]
	if m.docs[p.lateAt].kind == "" {
		m.docs[p.lateAt] = p.late
	}
	p.late, p.lateAt = modelDoc{}, 0
}

func (m *model) claimed(i int, c Claiming) (broken string) {
	p := &m.process[i]
	p.claim = c
	switch c.Outcome() {
	case Open:
		return ""
	case Taken, Fenced:
		*p = modelProcess{stage: stopped, late: p.late, lateAt: p.lateAt}
		return ""
	case Won:
	}
	if c.Standing() == Complete {
		if m.began.Fences(p.me) && m.docs[c.Epoch].owner != p.me {
			broken = fmt.Sprintf("E4: %v claims epoch %d after %v has begun", p.me, c.Epoch, m.began)
		}
		p.pend = add(p.pend, staged{p.next, p.row})
		p.row++
	}
	p.stage, p.claim = running, Claiming{}
	p.next++
	return broken
}

// publish gives the target everything that p holds; the target skips what it
// has recorded.
func (m *model) publish(i int) (broken string) {
	p := &m.process[i]
	for _, s := range p.pend {
		if s.epoch <= m.recorded {
			continue
		}
		if s.from != m.rows {
			return fmt.Sprintf("E1–E3: %v publishes epoch %d with row %d, the target has %d rows", p.me, s.epoch, s.from, m.rows)
		}
		m.recorded, m.rows = s.epoch, s.from+1
	}
	p.pend = [backlog]staged{}
	return ""
}

func explore(bugs mutant.Set, l limits) *explorer {
	x := &explorer{bugs: bugs, limits: l, seen: map[uint64]struct{}{}, seed: maphash.MakeSeed()}
	var m model
	m.process[0].mayLose, m.process[0].restarts = l.lose, l.restarts
	x.visit(m)
	return x
}

func TestModel(t *testing.T) {
	for _, l := range []limits{
		{processes: 2, numbers: 4, deletes: true, lose: 2, restarts: 1},
		{processes: 3, numbers: 3, deletes: true},
	} {
		x := explore(mutant.Set{}, l)
		if x.broken != "" {
			t.Errorf("%+v: %s", l, x.broken)
		}
		t.Logf("%+v: %d states", l, len(x.seen))
	}
}

func TestModelFindsBugs(t *testing.T) {
	for name, bugs := range map[string]mutant.Set{
		"no fence":        {NoFence: true},
		"no verify":       {NoVerify: true},
		"lost claim won":  {LostClaimWon: true},
		"same generation": {SameGeneration: true},
	} {
		l := limits{processes: 2, numbers: 4, deletes: true, lose: 1, restarts: 1}
		if x := explore(bugs, l); x.broken == "" {
			t.Errorf("%s: not found in %d states", name, len(x.seen))
		} else {
			t.Logf("%s: %s after %d states", name, x.broken, len(x.seen))
		}
	}
}
