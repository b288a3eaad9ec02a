package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator/rest"
	"github.com/wadi-engine/wadi/coordinator/web"
)

func newCoordinator() *cobra.Command {
	env := environment{serves: "coordinator"}
	var script string
	c := &cobra.Command{
		Use:   "coordinator",
		Short: "Run the coordinator of a cluster of workers",
		Long: `Coordinator serves Flink's REST API and the web UI at rest.bind-address and rest.port
(127.0.0.1:8081), takes workers at jobmanager.bind-host and jobmanager.rpc.port
(127.0.0.1:6123), and runs the tasks of jobs on them; wadi worker starts one.

It keeps nothing on its own disk. With high-availability.storageDir, a directory in
object storage that every process of the cluster reaches, any number of coordinators
may run: one leads, the others forward what they are asked. When the leader dies the
tasks run on, and another adopts them within seconds.

  --job FILE.sql    run the jobs of a script, and end when they have ended`,
		Example: `  wadi coordinator -D high-availability.storageDir=s3://bucket/wadi
  wadi worker -D high-availability.storageDir=s3://bucket/wadi
  wadi run -d -m localhost:8081 job.sql`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if script == "" {
				return coordinate(c, &env, nil)
			}
			text, err := os.ReadFile(script)
			if err != nil {
				return usageError{fmt.Errorf("read the script: %w", err)}
			}
			return coordinate(c, &env, &rest.Submission{Script: string(text)})
		},
	}
	env.flags(c)
	c.Flags().StringVar(&script, "job", "", "run the jobs of this `file`, and end with them")
	return c
}

// coordinate is a coordinator until it is told to end, or, with an application,
// until its jobs have ended.
func coordinate(c *cobra.Command, env *environment, application *rest.Submission) error {
	s, err := env.session()
	if err != nil {
		return err
	}
	ctx, cancel := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
	var tidy sync.WaitGroup
	tidy.Go(func() { frugal(ctx) })
	defer func() {
		cancel()
		tidy.Wait()
	}()
	o := wadi.ServeOptions{Version: version, UI: web.Handler(), Ready: func(a net.Addr) { fmt.Fprintf(c.OutOrStdout(), "The REST API is at %s\n", s.URL(a.String())) }}
	var leads func(context.Context) error
	var failed error
	if application != nil {
		leads = func(ctx context.Context) error {
			failed = s.Application(ctx, *application)
			s.Shutdown()
			return nil
		}
	}
	err = s.Coordinate(ctx, o, leads)
	if closing := s.Close(); err == nil {
		err = closing
	}
	if err == nil && failed != nil && ctx.Err() == nil {
		err = failedError{failed}
	}
	return err
}
