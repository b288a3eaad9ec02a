package wadi

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/wadi-engine/wadi/coordinator/cluster"
	"github.com/wadi-engine/wadi/coordinator/leader"
	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/logs"
	"github.com/wadi-engine/wadi/engine/metrics"
	"github.com/wadi-engine/wadi/engine/node"
	"github.com/wadi-engine/wadi/engine/peer"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/internal/certs"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/vector/mem"
)

// The keys of a cluster. All but the last two are Flink's.
const (
	keyRPCAddress     = "jobmanager.rpc.address"
	keyRPCPort        = "jobmanager.rpc.port"
	keyRPCBindHost    = "jobmanager.bind-host"
	keyRPCBindPort    = "jobmanager.rpc.bind-port"
	keyWorkerHost     = "taskmanager.host"
	keyWorkerBindHost = "taskmanager.bind-host"
	keyDataPort       = "taskmanager.data.port"
	keyDataBindPort   = "taskmanager.data.bind-port"
	keySlots          = "taskmanager.numberOfTaskSlots"
	keyWorkerID       = "taskmanager.resource-id"
	keyLoadBalance    = "taskmanager.load-balance.mode"
	keySpread         = "cluster.evenly-spread-out-slots"
	keyCompression    = "taskmanager.network.compression.codec"
	keyHeartbeat      = "heartbeat.interval"
	keyHeartbeatLimit = "heartbeat.timeout"
	keySlotTimeout    = "slot.request.timeout"
	keyRegistration   = "taskmanager.registration.timeout"
	keyTLS            = "security.ssl.internal.enabled"
	keyTLSKeys        = "security.ssl.internal.keystore"
	keyTLSTrust       = "security.ssl.internal.truststore"
	keySecret         = "wadi.cluster.secret" //nolint:gosec // the name of a key
)

// Coordinate opens the port on which workers register (jobmanager.rpc.port): from
// then on the tasks of this Env's jobs run on them, but for those of queries
// whose rows come back to this process. The Env closes it.
func (e *Env) Coordinate(ctx context.Context) (*cluster.Cluster, error) {
	c, err := e.listen(ctx, nil, nil)
	if err != nil {
		return nil, err
	}
	c.Lead(0)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.cluster = c
	e.closers = append(e.closers, c.Close)
	return c, nil
}

// listen opens the port for workers; those that hold tasks of jobs that it does
// not know let them go.
func (e *Env) listen(ctx context.Context, knows func(job.ID) bool, leads func(context.Context) bool) (*cluster.Cluster, error) {
	id, err := e.identity()
	if err != nil {
		return nil, err
	}
	k := &keyReader{get: e.Config}
	o := cluster.Options{
		Identity: id, Clock: engine.WallClock{}, Log: e.component("cluster"), Knows: knows, Leads: leads,
		Interval: k.duration(keyHeartbeat), Timeout: k.duration(keyHeartbeatLimit), SlotTimeout: k.duration(keySlotTimeout),
	}
	if strings.EqualFold(e.Config(keySpread), "true") || strings.EqualFold(e.Config(keyLoadBalance), "SLOTS") || strings.EqualFold(e.Config(keyLoadBalance), "TASKS") {
		o.Strategy = cluster.Spread
	}
	if k.err != nil {
		return nil, k.err
	}
	return cluster.Listen(ctx, net.JoinHostPort(e.first("127.0.0.1", keyRPCBindHost), e.first("", keyRPCBindPort, keyRPCPort)), o)
}

// Work makes this process a worker of the coordinator at jobmanager.rpc.address,
// until ctx ends. The error says why it cannot be one.
func (e *Env) Work(ctx context.Context) error {
	if err := e.limitMemory(); err != nil {
		return err
	}
	id, err := e.identity()
	if err != nil {
		return err
	}
	k := &keyReader{get: e.Config}
	o := node.Options{
		ID: e.Config(keyWorkerID), Identity: id, Bind: net.JoinHostPort(e.first("127.0.0.1", keyWorkerBindHost), e.first("0", keyDataBindPort, keyDataPort)),
		Advertise: e.Config(keyWorkerHost), Slots: k.int(keySlots), Memory: k.size(keyProcessSize), Version: e.o.Version,
		Patience: k.duration(keyRegistration), Budget: k.size(keyChannelSize), Alloc: mem.Default(), Clock: engine.WallClock{}, Log: e.component("worker"), Logs: e.o.Logs,
	}
	if k.err != nil {
		return k.err
	}
	if o.ID == "" {
		o.ID = newID()[:12]
	}
	if port := e.external(keyDataBindPort, keyDataPort); port != "" {
		o.Advertise = net.JoinHostPort(e.first("127.0.0.1", keyWorkerHost, keyWorkerBindHost), port)
	}
	switch strings.ToUpper(e.Config(keyCompression)) { // otherwise NONE
	case "LZ4":
		o.Compression = ipc.WithLZ4()
	case "ZSTD":
		o.Compression = ipc.WithZstd()
	}
	if o.Leader, err = e.leader(ctx); err != nil {
		return err
	}
	o.Open, o.Host = e.openJob, hostName()
	o.Report = func(ctx context.Context, gather func() []metrics.Group) (func(), error) {
		all := func() []metrics.Group { return append(gather(), e.o.ownMetrics()...) }
		return reportMetrics(ctx, e.Config, place{e.first("127.0.0.1", keyWorkerBindHost), o.ID, e.o.Version, e.log}, all)
	}
	return node.Run(ctx, o)
}

// leader finds the coordinator that leads.
func (e *Env) leader(ctx context.Context) (func(context.Context) (string, error), error) {
	store, err := e.haStore(ctx)
	if err != nil {
		return nil, err
	}
	if store == nil {
		address := net.JoinHostPort(e.Config(keyRPCAddress), e.Config(keyRPCPort))
		return func(context.Context) (string, error) { return address, nil }, nil
	}
	return func(ctx context.Context) (string, error) {
		r, err := leader.Current(ctx, store)
		if err == nil && r.Term == 0 {
			err = fmt.Errorf("%w: no coordinator leads yet", job.ErrUnavailable)
		}
		return r.RPC, err
	}, nil
}

// first is the first of the keys that is set, or a default.
func (e *Env) first(otherwise string, keys ...string) string {
	for _, k := range keys {
		if v := e.Config(k); v != "" {
			return v
		}
	}
	return otherwise
}

// external is the port by which others reach a listener that is bound to a port of
// its own, such as one behind a proxy; "" when it is the one that is bound.
func (e *Env) external(bound, port string) string {
	if b, p := e.Config(bound), e.Config(port); b != "" && p != "0" {
		return p
	}
	return ""
}

// openJob makes what the tasks of a job need on this worker: an Env of its own,
// with the configuration of the job.
func (e *Env) openJob(ctx context.Context, s rpc.Start) (engine.Options, error) {
	o := e.o
	o.Config, o.Log = e.configuredFor(s.Config), e.log.With(slog.String(logs.Job, string(s.Job)), slog.String("job_name", s.Name))
	env, err := local(o, &jobs{})
	if err != nil {
		return engine.Options{}, err
	}
	var store checkpoint.Store
	if s.Checkpoints != "" {
		if store, err = env.checkpointStore(ctx, s.Checkpoints); err != nil {
			return engine.Options{}, err
		}
	}
	w := env.workerOptions(env.registry, store)
	w.Latency, w.LatencyKept = e.latency()
	w.Log = e.log.With(slog.String("job_name", s.Name)) // the tasks add the rest
	w.Close = env.Close
	return env.withCopies(w)
}

// identity is how this process proves that it belongs to the cluster.
func (e *Env) identity() (peer.Identity, error) {
	id := peer.Identity{Secret: e.Config(keySecret)}
	if !strings.EqualFold(e.Config(keyTLS), "true") {
		return id, nil
	}
	own, err := certs.Pair(keyTLSKeys, e.Config(keyTLSKeys))
	if err != nil {
		return id, err
	}
	pool, err := certs.Authorities(keyTLSTrust, e.Config(keyTLSTrust))
	if err != nil {
		return id, err
	}
	id.TLS = &tls.Config{Certificates: own, RootCAs: pool, ClientCAs: pool, MinVersion: tls.VersionTLS13}
	return id, nil
}
