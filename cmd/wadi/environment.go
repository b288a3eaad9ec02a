package main

import (
	"fmt"
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

	command *cobra.Command
	serves  string // what the process is to others: coordinator, worker, standalone; or ""
}

func (e *environment) flags(c *cobra.Command) {
	e.command = c
	c.Flags().StringArrayVarP(&e.define, "define", "D", nil, "set a configuration key, as `key=value`; may be repeated")
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
	log, err := e.log(config)
	if err != nil {
		return wadi.Options{}, err
	}
	return wadi.Options{
		Version: version, Parallelism: e.parallelism, Config: config, Stores: cloud.Openers(), Catalogs: catalogs.Openers(),
		Log: log.Logger(), Logs: log,
	}, nil
}
