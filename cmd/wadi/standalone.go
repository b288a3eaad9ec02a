package main

import (
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator/web"
)

func newStandalone() *cobra.Command {
	env := environment{serves: "standalone"}
	c := &cobra.Command{
		Use:   "standalone",
		Short: "Run a cluster in this process",
		Long: `Standalone runs a coordinator and a worker in one process, and serves Flink's REST
API and the web UI at rest.bind-address and rest.port (127.0.0.1:8081). Jobs are
submitted to it with wadi run -d -m, with /jars as to Flink, or as SQL text with
/api/sql.

Whoever reaches the API may run jobs, and read what the process can read. It is
for this machine alone until -D rest.bind-address=0.0.0.0 says otherwise; then set
-D wadi.rest.token too.`,
		Example: "  wadi standalone -D execution.checkpointing.dir=file:///data/checkpoints\n  wadi run -d -m localhost:8081 job.sql\n  wadi list",
		Args:    args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := env.session()
			if err != nil {
				return err
			}
			ctx, cancel := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
			defer cancel()
			err = s.Serve(ctx, wadi.ServeOptions{
				Version: version, UI: web.Handler(),
				Ready: func(a net.Addr) { fmt.Fprintf(c.OutOrStdout(), "The REST API is at %s\n", s.URL(a.String())) },
			})
			if closing := s.Close(); err == nil {
				err = closing
			}
			return err
		},
	}
	env.flags(c)
	return c
}

// session is a cluster without workers yet.
func (e *environment) session() (*wadi.Session, error) {
	o, err := e.options()
	if err != nil {
		return nil, err
	}
	binary, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	o.Launcher, o.Invokers = processes{binary, o.Log}, invokers(binary, o.Log)
	return wadi.NewSession(o)
}
