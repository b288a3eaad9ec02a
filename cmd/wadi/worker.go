package main

import (
	"fmt"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func newWorker() *cobra.Command {
	env := environment{serves: "worker"}
	c := &cobra.Command{
		Use:   "worker",
		Short: "Run tasks for a coordinator",
		Long: `Worker registers with the coordinator at jobmanager.rpc.address and runs the tasks
that it is given, taskmanager.numberOfTaskSlots of each vertex of a job. Workers
exchange rows over TCP, on taskmanager.data.port (0, the default, takes a free one).

It looks for a coordinator until there is one, and again when it has lost it.
Every process of a cluster needs the same wadi.cluster.secret, or certificates
(security.ssl.internal.*); with neither, whoever reaches the ports belongs to it.`,
		Example: "  wadi worker -D jobmanager.rpc.address=10.0.0.1 -D taskmanager.bind-host=0.0.0.0 -D taskmanager.numberOfTaskSlots=4",
		Args:    args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			e, err := env.open()
			if err != nil {
				return err
			}
			defer func() { _ = e.Close() }() // its jobs have been closed
			ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			if err := e.Work(ctx); err != nil {
				return fmt.Errorf("worker: %w", err)
			}
			return nil
		},
	}
	env.flags(c)
	return c
}
