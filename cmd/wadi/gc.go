package main

import (
	"fmt"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator/rest"
	"github.com/wadi-engine/wadi/internal/units"
	"github.com/wadi-engine/wadi/job"
)

func newGC() *cobra.Command {
	var env environment
	var at cluster
	var g garbage
	c := &cobra.Command{
		Use: "gc [DIRECTORY]", Short: "Show the checkpoints of jobs that are gone, and remove them",
		Long: `Gc lists the jobs that have checkpoints in a directory, with how much they take and
when they were last written to. A job is gone when it has ended for good, or when a
newer job has its name. With --delete, the checkpoints of those are removed; those of
jobs that run or may go on stay, and so do savepoints.

With -m, the cluster is asked, about its own directory: it knows which jobs run.
Otherwise --older-than says for how long nothing of a job that is gone was written.`,
		Example: "  wadi gc -m localhost:8081\n  wadi gc s3://bucket/checkpoints --older-than 7d --delete",
		Args:    args(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, a []string) error {
			if c.Flags().Changed("jobmanager") {
				if len(a) > 0 || g.older != "" {
					return usageError{fmt.Errorf("-m asks a cluster about its own directory: without DIRECTORY and --older-than")}
				}
				return g.ask(c, &at)
			}
			e, err := env.open()
			if err != nil {
				return err
			}
			defer func() { _ = e.Close() }() // nothing runs
			return g.look(c, &at, e, a)
		},
	}
	env.flags(c)
	at.flags(c)
	c.Flags().BoolVar(&g.remove, "delete", false, "remove the checkpoints of jobs that are gone")
	c.Flags().StringVar(&g.older, "older-than", "", "for how `long` nothing of them was written, such as 7d")
	return c
}

// garbage is what gc is to do.
type garbage struct {
	remove bool
	older  string
}

// ask asks a cluster.
func (g *garbage) ask(c *cobra.Command, at *cluster) error {
	jobs, err := at.client().Stored(c.Context())
	if err != nil {
		return err
	}
	return g.show(c, at, jobs, func(id job.ID) (int64, error) { return at.client().RemoveStored(c.Context(), string(id)) })
}

// look looks into a directory.
func (g *garbage) look(c *cobra.Command, at *cluster, e *wadi.Env, a []string) error {
	s := wadi.Storage{Quiet: 24 * time.Hour}
	switch {
	case len(a) > 0:
		s.Directory = a[0]
	default:
		s.Directory = e.Config("execution.checkpointing.dir")
	}
	if s.Directory == "" {
		return usageError{fmt.Errorf("gc of what? Name a DIRECTORY, or a cluster with -m")}
	}
	if g.older != "" {
		d, err := units.ParseDuration(g.older)
		if err != nil || d <= 0 {
			return usageError{fmt.Errorf("--older-than %s: want a time, such as 7d", g.older)}
		}
		s.Quiet = d
	} else if g.remove {
		return usageError{fmt.Errorf("nobody says which jobs run: name their cluster with -m, or with --older-than for how long nothing of jobs that are gone was written")}
	}
	known, err := e.JobsToGoOn(c.Context())
	if err != nil {
		return err
	}
	s.Runs = func(id job.ID) bool { return known[id] }
	jobs, err := e.StoredJobs(c.Context(), s)
	if err != nil {
		return err
	}
	return g.show(c, at, jobs, func(id job.ID) (int64, error) { return e.RemoveStoredJob(c.Context(), s, id) })
}

// show prints the jobs, and removes what is to be removed.
func (g *garbage) show(c *cobra.Command, at *cluster, jobs []rest.StoredJob, remove func(job.ID) (int64, error)) error {
	t := table.NewWriter()
	t.SetOutputMirror(c.OutOrStdout())
	t.AppendHeader(table.Row{"job", "name", "bytes", "files", "written", "gone", "state"})
	var gone int64
	for _, j := range jobs {
		yes := ""
		if j.Gone {
			gone += j.Bytes
			yes = "yes"
		}
		t.AppendRow(table.Row{j.ID, j.Name, thousands(j.Bytes), j.Files, time.UnixMilli(j.ChangedMillis).UTC().Format(time.DateTime), yes, j.State})
	}
	if !at.json {
		t.Render()
		fmt.Fprintf(c.OutOrStdout(), "\n%s bytes are of jobs that are gone.\n", thousands(gone))
	}
	removed := []job.ID{}
	var bytes int64
	for _, j := range jobs {
		if !g.remove || !j.Gone || j.Files == 0 {
			continue
		}
		n, err := remove(j.ID)
		if err != nil {
			return err
		}
		removed, bytes = append(removed, j.ID), bytes+n
		at.say(c, "Removed the checkpoints of job %s (%s): %s bytes.", j.ID, j.Name, thousands(n))
	}
	return at.object(c, map[string]any{"jobs": jobs, "removed": removed, "bytes": bytes})
}
