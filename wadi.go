// Package wadi runs queries over files, streams and lakehouse tables, in one
// process, on Apache Arrow batches.
//
//	env, err := wadi.Local(wadi.Options{})
//	late := env.ReadParquet("flights.parquet").
//		Filter(wadi.Col("delay").Gt(0)).
//		GroupBy(wadi.Col("origin")).
//		Agg(wadi.Count().As("n"), wadi.Avg("delay").As("delay"))
//	err = late.Show(ctx, os.Stdout)
//
// A Frame is a table that has not been computed; an Env holds what Frames and
// SQL share: catalogs, configuration, connectors. Go and SQL give the same
// plans: a Frame's methods build the same tree that the SQL parser does.
//
// A bounded query runs as a batch and gives its final rows. A Pipeline writes a
// Frame to a table, as a job with checkpoints that can be stopped, killed and
// resumed, and whose rows reach the target exactly once.
package wadi

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/wadi-engine/wadi/coordinator/cluster"
	"github.com/wadi-engine/wadi/engine/logs"
	"github.com/wadi-engine/wadi/internal/objstore"
	lake "github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/builtin"
	"github.com/wadi-engine/wadi/sql"
)

// Options make an Env. The zero value works.
type Options struct {
	// Parallelism is the number of tasks per vertex; 0 means 1. It is Flink's
	// parallelism.default.
	Parallelism int
	// Config sets configuration keys, by Flink's names, such as
	// "execution.checkpointing.dir"; docs/configuration.md lists them. Values may
	// refer to ${env:NAME} and ${file:PATH}.
	Config map[string]string
	// Connectors adds to those that come with Wadi, or replaces them.
	Connectors []*ops.Connector
	// Functions are scalar functions in Go that SQL can call.
	Functions []Function
	// Aggregates and TableFunctions are aggregate functions and functions that
	// give rows, in Go, that SQL can call.
	Aggregates     []AggregateFunction
	TableFunctions []TableFunction
	// Stores adds schemes of URLs, such as those of lakehouse/cloud. Local disk
	// and memory are always there.
	Stores map[string]objstore.Opener
	// Catalogs adds kinds of Iceberg catalogs, such as those of
	// lakehouse/catalogs. A jdbc catalog on SQLite and a hadoop catalog are
	// always there.
	Catalogs map[string]lake.Opener
	// Launcher runs the stages of jobs in the staged gear; nil means in this
	// process.
	Launcher Launcher
	// Invokers add ways to call functions, for jobs in the functions gear.
	Invokers Invokers
	// Version is that of the program, which workers tell the coordinator.
	Version string
	// Log receives what jobs have to say; nil means nothing is logged.
	Log *slog.Logger
	// Logs is what Log writes to, which the REST API shows and whose levels it
	// changes; it may be nil.
	Logs *logs.Log
	// Stdout and Stderr are where the print connector writes; nil means those
	// of the process.
	Stdout, Stderr io.Writer

	// meters are those of all Envs that are made for others of this process.
	meters *objstore.Meters
	// invoked says that this process is a function: its time is billed by calls.
	invoked bool
	// copies is what such a process keeps of state.
	copies *functionCopies
	// seal is how a cluster keeps secrets in storage.
	seal documents
	// borrows says that catalogs come from the store, and none goes into it.
	borrows bool
}

// Env is where Frames and SQL run. Its methods may be called from several
// goroutines.
type Env struct {
	o        Options
	log      *slog.Logger
	stores   *objstore.Stores
	registry *ops.Registry

	mu      sync.Mutex // the session takes one statement at a time
	session *sql.Session
	named   int // how many tables were made for Frames
	closers []func() error
	cluster *cluster.Cluster // nil when jobs run in this process
	jobs    *jobs
}

// Local returns an Env that runs jobs in this process.
func Local(o Options) (*Env, error) {
	e, err := local(o, &jobs{})
	if err == nil {
		tellUnread(e.log, slices.Collect(maps.Keys(o.Config)))
	}
	return e, err
}

// local returns an Env whose jobs are listed in j.
func local(o Options, j *jobs) (*Env, error) {
	if o.meters == nil {
		o.meters = new(objstore.Meters)
	}
	set, err := checked(o.Config)
	if err != nil {
		return nil, err
	}
	if o.Parallelism > 0 {
		if err := set.Set(sql.KeyParallelism, fmt.Sprint(o.Parallelism)); err != nil {
			return nil, err
		}
	}
	e := &Env{o: o, log: o.Log, stores: objstore.New(objstore.Options{Openers: o.Stores, Properties: storeProperties(set), Meters: o.meters}), jobs: j}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	e.registry = &ops.Registry{Connectors: e.connectors()}
	addFunctions(e.registry, o)
	builtin.Register(e.registry)
	kept, err := e.catalogStore(set.Get(keyCatalogStore), set.Get(keyCatalogStorePath))
	if err != nil {
		return nil, err
	}
	e.session, err = sql.New(sql.Options{
		Catalogs: kept,
		Registry: e.registry, Config: set.All(), Notice: e.tellSet, Collect: collectName, OpenCatalog: e.openCatalog, Jobs: e.jobs,
		Now: func() int64 { return time.Now().UnixMilli() }, //nolint:forbidigo // the clock of those who give none
	})
	if err != nil {
		return nil, err
	}
	return e, e.defineFunctions()
}

// Close gives up what the Env holds open: catalogs and connections to stores.
// Jobs must have ended.
func (e *Env) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var first error
	for _, c := range append(e.closers, e.stores.Close) {
		if err := c(); err != nil && first == nil {
			first = err
		}
	}
	e.closers = nil
	return first
}

// Set sets a configuration key, as SET does in SQL.
func (e *Env) Set(key, value string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.session.Config().Set(key, value); err != nil {
		return err
	}
	e.tellSet(key)
	return nil
}

// Config is the value of a configuration key, or its default.
func (e *Env) Config(key string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.session.Config().Get(key)
}

// noContext is for calls that plan and do no I/O beyond looking at files, from
// methods that take no context because they only describe.
func noContext() context.Context { return context.Background() }
