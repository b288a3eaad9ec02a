package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/render"
	"github.com/wadi-engine/wadi/stream"
)

func newStateDiff() *cobra.Command {
	var env environment
	d := &stateDiff{}
	c := &cobra.Command{
		Use: "diff EARLIER LATER", Short: "Compare the tables of two checkpoints or savepoints",
		Long: `Diff says of each table how many rows the later checkpoint has added, removed and
changed, by their key. With --rows it shows them: -D and -U as they were, +I and +U as
they are.`,
		Example: "  wadi state diff /data/checkpoints/6f1c…/chk-41 /data/checkpoints/6f1c…/chk-42 --rows",
		Args:    args(cobra.ExactArgs(2)),
		RunE: func(c *cobra.Command, a []string) error {
			if d.limit < 1 {
				return usageError{fmt.Errorf("--limit %d: want a positive number", d.limit)}
			}
			e, err := env.open()
			if err != nil {
				return err
			}
			defer func() { _ = e.Close() }() // nothing runs
			d.out = c.OutOrStdout()
			return d.run(c, e, a[0], a[1])
		},
	}
	env.flags(c)
	c.Flags().BoolVar(&d.rows, "rows", false, "show the rows that differ")
	c.Flags().Int64Var(&d.limit, "limit", 1000, "how many rows of a table and checkpoint at the most")
	c.Flags().BoolVar(&d.json, "json", false, "print JSON: a line for each table")
	return c
}

// stateDiff prints how two checkpoints differ.
type stateDiff struct {
	rows, json bool
	limit      int64
	out        io.Writer

	// Of the table whose rows come at the moment.
	table string
	left  map[bool]int64 // rows that may still be shown, of the later and of the earlier checkpoint
	to    *render.Writer
	lines map[string]*bytes.Buffer // of JSON, by table
}

func nameOfTable(d wadi.StateDifference) string { return d.UID + "/" + d.Table }

func (s *stateDiff) run(c *cobra.Command, e *wadi.Env, earlier, later string) error {
	var rows func(wadi.StateDifference, wadi.Changes) error
	if s.rows {
		s.lines = map[string]*bytes.Buffer{}
		rows = s.show
	}
	all, err := e.CompareCheckpoints(c.Context(), earlier, later, rows)
	if err != nil {
		return err
	}
	if err := s.end(); err != nil {
		return err
	}
	if s.json {
		return s.printJSON(all)
	}
	t := table.NewWriter()
	t.SetOutputMirror(s.out)
	t.AppendHeader(table.Row{"table", "added", "removed", "changed", "columns"})
	for _, d := range all {
		columns := ""
		if len(d.Begins)+len(d.Ends) > 0 {
			columns = wadi.StateDifference{Begins: d.Begins, Ends: d.Ends}.String()
		}
		t.AppendRow(table.Row{nameOfTable(d), thousands(d.Added), thousands(d.Removed), thousands(d.Changed), columns})
	}
	t.Render()
	fmt.Fprintln(s.out)
	return nil
}

// show writes rows of a table until there are as many as wanted.
func (s *stateDiff) show(d wadi.StateDifference, rows wadi.Changes) error {
	if name := nameOfTable(d); s.table != name {
		if err := s.end(); err != nil {
			return err
		}
		s.table, s.left = name, map[bool]int64{true: s.limit, false: s.limit}
		to, format := s.out, render.Changelog
		if s.json {
			s.lines[name] = &bytes.Buffer{}
			to, format = s.lines[name], render.JSON
		} else {
			fmt.Fprintf(s.out, "%s %s\n", d.Vertex, name)
		}
		s.to = render.New(to, rows.Record.Schema(), render.Options{Format: format, Op: true})
	}
	later := rows.Kinds[0] == stream.Insert || rows.Kinds[0] == stream.UpdateAfter
	n := min(s.left[later], rows.Record.NumRows())
	if n == 0 {
		return nil
	}
	s.left[later] -= n
	b := stream.NewBatch(rows.Record.NewSlice(0, n))
	defer b.Release()
	b.Kinds = rows.Kinds[:n]
	return s.to.Write(b)
}

// end ends the rows of a table.
func (s *stateDiff) end() error {
	if s.to == nil {
		return nil
	}
	to := s.to
	s.to = nil
	return to.Close()
}

// tableDiff is a table in JSON.
type tableDiff struct {
	UID     string            `json:"uid"`
	Table   string            `json:"table"`
	Vertex  string            `json:"vertex"`
	Added   int64             `json:"added"`
	Removed int64             `json:"removed"`
	Changed int64             `json:"changed"`
	Begins  []string          `json:"new-columns,omitempty"`
	Ends    []string          `json:"columns-gone,omitempty"`
	Rows    []json.RawMessage `json:"rows,omitempty"`
}

func (s *stateDiff) printJSON(all []wadi.StateDifference) error {
	for _, d := range all {
		t := tableDiff{UID: d.UID, Table: d.Table, Vertex: d.Vertex, Added: d.Added, Removed: d.Removed, Changed: d.Changed, Begins: d.Begins, Ends: d.Ends}
		if b := s.lines[nameOfTable(d)]; b != nil {
			for line := range bytes.Lines(b.Bytes()) {
				t.Rows = append(t.Rows, json.RawMessage(bytes.TrimSpace(line)))
			}
		}
		if err := printJSON(s.out, t); err != nil {
			return err
		}
	}
	return nil
}
