package wadi

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/internal/config"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lambda"
)

// The keys of the gears.
const (
	keyGear        = "execution.gear"
	keyFunctions   = "execution.functions.target"
	keyConcurrency = "execution.functions.max-concurrency"
	keyInvocations = "execution.functions.attempts"
)

// gear reads in which gear jobs are run, and whether they choose it.
func (e *Env) gear() (g job.Gear, chooses bool, err error) {
	text := e.Config(keyGear)
	if text == "" || strings.EqualFold(text, automatic) {
		return job.Pipelined, text != "", nil
	}
	if g, err = job.ParseGear(text); err != nil {
		return "", false, fmt.Errorf("'%s': %w", keyGear, err)
	}
	return g, false, nil
}

// Invokers open what calls functions, by the scheme of 'execution.functions.target';
// they are told the whole target. HTTP and HTTPS need none.
type Invokers map[string]func(ctx context.Context, target string) (lambda.Invoker, error)

// gearing is what opens what runs the stages of a job, with the configuration that
// there was when it was started.
type gearing struct {
	env         *Env
	config      config.Values
	stages      map[string]string // of it, for stages
	checkpoints string            // URL
	o           engine.Options
}

func (e *Env) gearing(checkpoints string, o engine.Options) (gearing, error) {
	set, err := checked(e.configured(func(string, string) bool { return true }))
	return gearing{e, set, e.stageConfig(), checkpoints, o}, err
}

// launcher is where the stages run in a gear; nil means in this process.
func (g gearing) launcher(ctx context.Context, in job.Gear) (coordinator.Launcher, error) {
	if in != job.Functions {
		if g.env.o.Launcher == nil {
			return nil, nil
		}
		return launched{g.env.o.Launcher, g.checkpoints, g.stages}, nil
	}
	if g.config.Get(keyCheckpointDir) == "" {
		return nil, fmt.Errorf("%w: functions meet in storage: set '%s' to where all of them reach it", job.ErrInvalid, keyCheckpointDir)
	}
	l, err := g.functions(ctx)
	if err != nil { // a nil Launcher is something else
		return nil, err
	}
	return l, nil
}

// functions runs tasks as functions.
func (g gearing) functions(ctx context.Context) (*lambda.Launcher, error) {
	invoker, err := g.invoker(ctx)
	if err != nil {
		return nil, err
	}
	k := &keyReader{get: g.config.Get}
	l := &lambda.Launcher{
		Invoker: invoker, Store: g.o.Store, Checkpoints: g.checkpoints, Config: g.stages, Clock: g.o.Clock, NewID: newID, Log: g.o.Log,
		Concurrency: k.int(keyConcurrency), Attempts: k.int(keyInvocations), Memory: k.size(keyFunctionMemory),
	}
	return l, k.err
}

func (g gearing) invoker(ctx context.Context) (lambda.Invoker, error) {
	target := g.config.Get(keyFunctions)
	scheme, _, ok := strings.Cut(target, ":")
	if scheme == "http" || scheme == "https" {
		return lambda.HTTP{URL: target}, nil
	}
	if open := g.env.o.Invokers[scheme]; ok && open != nil {
		return open(ctx, target)
	}
	known := append(slices.Collect(maps.Keys(g.env.o.Invokers)), "http", "https")
	slices.Sort(known)
	return nil, fmt.Errorf("%w: '%s' = '%s': want a URL of %s", job.ErrInvalid, keyFunctions, target, strings.Join(known, ", "))
}
