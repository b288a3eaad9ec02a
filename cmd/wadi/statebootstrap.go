package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/parse"
)

func newStateBootstrap() *cobra.Command {
	var env environment
	var history []string
	var b wadi.Bootstrap
	var asJSON bool
	c := &cobra.Command{
		Use: "bootstrap FILE.sql", Short: "Make a savepoint from rows of the past",
		Long: `Bootstrap makes a savepoint of the state that the job of a script would have if its
tables had given the rows of queries or files. A job that starts from it begins with
that state, and reads its tables from their beginning.

A --history is a query, a file (.parquet, .csv, .json, .jsonl, .arrow, .avro) or the
name of a table of the script. Where event time matters, its rows come in the order of
time: write a query with ORDER BY. What the job makes of the history is not written,
except with --write.`,
		Example: `  wadi state bootstrap job.sql --history orders=2025.parquet -o /data/savepoints
  wadi state bootstrap job.sql --history "orders=SELECT * FROM lake.db.orders ORDER BY ts" -o s3://bucket/savepoints
  wadi run job.sql -s PATH`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, a []string) error {
			script, err := os.ReadFile(a[0])
			if err != nil {
				return usageError{fmt.Errorf("read the script: %w", err)}
			}
			e, err := env.open()
			if err != nil {
				return err
			}
			defer func() { _ = e.Close() }() // its job has ended
			p, err := onlyJob(c, e, string(script))
			if err != nil {
				return err
			}
			if b.History, err = histories(e, history); err != nil {
				return err
			}
			path, err := p.Bootstrap(c.Context(), b)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), map[string]string{"location": path})
			}
			fmt.Fprintf(c.OutOrStdout(), "Savepoint completed. Path: %s\n", path)
			return nil
		},
	}
	env.flags(c)
	c.Flags().StringArrayVar(&history, "history", nil, "the past of a table, as `table=query`, table=file or table=table; may be repeated")
	c.Flags().StringVarP(&b.Directory, "output", "o", "", "the `directory` in which the savepoint gets a folder")
	c.Flags().BoolVar(&b.Write, "write", false, "let the job's sinks write what comes of the history")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	_ = c.MarkFlagRequired("output")  // they are there
	_ = c.MarkFlagRequired("history") // and so is this one
	return c
}

// onlyJob carries out a script but for its job, of which it must have one.
func onlyJob(c *cobra.Command, e *wadi.Env, script string) (*wadi.Pipeline, error) {
	var found *wadi.Pipeline
	err := e.Execute(c.Context(), script, func(o wadi.Outcome) error {
		if o.Pipeline == nil {
			return nil
		}
		if found != nil {
			return fmt.Errorf("%w: the script has several jobs: a savepoint is one job's; gather its INSERTs in a statement set", job.ErrInvalid)
		}
		found = o.Pipeline
		return nil
	})
	if err == nil && found == nil {
		err = fmt.Errorf("%w: the script has no INSERT, so that there is no job", job.ErrInvalid)
	}
	return found, err
}

// histories are the rows that each --history names.
func histories(e *wadi.Env, flags []string) (map[string]*wadi.Frame, error) {
	all := map[string]*wadi.Frame{}
	for _, f := range flags {
		name, of, ok := strings.Cut(f, "=")
		name, of = strings.TrimSpace(name), strings.TrimSpace(of)
		if !ok || name == "" || of == "" {
			return nil, usageError{fmt.Errorf("--history %s: want table=query, table=file or table=table", f)}
		}
		if all[name] != nil {
			return nil, usageError{fmt.Errorf("--history %s: table %s has one already", f, name)}
		}
		all[name] = historyOf(e, of)
	}
	return all, nil
}

func historyOf(e *wadi.Env, of string) *wadi.Frame {
	if stmt, err := parse.Statement(of); err == nil {
		if _, ok := stmt.(ast.Query); ok {
			return e.SQL(of)
		}
	}
	switch strings.ToLower(filepath.Ext(of)) {
	case ".parquet":
		return e.ReadParquet(of)
	case ".csv":
		return e.ReadCSV(of)
	case ".json", ".jsonl", ".ndjson":
		return e.ReadJSON(of)
	case ".arrow":
		return e.ReadArrow(of)
	case ".avro":
		return e.Read(map[string]string{"connector": "filesystem", "format": "avro", "path": of})
	}
	if strings.ContainsAny(of, " (") { // a query with a mistake in it
		return e.SQL(of)
	}
	return e.Table(of)
}
