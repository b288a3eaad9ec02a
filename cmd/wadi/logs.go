package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi/coordinator/rest"
	"github.com/wadi-engine/wadi/job"
)

// newLogs shows what the processes of a cluster log.
func newLogs() *cobra.Command {
	var at cluster
	var follow bool
	var lines int
	var level string
	var set rest.LogLevelRequest
	c := &cobra.Command{
		Use: "logs [JOB]", Short: "Show what the coordinator and the workers of a cluster log",
		Long: `Logs shows the newest lines that the coordinator and the workers keep in memory, in the
order of their times; of a job, those that are about it. The job is given by its id or
its name.

With --set-level it changes what is logged from now on, by all or by one --component
(rest, cluster, worker, leader, iceberg), and shows the levels; --set-level= gives a
component the level of all others again.`,
		Example: `  wadi logs -f 136c3e9978b7e87355f5b34ec6997dfa
  wadi logs --level warn
  wadi logs --set-level debug --component iceberg`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, a []string) error {
			if c.Flags().Changed("set-level") {
				return at.setLevel(c, set)
			}
			id := ""
			if len(a) > 0 {
				var err error
				if id, err = at.findJob(c.Context(), a[0]); err != nil {
					return err
				}
			}
			ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt)
			defer stop()
			return at.showLogs(ctx, c, id, level, lines, follow)
		},
	}
	at.flags(c)
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on with the lines that come")
	c.Flags().IntVarP(&lines, "lines", "n", 100, "how many lines of each process, at most")
	c.Flags().StringVar(&level, "level", "", "lines of this `level` or a higher one")
	c.Flags().StringVar(&set.Level, "set-level", "", "log from this `level` on: debug, info, warn, error or off")
	c.Flags().StringVar(&set.Component, "component", "", "with --set-level: the part of the program")
	c.Flags().StringVar(&set.Process, "process", "", "with --set-level: coordinator, or the id of a worker")
	return c
}

// findJob is the id of a job that is given by its id or by its name: of several
// of that name, the newest.
func (f *cluster) findJob(ctx context.Context, text string) (string, error) {
	jobs, err := f.client().Jobs(ctx)
	if err != nil {
		return "", err
	}
	slices.SortFunc(jobs, func(a, b rest.JobSummary) int { return cmp.Compare(b.StartMillis, a.StartMillis) })
	for _, j := range jobs {
		if string(j.ID) == text || j.Name == text {
			return string(j.ID), nil
		}
	}
	return "", fmt.Errorf("%w: the cluster knows no job %q; wadi list -a shows those that it knows", job.ErrInvalid, text)
}

func (f *cluster) showLogs(ctx context.Context, c *cobra.Command, id, level string, lines int, follow bool) error {
	for after := ""; ; {
		page, err := f.client().Logs(ctx, id, level, after, lines)
		if err != nil {
			return unlessOver(ctx, err)
		}
		for _, l := range page.Lines {
			if f.json {
				if err := printJSON(c.OutOrStdout(), l); err != nil {
					return err
				}
				continue
			}
			fmt.Fprintf(c.OutOrStdout(), "%s  %s\n", l.Process, l.Text)
		}
		if after == "" && len(page.Silent) > 0 {
			fmt.Fprintf(c.ErrOrStderr(), "No answer of %s.\n", strings.Join(page.Silent, ", "))
		}
		if after = page.Next; !follow {
			return nil
		}
		select {
		case <-f.client().Clock.After(time.Second):
		case <-ctx.Done():
			return nil
		}
	}
}

// unlessOver is nil when the user has ended what failed.
func unlessOver(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (f *cluster) setLevel(c *cobra.Command, q rest.LogLevelRequest) error {
	all, err := f.client().LogLevels(c.Context(), &q)
	if err != nil {
		return err
	}
	for _, process := range slices.Sorted(maps.Keys(all.Levels)) {
		of := all.Levels[process]
		for _, component := range slices.Sorted(maps.Keys(of)) {
			f.say(c, "%s  %s  %s", process, cmp.Or(component, "all"), of[component])
		}
	}
	return f.object(c, all)
}
