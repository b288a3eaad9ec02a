package coordinator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/logs"
	"github.com/wadi-engine/wadi/engine/stage"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// Restore says what a job begins with.
type Restore struct {
	Mode RestoreMode
	// Of RestorePath: Path is what people call the checkpoint or savepoint, Folder
	// its folder, and From the directory that has the folder; when it is nil, Path
	// is "<job id>/chk-<n>", below the checkpoint directory.
	Path   string
	Folder string
	From   checkpoint.Store
	// Claim says that a savepoint becomes the job's own: it is removed when all of
	// it is copied.
	Claim bool
}

// RestoreMode says how a job's name and its checkpoints are used.
type RestoreMode uint8

const (
	// RestoreRefuse starts fresh unless there is an unfinished job of this name.
	RestoreRefuse RestoreMode = iota
	// RestoreNone starts fresh; an unfinished job of this name is left behind.
	RestoreNone
	// RestoreLatest goes on with the newest job of this name: from its newest
	// checkpoint, fresh when it has none, not at all when it has finished.
	RestoreLatest
	// RestorePath starts a new job from a checkpoint of any job, or a savepoint.
	RestorePath
)

// ErrUnfinished is what RestoreRefuse meets. It is job.ErrInvalid.
var ErrUnfinished = fmt.Errorf("%w: there is an unfinished job", job.ErrInvalid)

// open finds the job, or makes one, and opens its sources and sinks. finished
// is not nil when there is nothing left to do.
func (d *driver) open(ctx context.Context) (finished *Result, err error) {
	d.nonce = d.NewID()
	if d.lone != nil && d.lone.Lead.Nonce != "" {
		d.nonce = d.lone.Lead.Nonce
	}
	if err := d.openSources(ctx); err != nil {
		return nil, err
	}
	if d.lone != nil && d.lone.Lead.Term > 0 {
		if d.bounded() {
			d.lone.stages.wait = 0 // they are read to their end
		}
		d.id = d.ID
		d.logID()
		d.keeper = d.keeperOf(d.id)
		return nil, d.openSinks(ctx)
	}
	if err := d.pace(); err != nil && d.lone == nil {
		return nil, err
	}
	if d.Store == nil {
		d.id = d.freshID()
		d.logID()
		return nil, d.openSinks(ctx)
	}
	if finished, err = d.identify(ctx); err != nil || finished != nil {
		return finished, err
	}
	d.logID()
	d.keeper = d.keeperOf(d.id)
	if d.Restore.Mode == RestorePath {
		if err := d.fork(ctx); err != nil {
			return nil, err
		}
	}
	return nil, d.openSinks(ctx)
}

// logID puts the id of the job on what is logged of it.
func (d *driver) logID() {
	d.Log = d.Log.With(slog.String(logs.Job, string(d.id)))
	for _, w := range d.workers {
		if s, ok := w.(*stages); ok {
			s.log = d.Log
		}
	}
}

// freshID is the id of a job that starts fresh.
func (d *driver) freshID() job.ID {
	if d.ID != "" {
		return d.ID
	}
	return job.ID(d.NewID())
}

func (d *driver) keeperOf(id job.ID) checkpoint.Keeper {
	return checkpoint.Keeper{
		Store: checkpoint.Sub(d.Store, checkpoint.JobDir(id)), Job: id, Now: d.now, Pause: d.pause, Bugs: d.Settings.Bugs,
	}
}

// begun reports whether the job of the given ID has run before.
func (d *driver) begun(ctx context.Context) (bool, error) {
	if !d.Recover || d.ID == "" {
		return false, nil
	}
	f, err := d.keeperOf(d.ID).Load(ctx, nil)
	return f.Generation > 0, err
}

// identify finds the job by its name, or claims the name for a new one.
func (d *driver) identify(ctx context.Context) (*Result, error) {
	begun, err := d.begun(ctx)
	if err != nil {
		return nil, err
	}
	if begun {
		d.id, d.Restore = d.ID, Restore{Mode: RestoreLatest}
		return nil, nil
	}
	names := checkpoint.Names{Store: d.Store, Now: d.now, Pause: d.pause}
	id, number, err := names.Newest(ctx, d.Graph.Name)
	if err != nil {
		return nil, err
	}
	if number > 0 && (d.Restore.Mode == RestoreRefuse || d.Restore.Mode == RestoreLatest) {
		f, err := d.keeperOf(id).Load(ctx, nil)
		if err != nil {
			return nil, err
		}
		done, finished := checkpoint.Decide(checkpoint.Owner{}, f).(checkpoint.Done)
		switch {
		case finished && done.Terminal.Discarded && done.Terminal.State != checkpoint.Finished:
			d.Log.Info("the checkpoints of the last job of this name were deleted at its end", slog.String("name", d.Graph.Name), slog.String("job", string(id)))
			d.id = d.freshID()
			return nil, names.Claim(ctx, d.Graph.Name, number+1, d.id, d.nonce)
		case d.Restore.Mode == RestoreLatest && finished:
			d.Log.Info("the job has finished", slog.String("job", string(id)), slog.String("name", d.Graph.Name))
			return &Result{State: Finished, Epoch: done.Terminal.Epoch, Restored: done.Terminal.Epoch}, nil
		case d.Restore.Mode == RestoreLatest:
			d.id = id
			return nil, nil
		case !finished:
			return nil, fmt.Errorf("%w named %q (%s, at epoch %d): restore latest to go on with it, or none to start fresh",
				ErrUnfinished, d.Graph.Name, id, f.Epoch)
		}
	}
	if d.Restore.Mode == RestoreLatest {
		d.Log.Info("no job of this name was found; it starts fresh", slog.String("name", d.Graph.Name))
	}
	d.id = d.freshID()
	return nil, names.Claim(ctx, d.Graph.Name, number+1, d.id, d.nonce)
}

func (d *driver) openSources(ctx context.Context) error {
	for _, c := range d.Graph.Chains() {
		v := d.Graph.Vertices[c.Head()]
		if v.Kind != job.KindSource {
			continue
		}
		config, err := ops.DecodeConfig[ops.SourceConfig](v)
		if err != nil {
			return err
		}
		con, err := d.Connectors.Connector(config.Scan.Table.Connector)
		if err != nil {
			return err
		}
		if con.Source == nil {
			return fmt.Errorf("%w: connector %q cannot be read from", job.ErrInvalid, con.Name)
		}
		s, err := con.Source(ctx, config.Scan)
		if err != nil {
			return fmt.Errorf("open %s: %w", v.Name, err)
		}
		d.sources = append(d.sources, &source{Source: s, uid: v.UID})
	}
	return nil
}

// openSinks opens the committers of the sinks that have one.
func (d *driver) openSinks(ctx context.Context) error {
	for _, v := range d.Graph.Vertices {
		if v.Kind != job.KindSink {
			continue
		}
		config, err := ops.DecodeConfig[ops.SinkConfig](v)
		if err != nil {
			return err
		}
		con, err := d.Connectors.Connector(config.Table.Connector)
		if err != nil {
			return err
		}
		if con.Sink == nil {
			return fmt.Errorf("%w: connector %q cannot be written to", job.ErrInvalid, con.Name)
		}
		s, err := con.Sink(ctx, config.Table)
		if err != nil {
			return fmt.Errorf("open %s: %w", v.Name, err)
		}
		if err := d.checkPace(s); err != nil {
			return fmt.Errorf("open %s: %w", v.Name, err)
		}
		c, err := s.Committer(ctx, ops.SinkID{Job: string(d.id), Sink: v.UID})
		if err != nil {
			return fmt.Errorf("open %s: %w", v.Name, err)
		}
		if c != nil {
			d.sinks = append(d.sinks, committer{v.UID, c})
		}
	}
	return nil
}

// checkPace asks a sink about the interval of checkpoints.
func (d *driver) checkPace(s ops.Sink) error {
	p, ok := s.(ops.Paced)
	if !ok || d.Store == nil {
		return nil
	}
	settings := d.Settings.withDefaults()
	advice, err := p.Paced(settings.Interval, settings.Timeout)
	if advice != "" {
		d.Log.Warn("checkpoints and transactions", slog.String("advice", advice))
	}
	return err
}

// begin carries out Begin: the enumerators of the last attempt are closed
// behind what is still being done with them, then the job is taken over, read
// and laid out.
func (d *driver) begin(a Begin) {
	idle := len(d.sources)
	start := func() {
		d.host.Go(func() {
			b := d.takeOver(d.io, a)
			if errors.Is(b.Err, errOther) || errors.Is(b.Err, stage.ErrElsewhere) {
				d.host.Post(leave{b.Err})
				return
			}
			d.host.Post(b)
		})
	}
	if idle == 0 {
		start()
	}
	for _, s := range d.sources {
		d.enqueue(s, func() any {
			d.closeEnumerator(s)
			return func() any {
				if idle--; idle == 0 {
					start()
				}
				return nil
			}
		})
	}
}

func (d *driver) takeOver(ctx context.Context, a Begin) Begun {
	if b, ok := d.adopt(ctx, a); ok {
		return b
	}
	var b Begun
	if d.Store == nil {
		b.Owner, b.Number = checkpoint.Owner{Generation: 1, Term: 1, Nonce: d.nonce}, 1
	} else if d.lone != nil && a.First {
		b.Err = d.resume(ctx, &b)
	} else {
		b.Err = d.own(ctx, a, &b)
	}
	if b.Err != nil || b.Finished {
		return b
	}
	if m := b.Manifest; m != nil {
		if d.Graph.KeyGroups != m.KeyGroups {
			d.Log.Info("the number of key groups is that of the first start", slog.Int("key_groups", m.KeyGroups))
			d.Graph.KeyGroups = m.KeyGroups
		}
	}
	b.Layout, b.Err = checkpoint.Redistribute(b.Manifest, d.Graph, checkpoint.RedistributeOptions{
		AllowNonRestored: d.AllowNonRestored, Again: a.Gear.Brief(), Bugs: d.Settings.Bugs,
	})
	if b.Err == nil {
		b.Err = d.recover(ctx, b.Owner.Generation, b.Manifest)
	}
	if b.Err == nil {
		b.Err = d.openEnumerators(ctx, b)
	}
	return b
}

// recover lets sinks begin with what the checkpoint holds of them.
func (d *driver) recover(ctx context.Context, g checkpoint.Generation, m *checkpoint.Manifest) error {
	if m != nil && !d.AllowNonRestored {
		if err := d.unpublishable(m); err != nil {
			return err
		}
	}
	for _, s := range d.sinks {
		r, ok := s.Committer.(ops.Recovering)
		if !ok {
			continue
		}
		recovery := ops.Recovery{Generation: uint64(g)}
		if m != nil {
			recovery.Pending = m.Pending[s.uid]
		}
		if err := r.Recover(ctx, recovery); err != nil {
			return fmt.Errorf("publish the rows of sink %s: %w", s.uid, err)
		}
	}
	return nil
}

// unpublishable refuses rows of a sink that was told to publish at once meanwhile: it
// has no committer that could publish what it had staged.
func (d *driver) unpublishable(m *checkpoint.Manifest) error {
	for _, uid := range slices.Sorted(maps.Keys(m.Pending)) {
		if len(m.Pending[uid]) > 0 && !slices.ContainsFunc(d.sinks, func(c committer) bool { return c.uid == uid }) {
			return fmt.Errorf("%w: the checkpoint holds rows of %s that may not be published yet, and the sink's options say now that it does not publish by checkpoints (such as 'sink.delivery-guarantee'): "+
				"restore it once as it was and stop it with a savepoint, or leave the rows behind with --allow-non-restored-state (execution.state-recovery.ignore-unclaimed-state=true)", job.ErrInvalid, uid)
		}
	}
	return nil
}

// own takes the job over and finds the checkpoint to go on from.
func (d *driver) own(ctx context.Context, a Begin, b *Begun) error {
	facts, err := d.keeper.Load(ctx, a.Unusable)
	if err != nil {
		return err
	}
	me := a.Me
	me.Nonce = d.nonce
	owner, number, err := d.keeper.TakeOver(ctx, checkpoint.Takeover{
		Me: me, NewTerm: a.First, NewGeneration: true, LastTerm: facts.Term, LastGeneration: facts.Generation,
	})
	if err != nil {
		return err
	}
	b.Owner, b.Number = owner, number+1
	if facts, err = d.keeper.Load(ctx, a.Unusable); err != nil {
		return err
	}
	if d.lone != nil { // the next plan is another's than that which failed
		d.lone.plan, b.Owner.Nonce = nil, d.NewID()
	}
	return d.goOn(ctx, facts, b)
}

// goOn finds the checkpoint to go on from in what is known of the job, which is
// b.Owner's.
func (d *driver) goOn(ctx context.Context, facts checkpoint.Facts, b *Begun) (err error) {
	decision := checkpoint.Decide(b.Owner, facts)
	if _, ask := decision.(checkpoint.AskSinks); ask {
		if facts.Published, err = d.published(ctx); err != nil {
			return err
		}
		decision = checkpoint.Decide(b.Owner, facts)
	}
	switch c := decision.(type) {
	case checkpoint.StartFresh:
	case checkpoint.Restore:
		b.Manifest = c.Manifest
		if d.Settings.Bugs.RestoreStale {
			b.Manifest = d.stale(ctx, c.Manifest)
		}
		if len(c.Skipped) > 0 {
			d.Log.Warn("a damaged checkpoint is passed over", slog.Uint64("epoch", uint64(c.Skipped[0].Epoch)),
				slog.Uint64("restored", uint64(c.Manifest.Epoch)), slog.Any("error", c.Skipped[0].Err))
		}
	case checkpoint.Done:
		b.Finished = true
		return nil
	case checkpoint.StepDown:
		return fmt.Errorf("%w: generation %d of job %s runs elsewhere", job.ErrFenced, c.To.Generation, d.id)
	case checkpoint.Refuse:
		return c.Err
	case checkpoint.AskSinks:
		panic("the sinks were asked")
	}
	return d.sweep(ctx, b)
}

// stale is the checkpoint before m, for a bug that tests switch on.
func (d *driver) stale(ctx context.Context, m *checkpoint.Manifest) *checkpoint.Manifest {
	data, err := d.keeper.Store.Get(ctx, checkpoint.ClaimFile(m.Parent))
	if err != nil {
		return m
	}
	old, err := checkpoint.DecodeManifest("", data)
	if err != nil {
		return m
	}
	return old
}

// sweep finds what retention must know, and deletes what nobody references.
func (d *driver) sweep(ctx context.Context, b *Begun) error {
	claims, runs, complete, err := d.keeper.Standing(ctx)
	if err != nil {
		return err
	}
	if len(claims) > 0 && claims[len(claims)-1].Epoch >= b.Number {
		if d.lone != nil {
			return errOther
		}
		return fmt.Errorf("%w: another process runs job %s", job.ErrFenced, d.id)
	}
	b.Retained = claims
	if complete {
		// A claim that a newer owner makes from now on references what stands
		// now, and runs of its own generation.
		d.remove(checkpoint.Orphans(runs, claims, b.Owner.Generation))
	}
	return nil
}

func (d *driver) published(ctx context.Context) (map[string]stream.Epoch, error) {
	all := map[string]stream.Epoch{}
	for _, s := range d.sinks {
		e, err := s.Published(ctx)
		if err != nil {
			return nil, fmt.Errorf("ask sink %s what it has published: %w", s.uid, err)
		}
		all[s.uid] = e
	}
	return all, nil
}

// openEnumerators gives each source what the checkpoint holds of it.
func (d *driver) openEnumerators(ctx context.Context, b Begun) error {
	for _, s := range d.sources {
		if d.lone != nil && (d.lone.plan != nil || d.lone.Finish) {
			s.enum = planned{done: d.lone.plan != nil}
			continue
		}
		var snapshot []byte
		if b.Manifest != nil && !b.Layout.Afresh[s.uid] {
			snapshot = b.Manifest.Sources[s.uid].Snapshot
		}
		e, err := s.Enumerator(ctx, snapshot)
		if err != nil {
			return fmt.Errorf("open source %s: %w", s.uid, err)
		}
		s.enum = e
		if splits := b.Layout.Splits[s.uid]; len(splits) > 0 && !(d.Settings.Bugs.UnreadForgotten && d.gear.Brief()) {
			e.Return(splits)
		}
	}
	return nil
}
