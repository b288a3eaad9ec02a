package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/wadi-engine/wadi/cmd/wadi/top"
	"github.com/wadi-engine/wadi/engine"
)

// newTop shows what a cluster does.
func newTop() *cobra.Command {
	var at cluster
	var every time.Duration
	c := &cobra.Command{
		Use: "top", Short: "Show what a cluster does, as it does it",
		Long: `Top shows the jobs of a cluster: rows read and written a second, checkpoints, and of
one job the vertices: rates, how much of the time they are busy, held back or idle, and
their watermarks. On a terminal it is drawn anew all the time; otherwise, and with
--json, it looks twice and prints once.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if every < 100*time.Millisecond {
				return usageError{fmt.Errorf("--interval %v: want 100ms or more", every)}
			}
			clock := engine.WallClock{}
			if out, ok := c.OutOrStdout().(*os.File); ok && !at.json && term.IsTerminal(int(out.Fd())) && term.IsTerminal(int(os.Stdin.Fd())) {
				return top.Live(c.Context(), at.client(), every, clock.Now)
			}
			before, err := top.Take(c.Context(), at.client(), clock.Now(), nil)
			if err != nil {
				return err
			}
			select {
			case <-clock.After(every):
			case <-c.Context().Done():
				return c.Context().Err()
			}
			s, err := top.Take(c.Context(), at.client(), clock.Now(), before)
			if err != nil {
				return err
			}
			at.say(c, "%s", top.View{Selected: -1}.Text(s))
			return at.object(c, s)
		},
	}
	at.flags(c)
	c.Flags().DurationVar(&every, "interval", time.Second, "the time between two looks")
	return c
}
