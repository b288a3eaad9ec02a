package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi/coordinator/rest"
)

// newList is flink list: its lines are Flink's.
func newList() *cobra.Command {
	var at cluster
	var running, scheduled, all bool
	c := &cobra.Command{
		Use: "list", Short: "List the jobs of a cluster, as flink list does", Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			jobs, err := at.client().Jobs(c.Context())
			if err != nil {
				return err
			}
			slices.SortFunc(jobs, func(a, b rest.JobSummary) int { return cmp.Compare(a.StartMillis, b.StartMillis) })
			if !running && !scheduled && !all {
				running, scheduled = true, true
			}
			var shown [3][]rest.JobSummary // running, scheduled, terminated
			for _, j := range jobs {
				shown[kindOfJob(j.State)] = append(shown[kindOfJob(j.State)], j)
			}
			if at.json {
				out := []rest.JobSummary{}
				for i, want := range []bool{running || all, scheduled || all, all} {
					if want {
						out = append(out, shown[i]...)
					}
				}
				return printJSON(c.OutOrStdout(), out)
			}
			out := c.OutOrStdout()
			fmt.Fprintln(out, "Waiting for response...")
			if running || all {
				printJobs(out, "------------------ Running/Restarting Jobs -------------------", "No running jobs.", shown[0])
			}
			if scheduled || all {
				printJobs(out, "----------------------- Scheduled Jobs -----------------------", "No scheduled jobs.", shown[1])
			}
			if all && len(shown[2]) > 0 {
				printJobs(out, "---------------------- Terminated Jobs -----------------------", "", shown[2])
			}
			return nil
		},
	}
	at.flags(c)
	c.Flags().BoolVarP(&running, "running", "r", false, "only jobs that run or restart")
	c.Flags().BoolVarP(&scheduled, "scheduled", "s", false, "only jobs that wait to run")
	c.Flags().BoolVarP(&all, "all", "a", false, "also jobs that have ended")
	return c
}

// kindOfJob is 0 for jobs that run, 1 for those that wait, 2 for those that
// have ended.
func kindOfJob(state string) int {
	switch state {
	case "CREATED", "INITIALIZING":
		return 1
	case "FINISHED", "CANCELED", "FAILED", "SUSPENDED":
		return 2
	}
	return 0
}

func printJobs(out io.Writer, title, none string, jobs []rest.JobSummary) {
	if len(jobs) == 0 {
		fmt.Fprintln(out, none)
		return
	}
	fmt.Fprintln(out, title)
	for _, j := range jobs {
		fmt.Fprintf(out, "%s : %s : %s (%s)\n", time.UnixMilli(j.StartMillis).Format("02.01.2006 15:04:05"), j.ID, j.Name, j.State)
	}
	fmt.Fprintln(out, "--------------------------------------------------------------")
}

// newJobs is a table of jobs, for people.
func newJobs() *cobra.Command {
	var at cluster
	c := &cobra.Command{
		Use: "jobs", Short: "Show the jobs of a cluster as a table", Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			jobs, err := at.client().Jobs(c.Context())
			if err != nil {
				return err
			}
			if at.json {
				return printJSON(c.OutOrStdout(), jobs)
			}
			t := table.NewWriter()
			t.SetOutputMirror(c.OutOrStdout())
			t.AppendHeader(table.Row{"job", "name", "state", "started", "for", "tasks"})
			for _, j := range jobs {
				t.AppendRow(table.Row{
					j.ID, j.Name, j.State, time.UnixMilli(j.StartMillis).Format(time.DateTime),
					(time.Duration(j.DurationMillis) * time.Millisecond).Round(time.Second),
					fmt.Sprintf("%d of %d running", j.Tasks.Running, j.Tasks.Total),
				})
			}
			t.Render()
			return nil
		},
	}
	at.flags(c)
	return c
}
