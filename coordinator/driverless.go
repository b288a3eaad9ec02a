package coordinator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/stage"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/job/cost"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// A driverless job has no process between two epochs, and none of those that run
// one leads it: whoever is asked to looks how far it is, and goes on from there.
//
//	find the newest claim n-1 ─► is there a plan of n?
//	  no:  ask the sources, freeze them, and create the plan
//	  yes: the sources are as the plan says
//	then, for both:
//	  run the stages in turn ─► claim n ─► publish ─► delete the plan
//
// It is the driver of every job, and the same Step, that does so; a plan that is
// there takes the place of the enumerators. The stages run by a Launcher, which
// may say stage.ErrElsewhere: their tasks go on by themselves, and the last of a stage
// asks again. Then it finds their results.
//
// Why many may do so at once:
//
//	D1. A plan counts if its number is not claimed when it is at hand.
//	D2. A task has one result, as the first to create it says.
//	D3. Who finds the number claimed for the plan takes the claim that stands for
//	    its own.
//	D4. Who claims the number looks whether the plan still stands: it is deleted
//	    behind the epoch, and old claims are deleted, too.
//	D5. An epoch that cannot be run is left by a new generation, which claims its
//	    number as aborted.

// Driverless is how an epoch of such a job is run.
type Driverless struct {
	// Lead is whose the job is, as Deploy has said.
	Lead checkpoint.Owner
	// Waves runs the stages of an epoch, and Here those of one that is Fused.
	Waves, Here Launcher
	// Shape decides about a plan that is to be fixed: it may change Fused and the
	// stages' Rows, Wait and Beside, and say that there is not enough for an epoch. nil
	// leaves it as it is.
	Shape func(*Plan, Waiting) bool
	// Host is called for each try.
	Host func() Host
	// Finish says that no epoch is planned: what is open is finished.
	Finish bool
	// Joins says that this call has a part in the epoch that is open. Others leave it
	// alone while there are signs of life in it: none for Patience means that whoever
	// ran it has gone. 0 means half a minute.
	Joins    bool
	Patience time.Duration
	// Attempts is how many may try an epoch that is Fused before it is left; 0 means
	// any number.
	Attempts int
}

// Waiting is what is known of rows that nobody has read yet.
type Waiting struct {
	// Rows is about how many there are; when that is not Known there are some.
	Rows  int64
	Known bool
	// Since is for how long they may have been there: the time since the last epoch.
	Since time.Duration
	// Failures is how often the epoch has failed in this call.
	Failures int
}

// Passed is what has come of a call of RunEpoch.
type Passed struct {
	Result
	// Open says that the epoch goes on elsewhere.
	Open bool
	// Made says that this call has planned it; otherwise it was open already.
	Made bool
	// Idle says that there was nothing to do.
	Idle bool
	// Epoch is its number, and Fused says that all of it runs in one invocation.
	Epoch stream.Epoch
	Fused bool
	// Ran are the stages that have run, in order; those that ran before, too.
	Ran []Ran
}

// Ran is a stage of an epoch that has ended.
type Ran struct {
	Source bool
	// Rows is what each source task was allowed. Cut says that they had not read as far
	// as was planned when their time was over.
	Rows int64
	Cut  bool
	// Out is the rows that all tasks have sent, Most those of the one with the most that
	// it has read or sent; Took is how long the slowest of them has taken.
	Out, Most int64
	Took      time.Duration
	// Usage is what they have used elsewhere.
	Usage cost.Usage
}

// More reports whether a source task has read all that it was allowed, or for as long:
// there may be rows that the epoch had no room for.
func (p Passed) More() bool {
	for _, r := range p.Ran {
		if r.Source && (r.Cut || r.Rows > 0 && r.Most >= r.Rows) {
			return true
		}
	}
	return false
}

// Deploy makes the job, or goes on with one as Restore says, and takes it from
// whoever runs it: the owner that it returns is the Lead of its epochs. Everything
// that can be refused is refused here.
func Deploy(ctx context.Context, j Job, h Host) (checkpoint.Owner, job.ID, error) {
	d := &driver{Job: logged(j), host: h, gear: job.Functions, lone: &lone{}}
	graph := *d.Graph
	d.Graph, d.io = &graph, ctx
	defer d.close()
	finished, err := d.open(ctx)
	if err != nil {
		return checkpoint.Owner{}, "", err
	}
	if finished != nil {
		return checkpoint.Owner{}, "", fmt.Errorf("%w: the job %q has finished", job.ErrInvalid, d.Graph.Name)
	}
	f, err := d.keeper.Load(ctx, nil)
	if err != nil {
		return checkpoint.Owner{}, "", err
	}
	me, _, err := d.keeper.TakeOver(ctx, checkpoint.Takeover{
		Me: checkpoint.Owner{Nonce: d.nonce}, NewTerm: true, NewGeneration: true, LastTerm: f.Term, LastGeneration: f.Generation,
	})
	return me, d.id, err
}

// aWhile is how long source tasks read of a source that does not end, at most, when
// nothing is set.
const aWhile = time.Minute

// mostTries is how often a run of an epoch begins anew since another was faster.
const mostTries = 10

// RunEpoch brings a driverless job on by an epoch: the one that is open, or a new
// one of what there is to read. It is job.ErrFenced when the job is another's.
//
// An epoch that fails is left, and run again under a new number, as the restart
// strategy allows. At the end of ctx it is left to who asks next. Neither is the end
// of the job, so that its checkpoints stay whatever is set for that.
func RunEpoch(ctx context.Context, j Job, o Driverless) (Passed, error) {
	life, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() { cancel(ErrSuspend) })()
	ctx = life
	j = logged(j)
	wait := cmp.Or(j.Settings.Interval, aWhile)
	j.Settings.Once, j.Settings.Interval, j.Settings.Retention, j.Recover = true, 0, RetainOnCancellation, false
	for n := 1; ; n++ {
		h := o.Host()
		l := &lone{Driverless: o}
		d := &driver{Job: j, host: h, gear: job.Functions, life: context.WithoutCancel(ctx), lone: l}
		l.stages = d.stages(o.Waves)
		l.stages.lone, l.stages.wait = l, wait
		d.worker, d.workers = l.stages, map[job.Gear]Worker{job.Functions: l.stages}
		res, err := d.run(ctx)
		if err != nil {
			return Passed{}, err
		}
		if !l.other && res.State != Fenced || n == mostTries || ctx.Err() != nil {
			return l.passed(res), fencedBy(res)
		}
	}
}

func fencedBy(r Result) error {
	if r.State == Fenced {
		return r.Err
	}
	return nil
}

func (l *lone) passed(r Result) Passed {
	p := Passed{Result: r, Open: l.elsewhere, Made: l.mine, Idle: l.idle || l.plan == nil && r.State == Stopped, Ran: l.ran}
	if l.plan != nil {
		p.Epoch, p.Fused = l.plan.Epoch, l.plan.Fused
	}
	return p
}

// lone is a run of an epoch of a driverless job.
type lone struct {
	Driverless
	stages *stages

	plan      *Plan // of the attempt, once it is fixed
	mine      bool  // the plan was made by this run
	other     bool  // another was faster: the run begins anew
	elsewhere bool  // the stages go on by themselves
	idle      bool  // there was nothing to do
	ran       []Ran
}

// leave ends the run, and says nothing to anybody.
type leave struct{ why error }

// left is carried out in the loop.
func (d *driver) left(l leave) {
	d.lone.other, d.lone.elsewhere, d.lone.idle = errors.Is(l.why, errOther), errors.Is(l.why, stage.ErrElsewhere), errors.Is(l.why, errIdle)
	d.result = &Result{State: Left, Resumable: true, Took: d.host.Now().Sub(d.state.started)}
	if d.state.manifest != nil {
		d.result.Epoch = d.state.manifest.Epoch
	}
}

// resume finds what to go on from, in place of taking the job over.
func (d *driver) resume(ctx context.Context, b *Begun) error {
	facts, err := d.keeper.Load(ctx, nil)
	if err != nil {
		return err
	}
	lead := d.lone.Lead
	b.Owner = checkpoint.Owner{Generation: facts.Generation, Term: lead.Term, Nonce: lead.Nonce}
	if facts.Term > lead.Term {
		return fmt.Errorf("%w: job %s was taken over by another process, or deployed again", job.ErrFenced, d.id)
	}
	if !standsFor(facts, b.Owner) { // a generation was taken, and its taker has gone
		if b.Owner, b.Number, err = d.keeper.TakeOver(ctx, checkpoint.Takeover{Me: b.Owner}); err != nil {
			return err
		}
		if facts, err = d.keeper.Load(ctx, nil); err != nil {
			return err
		}
	}
	b.Number = facts.Epoch + 1
	p, err := readPlan(ctx, d.keeper, b.Number, d.Graph)
	if err != nil {
		return err
	}
	d.lone.plan = nil
	b.Owner.Nonce = d.NewID()
	if p != nil {
		if err := p.open(ctx, d.keeper); err != nil { // D1
			return err
		}
		d.lone.plan, b.Owner = p, p.Owner
		if err := d.alive(ctx); err != nil {
			return err
		}
		if err := d.tried(ctx); err != nil {
			return err
		}
	}
	return d.goOn(ctx, facts, b)
}

// standsFor reports whether the newest claim is by the owner's generation.
func standsFor(f checkpoint.Facts, me checkpoint.Owner) bool {
	if len(f.Claims) == 0 || f.Claims[0].Manifest == nil {
		return len(f.Claims) > 0
	}
	by := f.Claims[0].Manifest.Owner
	return by.Generation == me.Generation && by.Term == me.Term
}

// planned stands for the enumerators when the plan is fixed, and when there is to
// be none: then it has nothing, now.
type planned struct{ done bool }

func (p planned) Discover(context.Context) (bool, error) { return p.done, nil }
func (planned) Take(int, int, int) []ops.Split           { return nil }
func (planned) Return([]ops.Split)                       {}
func (planned) Snapshot() ([]byte, error)                { return nil, nil }
func (planned) Close() error                             { return nil }

// fix makes the plan of the epoch for which the sources are frozen, unless it is
// there, and posts what they hold by it.
func (d *driver) fix(f Frozen) {
	if p := d.lone.plan; p != nil {
		f.Sources, f.Err = p.Sources, nil
		d.keepAlive(p.Epoch)
		d.host.Post(f)
		return
	}
	p := &Plan{Owner: d.state.owner, Epoch: f.Epoch, Sources: f.Sources, Made: d.now()}
	if d.state.manifest != nil {
		p.Parent = d.state.manifest.Epoch
	}
	if f.Err == nil {
		p.Stages, f.Err = d.lone.stages.running.specs(f.Epoch)
	}
	if f.Err != nil {
		d.host.Post(f)
		return
	}
	w := Waiting{Known: true, Failures: d.state.total}
	if m := d.state.manifest; m != nil {
		w.Since = time.Duration(p.Made-m.Created) * time.Millisecond
	}
	idle, sources := !d.state.ticks(d.host.Now()), d.state.plan.sources
	d.host.Go(func() {
		err := d.measure(p, sources, &w)
		if err == nil && (idle && w.Known && w.Rows == 0 || d.lone.Shape != nil && !d.lone.Shape(p, w)) {
			err = errIdle
		}
		if err == nil {
			err = p.fix(d.io, d.keeper)
		}
		if errors.Is(err, errOther) || errors.Is(err, errIdle) {
			d.host.Post(leave{err})
			return
		}
		if f.Err = err; err == nil {
			d.lone.plan, d.lone.mine = p, true
			d.keepAlive(p.Epoch)
		}
		d.host.Post(f)
	})
}

// errIdle says that there is nothing to do.
var errIdle = errors.New("there is nothing to do")

// measure finds out how many rows wait, and up to where sources that do not end are
// read. It runs beside the loop.
func (d *driver) measure(p *Plan, sources []sourcePlan, w *Waiting) error {
	for i := range p.Stages {
		s := &p.Stages[i]
		at := slices.IndexFunc(sources, func(x sourcePlan) bool { return x.vertex == s.Tasks[0].Task.Vertex })
		if at < 0 {
			continue
		}
		m, ok := d.sources[at].enum.(ops.Measuring)
		if w.Known = w.Known && !s.NoMore && (ok || len(s.Splits) == 0); !ok {
			continue
		}
		until, rows, err := untilNow(d.io, m, s.Splits)
		if err != nil {
			return fmt.Errorf("look how far source %s can be read: %w", d.sources[at].uid, err)
		}
		s.Until, w.Rows = until, w.Rows+rows
	}
	return nil
}

// claim claims a number for the plan.
func (d *driver) claim(m *checkpoint.Manifest) any {
	kind, err := d.keeper.Claim(d.io, m)
	c := Claimed{Epoch: m.Epoch, Kind: kind, Err: err}
	if d.lone == nil || err != nil || kind == checkpoint.Aborted {
		return c
	}
	if c.Standing, c.Err = d.keeper.Claimed(d.io, m.Epoch); c.Err == nil { // D3
		c.Err = d.lone.plan.stands(d.io, d.keeper) // D4
	}
	if errors.Is(c.Err, errOther) {
		return leave{c.Err}
	}
	return c
}

// tidy deletes the plan and the channels of the epochs that are over, and leaves
// one that could not be run.
func (d *driver) tidy(ctx context.Context, r Result) {
	switch {
	case d.state.plan != nil && (r.State == Stopped || r.State == Finished):
		d.lone.stages.sweep(ctx, d.id, d.state.next-1)
	case d.hopeless(r): // D5
		me := d.state.owner
		me.Nonce = d.nonce
		if _, _, err := d.keeper.TakeOver(ctx, checkpoint.Takeover{Me: me, NewGeneration: true, LastGeneration: me.Generation}); err != nil {
			d.Log.Warn("an epoch that failed is not left", slog.Uint64("epoch", uint64(d.lone.plan.Epoch)), slog.Any("error", err))
		}
	}
}

// hopeless reports whether the plan at hand will never succeed: it has failed, or has
// taken too long where it would have to begin anew.
func (d *driver) hopeless(r Result) bool {
	if d.lone.plan == nil || d.state.owner.Generation == 0 {
		return false
	}
	return r.State == Failed || d.lone.plan.Fused && errors.Is(r.Err, ErrSuspend)
}

// note keeps what a stage has done.
func (l *lone) note(s stage.Spec, r stage.Result) {
	head := s.Tasks[0].Task.Vertex
	ran := Ran{Source: s.Graph.Vertices[head].Kind == job.KindSource, Rows: s.Rows, Took: r.Took, Usage: r.Usage}
	ran.Cut = s.Wait > 0 && len(s.Until) > 0 && r.Took >= s.Wait
	for _, c := range r.Counts {
		if c.Vertex != head {
			continue
		}
		ran.Out += c.Out
		ran.Most = max(ran.Most, c.In, c.Out)
	}
	l.ran = append(l.ran, ran)
}
