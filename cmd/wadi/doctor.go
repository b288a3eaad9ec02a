package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi/coordinator/rest"
)

// newDoctor says why a job stands still.
func newDoctor() *cobra.Command {
	var at cluster
	c := &cobra.Command{
		Use: "doctor JOB", Short: "Say what a job of a cluster waits for",
		Long: `Doctor names what holds a job, the likeliest reason first: the split that holds the
watermark, the task that holds the barrier of a checkpoint, the vertex that holds back
what sends to it, the commit that fails, the source that is away. Without a finding the
job moves.`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, a []string) error {
			s, err := at.client().Stuck(c.Context(), a[0])
			if err != nil {
				return err
			}
			if len(s.Findings) == 0 {
				at.say(c, "Nothing holds the job.")
			}
			for _, f := range s.Findings {
				at.say(c, "%s", findingText(f))
			}
			return at.object(c, s)
		},
	}
	at.flags(c)
	return c
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
