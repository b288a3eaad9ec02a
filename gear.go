package wadi

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/engine"
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

// gear is how the tasks of a job live.
type gear string

const (
	pipelined gear = "pipelined" // long, beside each other
	staged    gear = "staged"    // for an epoch, a process for each stage
	functions gear = "functions" // for an epoch, an invocation for each task
)

// gear reads in which gear jobs are run.
func (e *Env) gear() (gear, error) {
	switch g := gear(strings.ToLower(e.Config(keyGear))); g {
	case "":
		return pipelined, nil
	case pipelined, staged, functions:
		return g, nil
	default:
		return "", fmt.Errorf("%w: '%s' = '%s': want pipelined, staged or functions", job.ErrInvalid, keyGear, g)
	}
}

// Invokers open what calls functions, by the scheme of 'execution.functions.target';
// they are told the whole target. HTTP and HTTPS need none.
type Invokers map[string]func(ctx context.Context, target string) (lambda.Invoker, error)

// launcher is where the stages of a job run whose checkpoints go to dir; nil
// means in this process.
func (e *Env) launcher(ctx context.Context, g gear, dir string, o engine.Options) (coordinator.Launcher, error) {
	if g != functions {
		if e.o.Launcher == nil {
			return nil, nil
		}
		return launched{e.o.Launcher, dir, e.stageConfig()}, nil
	}
	if e.Config(keyCheckpointDir) == "" {
		return nil, fmt.Errorf("%w: functions meet in storage: set '%s' to where all of them reach it", job.ErrInvalid, keyCheckpointDir)
	}
	invoker, err := e.invoker(ctx)
	if err != nil {
		return nil, err
	}
	k := &keyReader{get: e.Config}
	l := &lambda.Launcher{
		Invoker: invoker, Store: o.Store, Checkpoints: dir, Config: e.stageConfig(), Clock: o.Clock, NewID: newID, Log: o.Log,
		Concurrency: k.int(keyConcurrency), Attempts: k.int(keyInvocations), Memory: k.size(keyFunctionMemory),
	}
	return l, k.err
}

func (e *Env) invoker(ctx context.Context) (lambda.Invoker, error) {
	target := e.Config(keyFunctions)
	scheme, _, ok := strings.Cut(target, ":")
	if scheme == "http" || scheme == "https" {
		return lambda.HTTP{URL: target}, nil
	}
	if open := e.o.Invokers[scheme]; ok && open != nil {
		return open(ctx, target)
	}
	known := append(slices.Collect(maps.Keys(e.o.Invokers)), "http", "https")
	slices.Sort(known)
	return nil, fmt.Errorf("%w: '%s' = '%s': want a URL of %s", job.ErrInvalid, keyFunctions, target, strings.Join(known, ", "))
}
