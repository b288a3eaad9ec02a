package main

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator/rest"
)

// newDoctor says what is wrong: with a job, or with what jobs need.
func newDoctor() *cobra.Command {
	var at cluster
	var env environment
	c := &cobra.Command{
		Use: "doctor [JOB]", Short: "Say what a job of a cluster waits for, or what is wrong with this machine",
		Long: `Doctor names what holds a job, the likeliest reason first: the split that holds the
watermark, the task that holds the barrier of a checkpoint, the vertex that holds back
what sends to it, the commit that fails, the source that is away. Without a finding the
job moves.

Without a job it looks at what the configuration asks for: whether the storage lets one
writer win and keeps what it is given, how far its clock is from this machine's, whether
ports are free, disk and memory; and with -m at the cluster: who leads, its workers and
their versions. What is not in order comes with what to do. The exit code is 1 when
there is a problem.`,
		Example: "  wadi doctor --config-dir /etc/wadi\n  wadi doctor -m localhost:8081\n  wadi doctor 136c3e9978b7e87355f5b34ec6997dfa",
		Args:    args(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, a []string) error {
			if len(a) == 1 {
				return at.doctorJob(c, a[0])
			}
			e, err := env.open()
			if err != nil {
				return err
			}
			defer func() { _ = e.Close() }() // nothing runs
			all := []wadi.Check{{Name: "version", Verdict: wadi.Fine, Text: versionText()}}
			all = append(all, e.Diagnose(c.Context())...)
			if c.Flags().Changed("jobmanager") {
				all = append(all, at.checks(c)...)
			}
			return at.report(c, all)
		},
	}
	env.flags(c)
	at.flags(c)
	return c
}

// doctorJob says why a job stands still.
func (f *cluster) doctorJob(c *cobra.Command, id string) error {
	s, err := f.client().Stuck(c.Context(), id)
	if err != nil {
		return err
	}
	if len(s.Findings) == 0 {
		f.say(c, "Nothing holds the job.")
	}
	for _, found := range s.Findings {
		f.say(c, "%s", findingText(found))
	}
	return f.object(c, s)
}

// checks looks at a cluster.
func (f *cluster) checks(c *cobra.Command) []wadi.Check {
	var o rest.Overview
	name := "cluster at " + f.address
	if err := f.client().Do(c.Context(), http.MethodGet, "/overview", nil, &o); err != nil {
		return []wadi.Check{{Name: name, Verdict: wadi.Problem, Text: err.Error(), Advice: "start one with wadi standalone or wadi coordinator, or name another with -m"}}
	}
	all := []wadi.Check{{Name: name, Verdict: wadi.Fine, Text: fmt.Sprintf("it answers: %d workers, %d of %d slots free, %d jobs run", o.TaskManagers, o.SlotsAvailable, o.SlotsTotal, o.JobsRunning)}}
	switch {
	case o.TaskManagers == 0:
		all = append(all, wadi.Check{Name: "workers", Verdict: wadi.Problem, Text: "none has registered", Advice: "start wadi worker where jobmanager.rpc.address leads to the coordinator"})
	case o.SlotsAvailable == 0:
		all = append(all, wadi.Check{Name: "workers", Verdict: wadi.Warning, Text: "no slot is free, so that the next job waits", Advice: "start more workers, or offer more slots (taskmanager.numberOfTaskSlots)"})
	}
	if o.FlinkCommit != version {
		all = append(all, wadi.Check{Name: "version of the cluster", Verdict: wadi.Warning, Text: fmt.Sprintf("it is %s, and this program is %s", o.FlinkCommit, version), Advice: "run the same version everywhere"})
	}
	return all
}

// report prints what was found.
func (f *cluster) report(c *cobra.Command, all []wadi.Check) error {
	problems := 0
	for _, k := range all {
		if k.Verdict == wadi.Problem {
			problems++
		}
		f.say(c, "%-8s %s: %s", k.Verdict, k.Name, k.Text)
		if k.Advice != "" {
			f.say(c, "         what to do: %s", k.Advice)
		}
	}
	if err := f.object(c, map[string]any{"checks": all}); err != nil {
		return err
	}
	if problems > 0 {
		return fmt.Errorf("%d of %d checks found a problem", problems, len(all))
	}
	return nil
}

// findingText is a finding in lines.
func findingText(f rest.Finding) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n  %s", f.Kind, f.Title, f.Text)
	for _, t := range f.Tasks {
		fmt.Fprintf(&b, "\n  task: %s", t)
	}
	if f.Advice != "" {
		fmt.Fprintf(&b, "\n  what to do: %s", f.Advice)
	}
	return b.String()
}
