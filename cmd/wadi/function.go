package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/units"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lambda"
	"github.com/wadi-engine/wadi/lambda/aws"
	"github.com/wadi-engine/wadi/lambda/local"
)

// newFunction runs tasks of jobs in the functions gear.
func newFunction() *cobra.Command {
	var env environment
	c := &cobra.Command{
		Use: "function", Short: "Run tasks of jobs as a function of a cloud",
		Long: `Function answers the events by which jobs in the functions gear run their tasks,
and those that trigger deployed jobs (see wadi deploy):

  SET 'execution.gear' = 'functions';
  SET 'execution.functions.target' = 'https://tasks.example.com';   HTTP: Cloud Run, Knative, Container Apps, Azure
  SET 'execution.functions.target' = 'aws-lambda:wadi';             AWS Lambda, by name or ARN
  SET 'execution.functions.target' = 'local:?memory=512mb';         processes of this machine

Where it runs says how it is asked: AWS Lambda by AWS_LAMBDA_RUNTIME_API, Azure
Functions by FUNCTIONS_CUSTOMHANDLER_PORT, others by PORT; without any it listens
on a free port of 127.0.0.1 and prints it. A program that is named bootstrap needs
no argument.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			o, err := env.options()
			if err != nil {
				return err
			}
			o.Stdout = os.Stderr
			binary, err := os.Executable()
			if err != nil {
				return fmt.Errorf("find this program: %w", err)
			}
			o.Invokers = invokers(binary, o.Log)
			h := lambda.Host{
				Handler: wadi.StageHandler(o), Getenv: os.Getenv, Log: o.Log,
				Ready: func(a net.Addr) { fmt.Fprintf(c.OutOrStdout(), "Events are answered at http://%s\n", a) },
			}
			unmapProgram() // what a start needs once is most of what counts as memory
			return h.Serve(c.Context())
		},
	}
	env.command = c
	return c
}

// invokers call functions by the schemes of 'execution.functions.target'.
func invokers(binary string, log *slog.Logger) wadi.Invokers {
	return newLocalPlatforms(binary, log).invokers()
}

func (l *localPlatforms) invokers() wadi.Invokers {
	return wadi.Invokers{
		"aws-lambda": func(ctx context.Context, target string) (lambda.Invoker, error) {
			return aws.New(ctx, strings.TrimPrefix(strings.TrimPrefix(target, "aws-lambda:"), "//"))
		},
		"local": func(_ context.Context, target string) (lambda.Invoker, error) {
			return l.open(target)
		},
	}
}

// localPlatforms run tasks as processes, as AWS Lambda would: one platform for
// each target, whose processes stay for the next job.
type localPlatforms struct {
	binary string
	log    *slog.Logger

	mu sync.Mutex
	by map[string]*local.Platform
}

func newLocalPlatforms(binary string, log *slog.Logger) *localPlatforms {
	return &localPlatforms{binary: binary, log: log, by: make(map[string]*local.Platform)}
}

// wait waits for the events that nobody waits for, of all platforms.
func (l *localPlatforms) wait() {
	l.mu.Lock()
	all := slices.Collect(maps.Values(l.by))
	l.mu.Unlock()
	for _, p := range all {
		p.Wait()
	}
}

func (l *localPlatforms) open(target string) (lambda.Invoker, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at := os.Getenv(local.EnvPlatform); at != "" { // this is one of its processes
		return local.Sender{Address: at}, nil
	}
	if p := l.by[target]; p != nil {
		return p, nil
	}
	bad := func(err error) error { return fmt.Errorf("%w: '%s': %w", job.ErrInvalid, target, err) }
	u, err := url.Parse(target)
	if err != nil {
		return nil, bad(err)
	}
	o := local.Options{Command: []string{l.binary, "function"}, Timeout: 15 * time.Minute, Keep: 64, Retry: time.Second}
	for key, values := range u.Query() {
		switch key {
		case "memory":
			o.Memory, err = units.ParseSize(values[0])
		case "timeout":
			o.Timeout, err = units.ParseDuration(values[0])
		default:
			err = fmt.Errorf("unknown option %s: want memory or timeout", key)
		}
		if err != nil {
			return nil, bad(err)
		}
	}
	p := local.New(o)
	l.by[target] = p
	return p, nil
}
