package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/render"
)

// newDLQ is about tables of dead letters.
func newDLQ() *cobra.Command {
	c := &cobra.Command{
		Use:   "dlq",
		Short: "Look into dead letters, and feed them back",
		Long: `Dead letters are rows that a job could not read or compute, in the table that
'error.table' names. The statements of --init declare that table, and those to which
letters are fed back.`,
	}
	c.AddCommand(newDLQLs(), newDLQShow(), newDLQReplay())
	return c
}

// letters are the flags of the commands about dead letters.
type letters struct {
	env    environment
	init   string
	where  string
	format string
}

func (l *letters) flags(c *cobra.Command) {
	l.env.flags(c)
	c.Flags().StringVarP(&l.init, "init", "i", "", "a `file` of statements that declare the tables")
	c.Flags().StringVar(&l.where, "where", "", "only letters for which a `condition` of SQL holds")
}

// open declares the tables, and letters: those of the table that the condition picks,
// as text too, and with what tells a letter from others.
func (l *letters) open(c *cobra.Command, table string, quiet bool) (*executor, error) {
	f, err := render.ParseFormat(l.format)
	if err != nil {
		return nil, usageError{err}
	}
	if l.init == "" {
		return nil, usageError{errors.New("-i FILE is missing: the statements that declare the table of the letters")}
	}
	l.env.define = append([]string{"execution.runtime-mode=batch"}, l.env.define...)
	e, err := l.env.open()
	if err != nil {
		return nil, err
	}
	x := &executor{env: e, out: c.OutOrStdout(), format: f, quiet: true}
	if quiet {
		x.out = io.Discard
	}
	if err := x.initialize(c, l.init); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	if err := l.declare(c.Context(), e, table); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return x, nil
}

// columns of the letters that are optional in their table, by how they are when they
// are not there.
var letterColumns = map[string]string{
	"source": "CAST(NULL AS STRING)", "split": "CAST(NULL AS STRING)", "position": "CAST(NULL AS BIGINT)", "reason": "CAST(NULL AS STRING)",
	"time": "CAST(NULL AS TIMESTAMP_LTZ(3))", "job": "CAST(NULL AS STRING)", "epoch": "CAST(NULL AS BIGINT)",
}

func (l *letters) declare(ctx context.Context, e *wadi.Env, table string) error {
	schema, err := e.Table(table).Schema(ctx)
	if err != nil {
		return err
	}
	if _, ok := schema.FieldsByName("bytes"); !ok {
		return usageError{fmt.Errorf("table %s has no column bytes: it does not hold dead letters", table)}
	}
	column := func(name string) string {
		if _, ok := schema.FieldsByName(name); ok {
			return "`" + name + "`"
		}
		return letterColumns[name]
	}
	var list []string
	for _, name := range []string{"source", "split", "position", "reason", "time", "job", "epoch"} {
		list = append(list, column(name)+" AS `"+name+"`")
	}
	query := "SELECT " + strings.Join(list, ", ") + ", bytes, CAST(bytes AS STRING) AS text, " +
		"MD5(CONCAT_WS('|', " + column("source") + ", " + column("split") + ", CAST(" + column("position") + " AS STRING), " +
		column("job") + ", CAST(" + column("epoch") + " AS STRING), MD5(CAST(bytes AS STRING)))) AS letter FROM " + table
	if l.where != "" {
		query = "SELECT * FROM (" + query + ") AS l WHERE " + l.where
	}
	return e.Execute(ctx, "CREATE TEMPORARY VIEW `wadi letters` AS "+query, func(wadi.Outcome) error { return nil })
}

// show runs a query and prints its rows.
func (x *executor) show(ctx context.Context, query string) error {
	return x.env.Execute(ctx, query, func(o wadi.Outcome) error { return x.outcome(ctx, o) })
}

func newDLQLs() *cobra.Command {
	var l letters
	c := &cobra.Command{
		Use: "ls TABLE", Short: "Count dead letters by source and reason", Args: args(cobra.ExactArgs(1)),
		Example: "  wadi dlq ls -i tables.sql dead",
		RunE: func(c *cobra.Command, a []string) error {
			x, err := l.open(c, a[0], false)
			if err != nil {
				return err
			}
			defer func() { _ = x.env.Close() }() // nothing runs
			return x.show(c.Context(), "SELECT `source`, reason, COUNT(*) AS letters, MIN(`time`) AS `from`, MAX(`time`) AS `to` FROM `wadi letters` GROUP BY `source`, reason ORDER BY letters DESC, `source`, reason")
		},
	}
	l.flags(c)
	formatFlag(c.Flags(), &l.format, "table, json or csv")
	return c
}

func newDLQShow() *cobra.Command {
	var l letters
	var limit int
	c := &cobra.Command{
		Use: "show TABLE", Short: "Show dead letters, their bytes as text", Args: args(cobra.ExactArgs(1)),
		Example: "  wadi dlq show -i tables.sql dead --where \"reason LIKE '%is no INT'\" --format json",
		RunE: func(c *cobra.Command, a []string) error {
			x, err := l.open(c, a[0], false)
			if err != nil {
				return err
			}
			defer func() { _ = x.env.Close() }() // nothing runs
			return x.show(c.Context(), fmt.Sprintf("SELECT `source`, split, `position`, `time`, job, epoch, reason, text FROM `wadi letters` ORDER BY `source`, split, `position` LIMIT %d", limit))
		},
	}
	l.flags(c)
	formatFlag(c.Flags(), &l.format, "table, json or csv")
	c.Flags().IntVar(&limit, "limit", 1000, "how many at the most")
	return c
}

func newDLQReplay() *cobra.Command {
	var l letters
	var into, query, ledger string
	var asJSON bool
	c := &cobra.Command{
		Use:   "replay TABLE",
		Short: "Feed dead letters back into a table, each once",
		Long: `Replay runs --query over the letters, which are called letters there, and inserts its
rows into --into. Columns of letters: source, split, position, reason, time, job, epoch,
bytes, and text, which is bytes as text.

The letters that were taken, whether the query made rows of them or not, are noted in
the table --ledger, which has a column letter STRING; letters that are noted there are
not taken again. Rows and notes are written by one job: with
-D execution.checkpointing.dir=… a replay that died is finished by running it again.`,
		Example: "  wadi dlq replay -i tables.sql dead --into orders --ledger replayed \\\n" +
			"    --query \"SELECT CAST(JSON_VALUE(text, '\\$.id') AS INT), JSON_VALUE(text, '\\$.name') FROM letters\"",
		Args: args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, a []string) error {
			if into == "" || query == "" || ledger == "" {
				return usageError{errors.New("want --into, --query and --ledger")}
			}
			x, err := l.open(c, a[0], true)
			if err != nil {
				return err
			}
			defer func() { _ = x.env.Close() }() // everything that matters has been closed by its job
			n, err := x.replay(c.Context(), a[0], into, query, ledger)
			switch {
			case err != nil:
				return err
			case asJSON:
				return printJSON(c.OutOrStdout(), map[string]any{"table": a[0], "into": into, "letters": n})
			case n == 0:
				fmt.Fprintln(c.OutOrStdout(), "0 letters: all of them were replayed before")
			default:
				fmt.Fprintf(c.OutOrStdout(), "%d letters of %s replayed into %s\n", n, a[0], into)
			}
			return nil
		},
	}
	l.flags(c)
	l.format = "table"
	c.Flags().StringVar(&into, "into", "", "the `table` that gets the rows")
	c.Flags().StringVar(&query, "query", "", "a `query` of letters that gives the rows")
	c.Flags().StringVar(&ledger, "ledger", "", "the `table` that says which letters were replayed")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// replay picks the letters that are not noted yet, and then reads exactly those, for
// the rows and for the notes: more may come meanwhile. It returns how many they are.
func (x *executor) replay(ctx context.Context, table, into, query, ledger string) (int, error) {
	none := func(wadi.Outcome) error { return nil }
	if err := x.show(ctx, "INSERT INTO "+ledger+" (letter) SELECT letter FROM `wadi letters` WHERE FALSE"); err != nil { // so that it can be read
		return 0, err
	}
	picked, dir, err := x.pick(ctx, "SELECT DISTINCT letter FROM `wadi letters` WHERE letter NOT IN (SELECT letter FROM "+ledger+" WHERE letter IS NOT NULL)")
	if dir != "" {
		defer func() { _ = os.RemoveAll(dir) }() // it is in the system's temporary directory
	}
	if err != nil || picked == 0 {
		return 0, err
	}
	script := "CREATE TEMPORARY TABLE `wadi picked` (letter STRING) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = '" + filepath.ToSlash(dir) + "/picked.csv');" +
		"CREATE TEMPORARY VIEW letters AS SELECT * FROM `wadi letters` WHERE letter IN (SELECT letter FROM `wadi picked`);"
	if err := x.env.Execute(ctx, script, none); err != nil {
		return 0, err
	}
	x.restore = wadi.RestoreLatest
	name := strings.NewReplacer("`", "", " ", "").Replace("dlq-replay-" + table + "-" + into)
	return picked, x.show(ctx, "SET 'pipeline.name' = '"+strings.ReplaceAll(name, "'", "")+"'; EXECUTE STATEMENT SET BEGIN INSERT INTO "+into+" "+query+"; "+
		"INSERT INTO "+ledger+" (letter) SELECT DISTINCT letter FROM letters; END;")
}

// pick writes the letters of a query into a file, and says how many there are.
func (x *executor) pick(ctx context.Context, query string) (n int, dir string, err error) {
	if dir, err = os.MkdirTemp("", "wadi-dlq"); err != nil {
		return 0, "", err
	}
	f, err := os.Create(filepath.Join(dir, "picked.csv"))
	if err != nil {
		return 0, dir, err
	}
	for rec, err := range x.env.SQL(query).All(ctx) {
		if err != nil {
			return n, dir, errors.Join(err, f.Close())
		}
		for i := range int(rec.NumRows()) {
			fmt.Fprintln(f, rec.Column(0).ValueStr(i))
			n++
		}
		rec.Release()
	}
	return n, dir, f.Close()
}
