package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/cmd/wadi/shell"
	"github.com/wadi-engine/wadi/internal/render"
)

func newSQL() *cobra.Command {
	var env environment
	var text, file, format, initial string
	c := &cobra.Command{
		Use:   "sql [-e TEXT | -f FILE]",
		Short: "Run queries and print their rows, or open the shell",
		Long: `Without -e and -f, and with a terminal, sql opens an interactive shell with history,
completion and statements over several lines.

Files need no declaration: FROM read_parquet('glob or URL'), read_csv, read_json,
read_avro and read_arrow find the columns. A query whose inputs all end runs as a batch, unless
execution.runtime-mode says otherwise.

  --format table       for people (default)
  --format json        one object per row; 64-bit integers and decimals are exact
  --format csv         with a line of column names
  --format changelog   every change of the result, its kind first, in op: to a terminal as a table,
                       otherwise as json`,
		Example: "  wadi sql -e \"SELECT origin, COUNT(*) FROM read_parquet('flights.parquet') GROUP BY origin\"\n" +
			"  wadi sql -f testdata/examples/flights.sql --format json",
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			f, err := render.ParseFormat(format)
			if err != nil {
				return usageError{err}
			}
			if text != "" && file != "" {
				return usageError{fmt.Errorf("-e and -f together: want one of them")}
			}
			if f == render.Changelog {
				env.define = append([]string{"execution.runtime-mode=streaming"}, env.define...)
			}
			e, err := env.open()
			if err != nil {
				return err
			}
			defer func() { _ = e.Close() }() // everything that matters has been closed by its job
			x := &executor{env: e, out: c.OutOrStdout(), format: f, quiet: text != "" || file != ""}
			if f == render.Changelog && !term.IsTerminal(int(os.Stdout.Fd())) {
				x.format, x.op = render.JSON, true
			}
			if err := x.initialize(c, initial); err != nil {
				return err
			}
			if text == "" && file == "" && term.IsTerminal(int(os.Stdin.Fd())) {
				return runShell(c, x)
			}
			if text == "" {
				if text, err = readScript(file, c.InOrStdin()); err != nil {
					return usageError{err}
				}
			}
			return e.Execute(c.Context(), text, func(o wadi.Outcome) error { return x.outcome(c.Context(), o) })
		},
	}
	env.flags(c)
	c.Flags().StringVarP(&text, "execute", "e", "", "the statements to run")
	c.Flags().StringVarP(&file, "file", "f", "", "a file of statements to run; - is standard input")
	c.Flags().StringVarP(&initial, "init", "i", "", "a `file` of statements to run first, such as CREATE CATALOG")
	formatFlag(c.Flags(), &format, "table, json, csv or changelog")
	return c
}

// initialize runs the statements of a file without a word.
func (x *executor) initialize(c *cobra.Command, file string) error {
	if file == "" {
		return nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return usageError{err}
	}
	quiet := *x
	quiet.quiet = true
	return x.env.Execute(c.Context(), string(text), func(o wadi.Outcome) error { return quiet.outcome(c.Context(), o) })
}

func readScript(file string, in io.Reader) (string, error) {
	if file == "" || file == "-" {
		b, err := io.ReadAll(in)
		return string(b), err
	}
	b, err := os.ReadFile(file)
	return string(b), err
}

func runShell(c *cobra.Command, x *executor) error {
	o := shell.Options{
		Out: c.OutOrStdout(), Catalog: x.env,
		Welcome: versionText() + ". Statements end with a semicolon; HELP; helps, QUIT; leaves.",
	}
	if dir, err := os.UserConfigDir(); err == nil {
		o.HistoryFile = filepath.Join(dir, "wadi", "history")
	}
	s, err := shell.New(x, o)
	if err != nil {
		return err
	}
	return s.Run(c.Context())
}
