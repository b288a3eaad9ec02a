// Package shell is the interactive SQL shell: it reads statements that end with
// a semicolon, over as many lines as they take, and hands them to a Runner.
//
// It knows the language, not the engine: what runs a statement and what names
// exist are interfaces that it declares.
package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"unicode/utf8"

	"github.com/reeflective/readline"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/parse"
)

// Runner runs statements.
type Runner interface {
	// Run runs stmt, which was parsed from src, and writes its result to out. It
	// returns when the statement is done or ctx is; a query over a stream may be
	// done never. The shell prints the error and goes on.
	Run(ctx context.Context, src string, stmt ast.Statement, out io.Writer) error
}

// Options says how a shell talks. The zero value is a shell without history and completion of names.
type Options struct {
	Out         io.Writer // os.Stdout by default
	Prompt      string    // "wadi> " by default
	HistoryFile string    // "" keeps no history
	Catalog     Catalog   // names to complete; may be nil
	Welcome     string    // printed first
}

// Shell reads statements and runs them.
type Shell struct {
	runner Runner
	opts   Options
	input  reader
}

// reader reads texts for which parse.Complete holds, or a command.
type reader interface {
	// read returns errInterrupt when the user gave up the line and io.EOF at the end.
	read() (string, error)
}

var errInterrupt = errors.New("interrupted")

// New makes a shell on the terminal.
func New(runner Runner, opts Options) (*Shell, error) {
	if opts.Out == nil {
		opts.Out = os.Stdout
	}
	if opts.Prompt == "" {
		opts.Prompt = "wadi> "
	}
	s := &Shell{runner: runner, opts: opts}
	input, err := newTerminal(opts)
	if err != nil {
		return nil, err
	}
	s.input = input
	return s, nil
}

// Run reads and runs statements until the user leaves or ctx is done. Ctrl-C
// ends the running statement, or clears the line; Ctrl-D, QUIT and EXIT leave.
func (s *Shell) Run(ctx context.Context) error {
	if s.opts.Welcome != "" {
		fmt.Fprintln(s.opts.Out, s.opts.Welcome)
	}
	for ctx.Err() == nil {
		text, err := s.input.read()
		switch {
		case errors.Is(err, errInterrupt):
			continue
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read a statement: %w", err)
		}
		if leave := s.handle(ctx, text); leave {
			return nil
		}
	}
	return ctx.Err()
}

// handle runs what was read. It reports whether the user wants to leave.
func (s *Shell) handle(ctx context.Context, text string) (leave bool) {
	switch command(text) {
	case "QUIT", "EXIT":
		return true
	case "HELP":
		fmt.Fprint(s.opts.Out, help)
		return false
	case "CLEAR":
		fmt.Fprint(s.opts.Out, "\x1b[H\x1b[2J\x1b[3J")
		return false
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	if err := Script(ctx, s.runner, text, s.opts.Out); err != nil {
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			fmt.Fprintln(s.opts.Out, "[INFO] The statement was cancelled.")
			return false
		}
		fmt.Fprintf(s.opts.Out, "[ERROR] %v\n", err)
	}
	return false
}

// Script runs the statements of text one after the other, up to the first that
// fails. Statements before a mistake in the text are run.
func Script(ctx context.Context, runner Runner, text string, out io.Writer) error {
	stmts, mistake := parse.Script(text)
	for _, stmt := range stmts {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := runner.Run(ctx, text, stmt, out); err != nil {
			return err
		}
	}
	return mistake
}

// command is the word of a command of the shell itself, in capitals, or "". A semicolon may follow it.
func command(text string) string {
	word := strings.ToUpper(strings.TrimSpace(strings.TrimRight(strings.TrimSpace(text), ";")))
	switch word {
	case "QUIT", "EXIT", "HELP", "CLEAR":
		return word
	}
	return ""
}

// complete reports whether text can be handled without another line.
func complete(text string) bool { return command(text) != "" || parse.Complete(text) }

const help = `The shell runs SQL statements; each ends with a semicolon.

  CREATE TABLE t (…) WITH ('connector' = '…')   declare a source or a sink
  CREATE VIEW v AS SELECT …                     name a query
  SELECT … FROM t                               run a query and show its rows
  INSERT INTO t SELECT …                        start a job that writes a table
  EXECUTE STATEMENT SET BEGIN …; …; END         start a job with several sinks
  EXPLAIN SELECT …                              show how a query would run
  SHOW TABLES | CATALOGS | FUNCTIONS | JOBS     list what there is
  DESCRIBE t, SHOW CREATE TABLE t               show one table
  USE CATALOG c, USE db                         change where names are looked up
  SET 'key' = 'value', SET, RESET 'key'         change settings, list them

  HELP   this text          CLEAR  clear the screen
  QUIT   leave (or Ctrl-D)  Ctrl-C end a running statement
  Tab    complete           Ctrl-R search the history
`

// terminal is the reader of a real terminal.
type terminal struct{ line *readline.Shell }

func newTerminal(opts Options) (*terminal, error) {
	rl := readline.NewShell()
	rl.Prompt.Primary(func() string { return opts.Prompt })
	rl.Prompt.Secondary(func() string { return strings.Repeat(" ", max(0, len(opts.Prompt)-2)) + "> " })
	rl.AcceptMultiline = func(line []rune) bool { return complete(string(line)) }
	rl.Completer = func(line []rune, cursor int) readline.Completions {
		return offered(Complete(opts.Catalog, string(line), len(string(line[:cursor]))))
	}
	if opts.HistoryFile != "" {
		h, err := openHistory(opts.HistoryFile)
		if err != nil {
			return nil, err
		}
		rl.History.Add("statements", h)
	}
	return &terminal{line: rl}, nil
}

// offered turns candidates into what readline shows. It counts the prefix in
// bytes where it should count characters, so it gets none after others than ASCII.
func offered(prefix string, candidates []Candidate) readline.Completions {
	for i := range len(prefix) {
		if prefix[i] >= utf8.RuneSelf {
			return readline.Completions{}
		}
	}
	values := make([]readline.Completion, len(candidates))
	for i, c := range candidates {
		values[i] = readline.Completion{Value: c.Insert, Display: c.Show, Description: c.Kind.String(), Tag: c.Kind.String()}
	}
	out := readline.CompleteRaw(values)
	out.PREFIX = prefix
	return out
}

func (t *terminal) read() (string, error) {
	text, err := t.line.Readline()
	if errors.Is(err, readline.ErrInterrupt) {
		return "", errInterrupt
	}
	return text, err
}
