package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi"
)

func newExplain() *cobra.Command {
	var env environment
	var text, file, diff string
	var asJSON bool
	c := &cobra.Command{
		Use:   "explain [-e QUERY | FILE]",
		Short: "Show the plan of a query, or what a change of it means for its state",
		Long: `Explain shows how a query is understood, what the optimizer makes of it, and the
vertices that will run, with the changes that pass between them.

With --diff CHECKPOINT it says what becomes of the state of a checkpoint when the
jobs of a script are restored from it: kept, new (the operator begins with nothing),
or lost (no operator has it any more; run refuses that, unless it is told to go on
with --allow-non-restored-state).`,
		Example: "  wadi explain -e \"SELECT origin, COUNT(*) FROM read_parquet('flights.parquet') GROUP BY origin\"\n" +
			"  wadi explain --diff /data/checkpoints/6f1c…/chk-42 job.sql",
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, a []string) error {
			if len(a) == 1 {
				file = a[0]
			}
			e, err := env.open()
			if err != nil {
				return err
			}
			defer func() { _ = e.Close() }() // nothing runs
			if text == "" {
				if text, err = readScript(file, c.InOrStdin()); err != nil {
					return usageError{err}
				}
			}
			if diff != "" {
				return explainDiff(c.Context(), e, text, diff, asJSON, c.OutOrStdout())
			}
			plan, err := e.SQL(text).Explain(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), map[string]string{"plan": plan})
			}
			_, err = fmt.Fprint(c.OutOrStdout(), plan)
			return err
		},
	}
	env.flags(c)
	c.Flags().StringVarP(&text, "execute", "e", "", "the query")
	c.Flags().StringVarP(&file, "file", "f", "", "a file with the query; - is standard input")
	c.Flags().StringVar(&diff, "diff", "", "the `path` of a checkpoint: what becomes of its state")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// explainColumns says which functions of a kept operator count from now on.
func explainColumns(changes []wadi.StateChange, out io.Writer) error {
	for _, c := range changes {
		for _, line := range []struct {
			what  string
			names []string
		}{{"begins now", c.Begins}, {"ends", c.Ends}} {
			if len(line.names) == 0 {
				continue
			}
			if _, err := fmt.Fprintf(out, "%s: %s: %s\n", c.UID, line.what, strings.Join(line.names, ", ")); err != nil {
				return err
			}
		}
	}
	return nil
}

// explainDiff compares the jobs of a script with a checkpoint.
func explainDiff(ctx context.Context, e *wadi.Env, script, checkpoint string, asJSON bool, out io.Writer) error {
	jobs := 0
	err := e.Execute(ctx, script, func(o wadi.Outcome) error {
		if o.Pipeline == nil {
			return nil
		}
		jobs++
		changes, err := o.Pipeline.Compare(ctx, checkpoint)
		if err != nil {
			return err
		}
		if asJSON {
			return printFates(out, changes)
		}
		t := table.NewWriter()
		t.SetOutputMirror(out)
		t.AppendHeader(table.Row{"state", "rows", "bytes", "operator", "uid"})
		for _, c := range changes {
			t.AppendRow(table.Row{c.Fate, thousands(c.Rows), thousands(c.Bytes), c.Name, c.UID})
		}
		t.SetColumnConfigs([]table.ColumnConfig{{Name: "operator", WidthMax: 60}})
		t.Render()
		return explainColumns(changes, out)
	})
	if err == nil && jobs == 0 {
		err = usageError{fmt.Errorf("--diff: the script has no INSERT, so no job and no state")}
	}
	return err
}

// fateLine is what becomes of the state of an operator, in JSON.
type fateLine struct {
	UID      string   `json:"uid"`
	Operator string   `json:"operator"`
	State    string   `json:"state"`
	Rows     int64    `json:"rows"`
	Bytes    int64    `json:"bytes"`
	Begins   []string `json:"begins,omitempty"`
	Ends     []string `json:"ends,omitempty"`
}

// printFates prints a line for each operator.
func printFates(out io.Writer, changes []wadi.StateChange) error {
	for _, c := range changes {
		line := fateLine{UID: c.UID, Operator: c.Name, State: string(c.Fate), Rows: c.Rows, Bytes: c.Bytes, Begins: c.Begins, Ends: c.Ends}
		if err := printJSON(out, line); err != nil {
			return err
		}
	}
	return nil
}
