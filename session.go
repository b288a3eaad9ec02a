package wadi

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/coordinator/cluster"
	"github.com/wadi-engine/wadi/coordinator/rest"
	"github.com/wadi-engine/wadi/engine/metrics"
	"github.com/wadi-engine/wadi/internal/config"
	"github.com/wadi-engine/wadi/internal/mask"
	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/sql"
	"github.com/wadi-engine/wadi/sql/parse"
)

var _ rest.Cluster = (*Session)(nil)

// Session is a session cluster in this process: jobs that are submitted as SQL
// text, run side by side, and are known for a while after their end. Its
// methods may be called from several goroutines.
type Session struct {
	config  config.Values // of the cluster
	o       Options
	worker  string // the id of this process as a worker
	done    chan struct{}
	once    sync.Once
	jobs    *jobs
	process *metrics.Process
	group   sync.WaitGroup // Envs that wait for the end of their jobs

	cluster *cluster.Cluster // nil when jobs run in this process
	ha      *available       // nil without high availability

	reaction reaction

	mu       sync.Mutex
	envs     map[string]*sharedEnv // by the name of the client's session
	starting map[job.ID]bool
	close    bool
}

// sharedEnv is what a client's statements are carried out in, one request
// after another.
type sharedEnv struct {
	*Env
	used time.Time
	busy int
}

// maxClientSessions is how many names of clients' sessions are remembered.
const maxClientSessions = 64

// NewSession returns a Session without jobs. The Config of o is that of the
// cluster: scripts begin with it.
func NewSession(o Options) (*Session, error) {
	o.meters = new(objstore.Meters)
	process := &metrics.Process{Now: time.Now} //nolint:forbidigo // metrics are of the wall clock
	s := &Session{o: o, worker: newID(), process: process, done: make(chan struct{}), jobs: &jobs{}, envs: make(map[string]*sharedEnv), starting: make(map[job.ID]bool)}
	s.reaction.submitted = make(chan struct{}, 1)
	e, err := local(o, s.jobs) // whose mistakes are those of the configuration
	if err != nil {
		return nil, err
	}
	defer func() { _ = e.Close() }() // it has opened nothing
	if s.o.Log == nil {
		s.o.Log = e.log
	}
	if s.config, err = checked(s.o.Config); err != nil {
		return nil, err
	}
	tellUnread(s.o.Log, slices.Collect(maps.Keys(s.config.All())))
	k := &keyReader{get: s.config.Get}
	s.jobs.kept, s.process.Total = k.int(keyJobsKept), k.size(keyProcessSize)
	return s, k.err
}

// Done is closed when somebody has asked the cluster to end.
func (s *Session) Done() <-chan struct{} { return s.done }

// Shutdown asks the cluster to end.
func (s *Session) Shutdown() { s.once.Do(func() { close(s.done) }) }

// Close cancels the jobs that run, waits for them, and gives up what the
// Session holds open. Jobs that take checkpoints can go on from their last.
func (s *Session) Close() error {
	s.Shutdown()
	s.mu.Lock()
	s.close = true
	envs := s.envs
	s.envs = nil
	s.mu.Unlock()
	why := errShutDown
	if s.ha != nil {
		why = coordinator.ErrSuspend
	}
	for _, j := range s.jobs.all() {
		if j.run.running() {
			j.run.Cancel(why)
		}
	}
	for _, j := range s.jobs.all() {
		<-j.run.Done()
	}
	s.group.Wait()
	var first error
	if s.cluster != nil {
		first = s.cluster.Close()
	}
	for _, e := range envs {
		if err := e.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// env is a new Env with the configuration of the cluster and more. Catalogs that
// are created in it are its own.
func (s *Session) env(more map[string]string, parallelism int) (*Env, error) {
	return s.envOf(more, parallelism, true)
}

func (s *Session) envOf(more map[string]string, parallelism int, borrows bool) (*Env, error) {
	o := s.o
	o.borrows = borrows
	set, err := checked(s.config.All())
	if err != nil {
		return nil, err
	}
	for k, v := range more {
		if err := set.Set(k, v); err != nil {
			return nil, err
		}
	}
	o.Config = set.All()
	if parallelism < 0 {
		return nil, fmt.Errorf("%w: parallelism %d: want a positive number", job.ErrInvalid, parallelism)
	}
	if parallelism > 0 {
		o.Parallelism = parallelism
	}
	if s.ha != nil && o.Config[keyCheckpointDir] == "" {
		o.Config[keyCheckpointDir] = s.ha.checkpoints
	}
	if s.ha != nil {
		o.seal = s.ha.documents
		if o.Config[keyCatalogStore] == "" {
			o.Config[keyCatalogStore], o.Config[keyCatalogStorePath] = "file", s.ha.catalogs
		}
	}
	e, err := local(o, s.jobs)
	if err == nil {
		e.cluster = s.cluster
	}
	return e, err
}

// scriptEnv is an Env for a script of its own.
func (s *Session) scriptEnv(sub rest.Submission) (*Env, error) {
	more := maps.Clone(sub.Config)
	if more == nil {
		more = make(map[string]string)
	}
	if sub.Name != "" {
		more[sql.KeyName] = sub.Name
	}
	if sub.ClaimMode != "" {
		more[keyClaimMode] = sub.ClaimMode
	}
	if sub.AllowNonRestored {
		more[keyIgnoreUnclaimed] = "true"
	}
	return s.env(more, sub.Parallelism)
}

// Submit starts the jobs of a script, in an Env of its own, and does not wait
// for their end. When a statement is wrong, the jobs that were started before
// it are canceled.
func (s *Session) Submit(ctx context.Context, sub rest.Submission) ([]rest.Submitted, error) {
	if _, err := parse.Script(sub.Script); err != nil {
		return nil, err
	}
	e, err := s.scriptEnv(sub)
	if err != nil {
		return nil, err
	}
	var runs []*Run
	err = e.Execute(ctx, sub.Script, func(o Outcome) error {
		switch {
		case o.Query != nil:
			return fmt.Errorf("%w: a SELECT that is submitted has nobody to give its rows to: INSERT them into a table", job.ErrInvalid)
		case o.Pipeline != nil:
			r, err := s.start(ctx, o.Pipeline, sub.Restore, sub.ID)
			if err != nil {
				return err
			}
			runs = append(runs, r)
			sub.ID = "" // it names the first job
		}
		return nil
	})
	s.group.Go(func() {
		for _, r := range runs {
			<-r.Done()
		}
		_ = e.Close() // its jobs have ended
	})
	if err != nil {
		for _, r := range runs {
			r.Cancel(fmt.Errorf("another statement of its script is wrong: %w", err))
		}
		return nil, err
	}
	return submitted(runs...), nil
}

func submitted(runs ...*Run) []rest.Submitted {
	all := make([]rest.Submitted, len(runs))
	for i, r := range runs {
		id, _, _ := r.state()
		all[i] = rest.Submitted{ID: id, Name: r.Name()}
	}
	return all
}

// start starts a job that outlives the request, and waits until it has its id.
func (s *Session) start(ctx context.Context, p *Pipeline, restore string, id job.ID) (*Run, error) {
	if p.err != nil {
		return nil, p.err
	}
	if err := s.claim(id); err != nil {
		return nil, err
	}
	defer s.unclaim(id)
	if restore == "" {
		restore = p.env.Config(keyRestorePath)
	}
	if restore == "" {
		restore = string(RestoreNone)
	}
	if s.ha != nil && id == "" {
		id = job.ID(newID())
	}
	l := launch{restore: Restore(restore), checkpoint: true, id: id, shifted: s.gearChanged}
	plan, err := s.fitted(p.plan)
	if err != nil {
		return nil, err
	}
	if err := s.remember(ctx, p, plan, l); err != nil {
		return nil, err
	}
	r, err := p.env.start(context.WithoutCancel(ctx), plan, l)
	if err != nil {
		s.forget(id)
		return nil, err
	}
	s.follow(r, id)
	s.reaction.came()
	select {
	case <-r.begun:
		return r, nil
	case <-r.Done():
	case <-s.Done():
		r.Cancel(errShutDown)
	case <-ctx.Done():
		r.Cancel(ctx.Err())
	}
	if _, err := r.Wait(); err != nil {
		return nil, err
	}
	select {
	case <-r.begun: // a short job
		return r, nil
	default:
		return nil, fmt.Errorf("%w: the job named %q has already finished", job.ErrInvalid, r.Name())
	}
}

var errShutDown = fmt.Errorf("%w: the cluster is shut down", job.ErrUnavailable)

// claim notes that a job of this id is about to start.
func (s *Session) claim(id job.ID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.close {
		return errShutDown
	}
	if id == "" {
		return nil
	}
	if _, there := s.jobs.find(string(id)); there || s.starting[id] {
		return fmt.Errorf("%w: job %s has already been submitted", job.ErrInvalid, id)
	}
	s.starting[id] = true
	return nil
}

func (s *Session) unclaim(id job.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.starting, id)
}

// Plan is the graph of the first job of a script.
func (s *Session) Plan(ctx context.Context, sub rest.Submission) (*job.Graph, error) {
	e, err := s.scriptEnv(sub)
	if err != nil {
		return nil, err
	}
	defer func() { _ = e.Close() }() // nothing runs in it
	var g *job.Graph
	found := errors.New("found")
	err = e.Execute(ctx, sub.Script, func(o Outcome) error {
		if o.Pipeline == nil {
			return nil
		}
		if o.Pipeline.err != nil {
			return o.Pipeline.err
		}
		g = &o.Pipeline.plan.Graph
		return found
	})
	switch {
	case g != nil:
		return g, nil
	case err != nil:
		return nil, err
	}
	return nil, fmt.Errorf("%w: the script has no INSERT, so that there is no job to plan", job.ErrInvalid)
}

// Dispose removes a savepoint.
func (s *Session) Dispose(ctx context.Context, savepoint string) error {
	e, err := s.env(nil, 0)
	if err != nil {
		return err
	}
	defer func() { _ = e.Close() }() // nothing runs in it
	return e.DisposeSavepoint(ctx, savepoint)
}

// Config is the configuration of the cluster, without secrets.
func (s *Session) Config() map[string]string { return maskedConfig(s.config.All()) }

func maskedConfig(config map[string]string) map[string]string {
	all := make(map[string]string, len(config))
	for k, v := range config {
		all[k] = mask.Value(k, v)
	}
	return all
}

// shared is the Env of a client's session, to be given back. The one that was
// used least recently makes room for a new one.
func (s *Session) shared(name string, now time.Time) (*sharedEnv, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.close {
		return nil, errShutDown
	}
	e := s.envs[name]
	if e == nil {
		if len(s.envs) >= maxClientSessions && !s.evict() {
			return nil, fmt.Errorf("%w: too many sessions of clients", job.ErrUnavailable)
		}
		env, err := s.envOf(nil, 0, false)
		if err != nil {
			return nil, err
		}
		e = &sharedEnv{Env: env}
		s.envs[name] = e
	}
	e.busy++
	e.used = now
	return e, nil
}

// evict forgets the session that was used least recently and is not in use. Its
// jobs run on, so that its Env is closed after them.
func (s *Session) evict() bool {
	names := slices.SortedFunc(maps.Keys(s.envs), func(a, b string) int {
		if c := s.envs[a].used.Compare(s.envs[b].used); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
	for _, name := range names {
		e := s.envs[name]
		if e.busy > 0 {
			continue
		}
		delete(s.envs, name)
		runs := s.jobs.all()
		s.group.Go(func() {
			for _, j := range runs {
				if j.env == e.Env {
					<-j.run.Done()
				}
			}
			_ = e.Close() // its jobs have ended
		})
		return true
	}
	return false
}

func (s *Session) giveBack(e *sharedEnv) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.busy--
}
