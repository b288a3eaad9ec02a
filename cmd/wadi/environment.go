package main

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/config"
	"github.com/wadi-engine/wadi/lakehouse/catalogs"
	"github.com/wadi-engine/wadi/lakehouse/cloud"
)

// environment is the flags of every command that plans or runs.
type environment struct {
	define      []string
	parallelism int

	command *cobra.Command
	serves  string // what the process is to others: coordinator, worker, standalone; or ""
}

func (e *environment) flags(c *cobra.Command) {
	e.command = c
	defineFlag(c, &e.define)
	c.Flags().IntVarP(&e.parallelism, "parallelism", "p", 0, "tasks per vertex (parallelism.default)")
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
	o.Launcher, o.Invokers = processes{binary, o.Log}, invokers(binary, o.Log)
	return wadi.Local(o)
}

// options are those of a process with a configuration of its own.
func (e *environment) options() (wadi.Options, error) {
	set, err := configuration(e.command)
	if err != nil {
		return wadi.Options{}, err
	}
	return e.optionsOf(set)
}

// optionsOf are those of a process with this configuration.
func (e *environment) optionsOf(set *config.Loaded) (wadi.Options, error) {
	if e.parallelism < 0 {
		return wadi.Options{}, usageError{fmt.Errorf("-p %d: want a positive number", e.parallelism)}
	}
	log, err := e.log(set.Get)
	if err != nil {
		return wadi.Options{}, err
	}
	for _, n := range set.Notes {
		log.Logger().Info("configuration", slog.String("note", n))
	}
	return wadi.Options{
		Version: version, Parallelism: e.parallelism, Config: set.All(), Stores: cloud.Openers(), Catalogs: catalogs.Openers(),
		Log: log.Logger(), Logs: log,
	}, nil
}
