package bench

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
)

//go:embed induckdb.py
var duckScript string

// duck is a Python process that runs queries in DuckDB, with one thread.
type duck struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *json.Decoder
}

// duckAsk is one query. Fetch takes the rows as Arrow batches; otherwise the
// first value of the result counts them.
type duckAsk struct {
	SQL   string `json:"sql"`
	Fetch bool   `json:"fetch"`
	Check bool   `json:"check"`
}

type duckTimes struct {
	Version string  `json:"version"`
	Wall    float64 `json:"wall"`
	CPU     float64 `json:"cpu"`
	Rows    int64   `json:"rows"`
}

// DuckDB reports whether there is a python3 with DuckDB and Arrow.
func DuckDB(ctx context.Context) bool {
	return exec.CommandContext(ctx, "python3", "-c", "import duckdb, pyarrow").Run() == nil
}

func newDuck(ctx context.Context) (*duck, error) {
	d := &duck{cmd: exec.CommandContext(ctx, "python3", "-c", duckScript)}
	d.cmd.Stderr = os.Stderr
	in, err := d.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	d.in, d.out = in, json.NewDecoder(out)
	if err := d.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start python3: %w", err)
	}
	return d, nil
}

func (d *duck) ask(a duckAsk, answer any) error {
	line, err := json.Marshal(a)
	if err != nil {
		return err
	}
	if _, err = d.in.Write(append(line, '\n')); err == nil {
		err = d.out.Decode(answer)
	}
	if err != nil {
		return fmt.Errorf("run %s in DuckDB: %w", a.SQL, err)
	}
	return nil
}

// check is the first row of a query, as text.
func (d *duck) check(sql string) (row []string, err error) {
	err = d.ask(duckAsk{SQL: sql, Check: true}, &row)
	return row, err
}

func (d *duck) close() error {
	_ = d.in.Close()
	return d.cmd.Wait()
}
