package wadi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/coordinator/cluster"
	"github.com/wadi-engine/wadi/coordinator/leader"
	"github.com/wadi-engine/wadi/coordinator/rest/client"
	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/sql"
	"github.com/wadi-engine/wadi/stream"
)

// The keys of high availability; all are Flink's.
const (
	keyHA            = "high-availability.type"
	keyHADir         = "high-availability.storageDir"
	keyHACluster     = "high-availability.cluster-id"
	keyRestAdvertise = "rest.address"
	keyScheduler     = "scheduler-mode"
)

// available is what a Session needs so that another can go on in its place. All
// of it is in storage:
//
//	<high-availability.storageDir>/<cluster id>/leader/<term>   who leads
//	                                           /jobs/<id>       jobs that have not ended
//	                                           /catalogs/…      unless table.catalog-store.kind says otherwise
//	                                           /checkpoints/…   unless execution.checkpointing.dir says otherwise
type available struct {
	store       checkpoint.Store
	documents   documents
	checkpoints string // URL
	catalogs    string // URL
	log         *slog.Logger
	// follows is who leads while this process does not.
	follows atomic.Pointer[leader.Record]
	// known are the jobs that this process takes up when it leads.
	known atomic.Pointer[map[job.ID]bool]
	// term is the one in which this process leads; 0 while it does not.
	term atomic.Uint64
	// amending is held by who changes a job in storage.
	amending sync.Mutex
}

// haRoot is the URL below which a cluster keeps everything, or "" without high
// availability.
func (e *Env) haRoot() (string, error) {
	dir := strings.TrimSuffix(e.Config(keyHADir), "/")
	switch kind := strings.ToLower(e.Config(keyHA)); kind {
	case "none":
		return "", nil
	case "zookeeper", "kubernetes":
		e.log.Info("high availability is that of the storage root", slog.String("not", kind), slog.String("dir", dir))
	}
	if dir == "" {
		if e.Config(keyHA) == "" {
			return "", nil
		}
		return "", fmt.Errorf("%w: '%s' = '%s' needs '%s', which all coordinators and workers reach", job.ErrInvalid, keyHA, e.Config(keyHA), keyHADir)
	}
	return dir + "/" + strings.Trim(e.Config(keyHACluster), "/"), nil
}

// haStore is the storage of high availability, or nil.
func (e *Env) haStore(ctx context.Context) (checkpoint.Store, error) {
	root, err := e.haRoot()
	if err != nil || root == "" {
		return nil, err
	}
	store, err := e.stores.Open(ctx, root, nil)
	if err != nil {
		return nil, fmt.Errorf("open '%s': %w", keyHADir, err)
	}
	return store, nil
}

// Coordinate serves the REST API and the port for workers until ctx ends or
// somebody asks the cluster to end. With high-availability.storageDir it stands
// by until it leads; requests are forwarded meanwhile. It returns an error that is
// job.ErrFenced when another has begun to lead. Leads, if not nil, is called when
// this process leads and its jobs go on; its context ends when another leads.
func (s *Session) Coordinate(ctx context.Context, o ServeOptions, leads func(context.Context) error) error {
	e, err := s.env(nil, 0)
	if err != nil {
		return err
	}
	defer func() { _ = e.Close() }() // it has run nothing
	if err := s.prepare(ctx, e); err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	served := make(chan error, 1)
	listening := make(chan net.Addr, 1)
	ready := o.Ready
	o.Ready = func(a net.Addr) {
		listening <- a
		if ready != nil {
			ready(a)
		}
	}
	go func() { served <- s.Serve(ctx, o) }()
	led := make(chan error, 1)
	select {
	case err := <-served:
		return err
	case a := <-listening:
		go func() {
			err := s.lead(ctx, e, a, leads)
			if err != nil {
				stop(err)
			}
			led <- err
		}()
	}
	err = <-served
	stop(nil)
	if end := <-led; err == nil && errors.Is(end, job.ErrFenced) || errors.Is(end, job.ErrInvalid) {
		return end
	}
	return err
}

// Cluster is the workers of this coordinator; nil before Coordinate.
func (s *Session) Cluster() *cluster.Cluster { return s.cluster }

// prepare opens the port for workers and finds the storage.
func (s *Session) prepare(ctx context.Context, e *Env) error {
	root, err := e.haRoot()
	if err != nil {
		return err
	}
	if root != "" {
		store, err := e.haStore(ctx)
		if err != nil {
			return err
		}
		docs, err := newDocuments(e.Config(keySecret))
		if err != nil {
			return err
		}
		s.ha = &available{store: store, documents: docs, checkpoints: root + "/checkpoints", catalogs: root + "/catalogs", log: e.log}
		s.ha.follows.Store(&leader.Record{}) // nobody yet
		s.ha.known.Store(&map[job.ID]bool{})
	}
	var leads func(context.Context) bool
	if s.ha != nil {
		leads = s.leadsStill
	}
	s.cluster, err = e.listen(ctx, s.knows, leads)
	return err
}

func (s *Session) knows(id job.ID) bool {
	if s.ha == nil {
		return false
	}
	return (*s.ha.known.Load())[id]
}

// lead waits until this process leads, takes up the jobs, and watches whether it
// still leads.
func (s *Session) lead(ctx context.Context, e *Env, restAddress net.Addr, leads func(context.Context) error) error {
	if s.reactive(e) {
		s.reaction.on.Store(true)
		go s.react(ctx)
	}
	if s.ha == nil {
		s.cluster.Lead(0)
		return call(ctx, leads)
	}
	id, err := e.identity()
	if err != nil {
		return err
	}
	me := leader.Record{
		Nonce: newID(), RPC: advertised(s.cluster.Addr(), e.Config(keyRPCAddress), e.external(keyRPCBindPort, keyRPCPort)),
		REST:  s.URL(advertised(restAddress, e.Config(keyRestAdvertise), "")),
		Since: stream.Timestamp(time.Now().UnixMilli()), //nolint:forbidigo // what people read in the record
	}
	o := leader.Options{Store: s.ha.store, Identity: id, Clock: engine.WallClock{}, Log: e.component("leader"), Follow: func(r leader.Record) {
		e.log.Info("another coordinator leads", slog.String("rest", r.REST), slog.Uint64("term", r.Term))
		s.ha.follows.Store(&r)
	}}
	r, err := leader.Campaign(ctx, me, o)
	if err != nil {
		return err
	}
	e.log.Info("this coordinator leads", slog.Uint64("term", r.Term))
	if err := s.takeUp(ctx, r.Term); err != nil {
		return err
	}
	return s.reign(ctx, r, o, leads)
}

// reign calls leads, and watches meanwhile and afterwards whether another has
// begun to lead. It returns when leads has.
func (s *Session) reign(ctx context.Context, r leader.Record, o leader.Options, leads func(context.Context) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	called := make(chan struct{})
	go func() {
		defer close(called)
		if err := call(ctx, leads); err != nil {
			stop(err)
		}
	}()
	newer, err := leader.Reign(ctx, r, o, 2*time.Second)
	if err == nil {
		err = fmt.Errorf("%w: the coordinator at %s leads in term %d", job.ErrFenced, newer.REST, newer.Term)
	}
	stop(err)
	<-called
	return err
}

func call(ctx context.Context, f func(context.Context) error) error {
	if f == nil {
		return nil
	}
	return f(ctx)
}

// advertised is the address by which others reach a listener: its own, but for the
// host when it listens on every address, and for the port when they come by another.
func advertised(a net.Addr, host, external string) string {
	own, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	if external != "" {
		port = external
	}
	if ip := net.ParseIP(own); ip != nil && ip.IsUnspecified() && host != "" {
		own = host
	}
	return net.JoinHostPort(own, port)
}

// takeUp goes on with the jobs that have not ended.
func (s *Session) takeUp(ctx context.Context, term uint64) error {
	names, err := s.ha.store.List(ctx, "jobs/")
	if err != nil {
		return fmt.Errorf("%w: list the jobs of the cluster: %w", job.ErrUnavailable, err)
	}
	docs := make([]submittedJob, 0, len(names))
	known := make(map[job.ID]bool)
	for _, n := range names {
		data, err := s.ha.store.Get(ctx, n)
		if err != nil {
			return fmt.Errorf("%w: read %s: %w", job.ErrUnavailable, n, err)
		}
		d, err := s.ha.documents.decode(data)
		if err != nil || path.Base(n) != string(d.ID) {
			s.ha.log.Error("a job in storage cannot be read, and is left alone", slog.String("file", n), slog.Any("error", err))
			continue
		}
		known[d.ID] = true
		docs = append(docs, d)
	}
	s.ha.known.Store(&known)
	s.ha.term.Store(term)
	s.cluster.Lead(term)
	for _, d := range docs {
		if err := s.resume(ctx, d); err != nil {
			s.ha.log.Error("a job does not go on", slog.String("job", string(d.ID)), slog.Any("error", err))
		}
	}
	s.ha.follows.Store(nil)
	return nil
}

// resume goes on with one job.
func (s *Session) resume(ctx context.Context, d submittedJob) error {
	e, err := s.env(d.Config, 0)
	if err != nil {
		return err
	}
	p := &sql.Plan{Graph: *d.Graph, Bounded: d.Bounded}
	r, err := e.start(context.WithoutCancel(ctx), p, launch{restore: d.Restore, checkpoint: true, id: d.ID, recover: true, since: time.UnixMilli(int64(d.Submitted)).UTC(), gear: d.Gear, shifted: s.gearChanged})
	if err != nil {
		_ = e.Close() // it has run nothing
		return err
	}
	s.unlessClosed(r)
	s.follow(r, d.ID)
	s.group.Go(func() {
		<-r.Done()
		_ = e.Close() // its job has ended
	})
	return nil
}

// remember puts a job that is about to start in storage.
func (s *Session) remember(ctx context.Context, p *Pipeline, plan *sql.Plan, l launch) error {
	if s.ha == nil {
		return nil
	}
	d := submittedJob{
		ID: l.id, Name: plan.Graph.Name, Graph: &plan.Graph, Bounded: plan.Bounded, Config: p.env.jobConfig(), Restore: l.restore,
		Submitted: stream.Timestamp(time.Now().UnixMilli()), //nolint:forbidigo // what people read in the document
	}
	if s.ha.documents.exposes(d.Graph) {
		s.ha.log.Warn("the job is stored with the secrets of its tables as they are", slog.String("job", string(d.ID)), slog.String("set", keySecret))
	}
	data, err := s.ha.documents.encode(d)
	if err != nil {
		return err
	}
	if _, err := s.ha.store.PutIfAbsent(ctx, jobFile(l.id), data); err != nil {
		return fmt.Errorf("%w: store the job: %w", job.ErrUnavailable, err)
	}
	return nil
}

// follow forgets a job when it has ended, but not when another coordinator goes
// on with it.
func (s *Session) follow(r *Run, id job.ID) {
	if s.ha == nil {
		return
	}
	s.group.Go(func() {
		<-r.Done()
		switch res, _ := r.Wait(); res.State {
		case coordinator.Left:
		case coordinator.Fenced:
			s.again(r, id)
		case coordinator.Finished, coordinator.Stopped, coordinator.Canceled, coordinator.Failed:
			s.forget(id)
		default: // it has not begun
			s.forget(id)
		}
	})
}

// forget removes a job from storage.
func (s *Session) forget(id job.ID) {
	if s.ha == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s.ha.amending.Lock()
	defer s.ha.amending.Unlock()
	if err := s.ha.store.Delete(ctx, jobFile(id)); err != nil {
		s.ha.log.Warn("a job that has ended stays in storage", slog.String("job", string(id)), slog.Any("error", err))
	}
}

// forwarded marks a request that a standby has passed on.
const forwarded = "X-Wadi-Forwarded"

// front passes requests on to who leads while this process does not.
func (s *Session) front(api http.Handler) (http.Handler, error) {
	if s.ha == nil {
		return api, nil
	}
	transport, _, err := client.Transport(s.config.Get)
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to := s.ha.follows.Load()
		if to == nil || strings.TrimPrefix(r.URL.Path, "/v1") == "/metrics" { // those of this process
			api.ServeHTTP(w, r)
			return
		}
		target, err := url.Parse(to.REST)
		if err != nil || to.Term == 0 || r.Header.Get(forwarded) != "" {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte(`{"errors":["no coordinator leads at the moment; try again"]}`))
			return
		}
		proxy := &httputil.ReverseProxy{Transport: transport, FlushInterval: -1, Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(target)
			p.Out.Header.Set(forwarded, "1")
		}}
		proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, err error) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadGateway)
			text, _ := json.Marshal(map[string][]string{"errors": {"the coordinator that leads does not answer: " + err.Error()}}) // strings
			_, _ = w.Write(text)
		}
		proxy.ServeHTTP(w, r)
	}), nil
}
