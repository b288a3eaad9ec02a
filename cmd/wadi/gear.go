package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi/coordinator/rest"
	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/job"
)

// newGear shows and changes how the tasks of a job live.
func newGear() *cobra.Command {
	var at cluster
	wait := time.Minute
	c := &cobra.Command{
		Use: "gear JOB [NAME]", Short: "Show in which gear a job of a cluster is, or change it",
		Long: `Gear tells how the tasks of a job live, and why: pipelined (as long as the job),
staged (for an epoch, a process for each stage) or functions (for an epoch, an invocation
for each task). With a name, which may be auto, it changes that while the job runs: behind a checkpoint, without
a row lost or doubled. A gear in which nothing succeeds is left again.`,
		Example: "  wadi gear 136c3e9978b7e87355f5b34ec6997dfa\n  wadi gear 136c3e9978b7e87355f5b34ec6997dfa functions",
		Args:    args(cobra.RangeArgs(1, 2)),
		RunE: func(c *cobra.Command, a []string) error {
			name := ""
			if len(a) == 2 {
				name = strings.ToLower(a[1])
			}
			g, err := at.client().Gear(c.Context(), a[0], name)
			if err == nil && name != "" && name != "auto" {
				g, err = awaitGear(c, &at, a[0], name, g, wait)
			}
			if err != nil {
				return err
			}
			at.say(c, "%s", gearText(g))
			return at.object(c, g)
		},
	}
	at.flags(c)
	c.Flags().DurationVar(&wait, "wait", wait, "for how `long` to wait for the change; 0 does not wait")
	return c
}

// awaitGear waits until a job is in the gear that was asked for.
func awaitGear(c *cobra.Command, at *cluster, id, name string, g rest.Gear, wait time.Duration) (rest.Gear, error) {
	const look = 100 * time.Millisecond
	clock := engine.WallClock{}
	for late := clock.Now().Add(wait); ; {
		switch to := string(g.Gear); {
		case len(g.Shifts) > 0 && g.Shifts[0].Back && string(g.Shifts[0].From) == name:
			return g, fmt.Errorf("%w: %s", job.ErrUnavailable, g.Shifts[0].Reason)
		case to == name && (len(g.Shifts) == 0 || g.Shifts[0].Done || string(g.Shifts[0].To) != name), wait == 0:
			return g, nil
		case !clock.Now().Before(late):
			return g, fmt.Errorf("%w: the job is not in the %s gear after %v, and will be: look with wadi gear %s", job.ErrUnavailable, name, wait, id)
		}
		select {
		case <-clock.After(look):
		case <-c.Context().Done():
			return g, c.Context().Err()
		}
		var err error
		if g, err = at.client().Gear(c.Context(), id, ""); err != nil {
			return g, err
		}
	}
}

// gearText is what people read of it.
func gearText(g rest.Gear) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Job %s is in the %s gear", g.ID, g.Gear)
	if g.Chosen != string(g.Gear) {
		fmt.Fprintf(&b, "; asked for is %s", g.Chosen)
	}
	b.WriteByte('.')
	for _, s := range g.Shifts {
		took := "not there yet"
		if s.Done {
			took = fmt.Sprintf("took %v, from checkpoint %d", time.Duration(s.TookMillis)*time.Millisecond, s.Checkpoint)
		}
		fmt.Fprintf(&b, "\n%s  %s → %s (%s): %s", time.UnixMilli(s.AtMillis).Format(time.DateTime), s.From, s.To, took, s.Reason)
	}
	return b.String()
}
