package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/render"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

func newState() *cobra.Command {
	c := &cobra.Command{
		Use:   "state",
		Short: "Look into checkpoints",
		Long:  "State lists checkpoints, shows any table of any checkpoint as rows, compares two and\nwrites tables to files.",
	}
	c.AddCommand(newStateLs(), newStateShow(), newStateDiff(), newStateExport(), newStateBootstrap())
	return c
}

func newStateLs() *cobra.Command {
	var env environment
	var asJSON bool
	c := &cobra.Command{
		Use: "ls DIRECTORY", Short: "List the checkpoints below a directory", Args: args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, a []string) error {
			e, err := env.open()
			if err != nil {
				return err
			}
			defer func() { _ = e.Close() }() // nothing runs
			all, err := e.Checkpoints(c.Context(), a[0])
			if err != nil {
				return err
			}
			if asJSON {
				return printCheckpoints(c, all...)
			}
			t := table.NewWriter()
			t.SetOutputMirror(c.OutOrStdout())
			t.AppendHeader(table.Row{"job", "epoch", "created", "tables", "rows", "bytes", "path"})
			for _, k := range all {
				rows, bytes := int64(0), int64(0)
				for _, s := range k.Tables {
					rows += s.Rows
					bytes += s.Bytes
				}
				tables := fmt.Sprint(len(k.Tables))
				if k.Aborted != "" {
					tables = k.Aborted
				}
				t.AppendRow(table.Row{k.Job, k.Epoch, k.Created.Format(time.DateTime), tables, thousands(rows), thousands(bytes), k.Path})
			}
			t.Render()
			fmt.Fprintln(c.OutOrStdout())
			return nil
		},
	}
	env.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON: a line for each checkpoint")
	return c
}

func newStateShow() *cobra.Command {
	var env environment
	var name, format string
	var limit int64
	c := &cobra.Command{
		Use:   "show CHECKPOINT",
		Short: "Show the tables of a checkpoint, or the rows of one",
		Example: "  wadi state show /data/checkpoints/6f1c…/chk-42\n" +
			"  wadi state show /data/checkpoints/6f1c…/chk-42 --table window-agg-1/panes --format json",
		Args: args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, a []string) error {
			f, err := render.ParseFormat(format)
			if err != nil {
				return usageError{err}
			}
			if limit < 1 {
				return usageError{fmt.Errorf("--limit %d: want a positive number", limit)}
			}
			e, err := env.open()
			if err != nil {
				return err
			}
			defer func() { _ = e.Close() }() // nothing runs
			if name == "" {
				return listTables(c, e, a[0], f == render.JSON)
			}
			uid, tbl, ok := cutLast(name, "/")
			if !ok {
				return usageError{fmt.Errorf("--table %s: want OPERATOR/TABLE, as state show lists them", name)}
			}
			var w *render.Writer
			for rec, err := range e.State(c.Context(), a[0], uid, tbl) {
				if err != nil {
					return err
				}
				if w == nil {
					w = render.New(c.OutOrStdout(), rec.Schema(), render.Options{Format: f})
				}
				rec = rec.NewSlice(0, min(limit, rec.NumRows()))
				limit -= rec.NumRows()
				err = w.Write(stream.NewBatch(rec))
				rec.Release()
				if err != nil {
					return err
				}
				if limit == 0 {
					break
				}
			}
			if w == nil {
				return fmt.Errorf("%w: table %s has no rows", job.ErrInvalid, name)
			}
			return w.Close()
		},
	}
	env.flags(c)
	c.Flags().StringVarP(&name, "table", "t", "", "the `operator/table` whose rows to show")
	formatFlag(c.Flags(), &format, "table, json or csv")
	c.Flags().Int64Var(&limit, "limit", 1000, "how many rows at the most")
	return c
}

func listTables(c *cobra.Command, e *wadi.Env, path string, asJSON bool) error {
	k, err := e.Checkpoint(c.Context(), path)
	if err != nil {
		return err
	}
	if asJSON {
		return printCheckpoints(c, k)
	}
	fmt.Fprintf(c.OutOrStdout(), "Checkpoint %d of job %s, created %s UTC", k.Epoch, k.Job, k.Created.Format(time.DateTime))
	if k.Aborted != "" {
		fmt.Fprintf(c.OutOrStdout(), ": aborted (%s)", k.Aborted)
	}
	fmt.Fprintln(c.OutOrStdout())
	t := table.NewWriter()
	t.SetOutputMirror(c.OutOrStdout())
	t.AppendHeader(table.Row{"table", "runs", "rows", "bytes"})
	for _, s := range k.Tables {
		t.AppendRow(table.Row{s.UID + "/" + s.Name, s.Runs, thousands(s.Rows), thousands(s.Bytes)})
	}
	t.Render()
	fmt.Fprintln(c.OutOrStdout())
	return nil
}

// checkpointLine is a checkpoint in JSON.
type checkpointLine struct {
	Path    string      `json:"path"`
	Job     string      `json:"job"`
	Epoch   uint64      `json:"epoch"`
	Created time.Time   `json:"created"`
	Aborted string      `json:"aborted,omitempty"`
	Pending int         `json:"pending"`
	Tables  []tableLine `json:"tables"`
}

type tableLine struct {
	UID   string `json:"uid"`
	Table string `json:"table"`
	Runs  int    `json:"runs"`
	Rows  int64  `json:"rows"`
	Bytes int64  `json:"bytes"`
}

func printCheckpoints(c *cobra.Command, all ...wadi.Checkpoint) error {
	for _, k := range all {
		line := checkpointLine{Path: k.Path, Job: k.Job, Epoch: k.Epoch, Created: k.Created, Aborted: k.Aborted, Pending: k.Pending, Tables: []tableLine{}}
		for _, t := range k.Tables {
			line.Tables = append(line.Tables, tableLine{UID: t.UID, Table: t.Name, Runs: t.Runs, Rows: t.Rows, Bytes: t.Bytes})
		}
		if err := printJSON(c.OutOrStdout(), line); err != nil {
			return err
		}
	}
	return nil
}

// cutLast cuts s at the last sep.
func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
