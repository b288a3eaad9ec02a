package main

import (
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/lakehouse/catalogs"
	"github.com/wadi-engine/wadi/lakehouse/cloud"
)

// environment is the flags of every command that plans or runs.
type environment struct {
	define      []string
	parallelism int
	verbose     int
}

func (e *environment) flags(c *cobra.Command) {
	c.Flags().StringArrayVarP(&e.define, "define", "D", nil, "set a configuration key, as `key=value`; may be repeated")
	c.Flags().IntVarP(&e.parallelism, "parallelism", "p", 0, "tasks per vertex (parallelism.default)")
	c.Flags().CountVarP(&e.verbose, "verbose", "v", "log what jobs do; twice: every epoch")
}

// open makes the Env that the flags describe.
func (e *environment) open() (*wadi.Env, error) {
	o, err := e.options()
	if err != nil {
		return nil, err
	}
	binary, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	o.Launcher = processes{binary, o.Log}
	return wadi.Local(o)
}

func (e *environment) options() (wadi.Options, error) {
	config := make(map[string]string)
	for _, d := range e.define {
		key, value, ok := strings.Cut(d, "=")
		if !ok {
			return wadi.Options{}, usageError{fmt.Errorf("-D %s: want key=value", d)}
		}
		config[strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	if e.parallelism < 0 {
		return wadi.Options{}, usageError{fmt.Errorf("-p %d: want a positive number", e.parallelism)}
	}
	level := slog.LevelWarn
	switch {
	case e.verbose > 1:
		level = slog.LevelDebug
	case e.verbose > 0:
		level = slog.LevelInfo
	}
	return wadi.Options{
		Version: version, Parallelism: e.parallelism, Config: config, Stores: cloud.Openers(), Catalogs: catalogs.Openers(),
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})),
	}, nil
}
