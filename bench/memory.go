package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/wadi-engine/wadi/internal/units"
)

// MemoryOptions say how state larger than memory is measured.
type MemoryOptions struct {
	// Binary is the program that is measured, from outside.
	Binary string
	// Queries are some of group, join, topn, over, window and interval; nil means group and join.
	Queries []string
	// Events are the rows that each query reads; half as many keys are distinct.
	Events int64
	// Limit is the taskmanager.memory.process.size of the runs, or "" for none.
	Limit string
	// Backend is their state.backend.type.
	Backend string
	// Parallelism is the number of tasks per vertex.
	Parallelism int
	// Dir is where state goes that does not fit; "" means the system's directory
	// of temporary files.
	Dir string
	// Checkpoints is the interval of checkpoints, or 0.
	Checkpoints time.Duration
	// Least is how many events there must be per second of CPU time.
	Least float64
}

// ErrPromise is wrapped by the error about a run that takes more memory than it
// may, or is slower than asked.
var ErrPromise = errors.New("the promise does not hold")

// allowance is how much larger a process may be than its limit says: what the
// kernel maps of the program itself, and pages that are on their way out.
const allowance = 650.0 / 512

// memoryQueries read twice as many rows as there are keys: each key once in its
// order, and random ones; or random ones only. What is kept of a key changes meanwhile,
// or has to be found.
var memoryQueries = map[string]string{
	"group": `
CREATE TABLE sums (k BIGINT, n BIGINT, s BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO sums SELECT k, COUNT(*), SUM(v) FROM (SELECT * FROM ordered UNION ALL SELECT * FROM shuffled) AS u GROUP BY k;`,
	"join": `
CREATE TABLE pairs (k BIGINT, v BIGINT, w BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO pairs SELECT ordered.k, ordered.v, shuffled.v FROM ordered LEFT JOIN shuffled ON ordered.k = shuffled.k;`,
	"topn": `
CREATE TABLE firsts (k BIGINT, v BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO firsts SELECT k, v FROM (SELECT k, v, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v DESC) AS n
  FROM (SELECT * FROM ordered UNION ALL SELECT * FROM shuffled) AS u) AS r WHERE n <= 2;`,
	"over": `
CREATE TABLE sums (k BIGINT, s BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO sums SELECT k, SUM(v) OVER (PARTITION BY k ORDER BY ts ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
  FROM (SELECT k, v, ts FROM timed UNION ALL SELECT k, v, ts FROM timed2) AS u;`,
	"window": `
CREATE TABLE sums (k BIGINT, n BIGINT, s BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO sums SELECT k, COUNT(*), SUM(v) FROM TABLE(TUMBLE((SELECT k, v, ts FROM timed UNION ALL SELECT k, v, ts FROM timed2), DESCRIPTOR(ts), INTERVAL '365' DAY))
  GROUP BY k, window_start, window_end;`,
	"interval": `
CREATE TABLE pairs (k BIGINT, v BIGINT, w BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO pairs SELECT a.k, a.v, b.v FROM timed AS a JOIN timed2 AS b ON a.k = b.k
  AND a.ts BETWEEN b.ts - INTERVAL '365' DAY AND b.ts + INTERVAL '365' DAY;`,
}

const memorySources = `
CREATE TABLE ordered (k BIGINT, v BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '0',
  'fields.k.kind' = 'sequence', 'fields.k.start' = '1', 'fields.k.end' = '%[1]d', 'fields.v.min' = '0', 'fields.v.max' = '1000');
CREATE TABLE shuffled (k BIGINT, v BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '0', 'number-of-rows' = '%[1]d',
  'fields.k.min' = '1', 'fields.k.max' = '%[1]d', 'fields.v.min' = '0', 'fields.v.max' = '1000');
CREATE TABLE timed (n BIGINT, k BIGINT, v BIGINT, ts AS TO_TIMESTAMP_LTZ(n, 3), WATERMARK FOR ts AS ts) WITH ('connector' = 'datagen', 'rows-per-second' = '0',
  'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '%[1]d', 'fields.k.min' = '1', 'fields.k.max' = '%[1]d',
  'fields.v.min' = '0', 'fields.v.max' = '1000');
CREATE TABLE timed2 (n BIGINT, k BIGINT, v BIGINT, ts AS TO_TIMESTAMP_LTZ(n, 3), WATERMARK FOR ts AS ts) WITH ('connector' = 'datagen', 'rows-per-second' = '0',
  'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '%[1]d', 'fields.k.min' = '1', 'fields.k.max' = '%[1]d',
  'fields.v.min' = '0', 'fields.v.max' = '1000');
`

// Memory runs queries over very many keys in processes with a limit, and measures
// these from outside. A run that breaks its limit is reported, and is an error.
func Memory(ctx context.Context, o MemoryOptions, report Report) error {
	if len(o.Queries) == 0 {
		o.Queries = []string{"group", "join"}
	}
	var broken error
	for _, name := range o.Queries {
		if memoryQueries[name] == "" {
			return fmt.Errorf("no query %q: there are group, join, topn, over, window and interval", name)
		}
		r, err := memoryRun(ctx, o, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := report(ctx, r); err != nil {
			return err
		}
		broken = errors.Join(broken, promise(o, r))
	}
	return broken
}

// promise checks what a run has taken.
func promise(o MemoryOptions, r Result) error {
	if o.Limit != "" {
		limit, err := units.ParseSize(o.Limit)
		if err != nil {
			return fmt.Errorf("limit %s: %w", o.Limit, err)
		}
		if most := int64(float64(limit) * allowance); r.PeakRSS > most {
			return fmt.Errorf("%w: %s had %d bytes resident, more than %d", ErrPromise, r.Query, r.PeakRSS, most)
		}
	}
	if r.EventsPerCPU < o.Least {
		return fmt.Errorf("%w: %s did %.0f events per second of CPU time, less than %.0f", ErrPromise, r.Query, r.EventsPerCPU, o.Least)
	}
	return nil
}

func memoryRun(ctx context.Context, o MemoryOptions, name string) (r Result, err error) {
	r = Result{Suite: "memory", Query: name, Engine: "wadi", Events: o.Events / 2 * 2, Parallelism: max(o.Parallelism, 1), Limit: o.Limit}
	dir, err := os.MkdirTemp(o.Dir, "wadi-bench-*")
	if err != nil {
		return r, fmt.Errorf("make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	script := filepath.Join(dir, "memory.sql")
	if err := os.WriteFile(script, []byte(fmt.Sprintf(memorySources, o.Events/2)+memoryQueries[name]), 0o600); err != nil {
		return r, fmt.Errorf("write the script: %w", err)
	}
	args := []string{
		"run", script, "-p", strconv.Itoa(r.Parallelism), "-D", "execution.runtime-mode=streaming", "-D", "io.tmp.dirs=" + dir,
	}
	if o.Limit != "" {
		args = append(args, "-D", "taskmanager.memory.process.size="+o.Limit)
	}
	if o.Backend != "" {
		args = append(args, "-D", "state.backend.type="+o.Backend)
	}
	if o.Checkpoints > 0 {
		args = append(args, "-D", "execution.checkpointing.dir=file://"+filepath.Join(dir, "checkpoints"),
			"-D", "execution.checkpointing.interval="+strconv.FormatInt(o.Checkpoints.Milliseconds(), 10)+" ms")
	}
	cmd := exec.CommandContext(ctx, o.Binary, args...)
	begin := time.Now()
	text, err := cmd.CombinedOutput()
	if err != nil {
		return r, fmt.Errorf("%w: %s", err, text)
	}
	r.WallSeconds = time.Since(begin).Seconds()
	u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return r, errors.New("the system does not say what a process has used")
	}
	r.CPUSeconds = seconds(u.Utime) + seconds(u.Stime)
	if r.PeakRSS = int64(u.Maxrss); runtime.GOOS == "linux" {
		r.PeakRSS <<= 10 // Linux counts in KiB
	}
	r.EventsPerSecond, r.EventsPerCPU = float64(r.Events)/r.WallSeconds, float64(r.Events)/r.CPUSeconds
	r.RowsOut, r.Checkpoints = said(text, written), said(text, taken)
	return r, nil
}

var (
	written = regexp.MustCompile(`([0-9,]+) written`)
	taken   = regexp.MustCompile(`checkpoint ([0-9,]+)`)
)

// said is the last number that the program has printed in such a place.
func said(text []byte, where *regexp.Regexp) int64 {
	all := where.FindAllSubmatch(text, -1)
	if len(all) == 0 {
		return 0
	}
	n := int64(0)
	for _, c := range all[len(all)-1][1] {
		if c != ',' {
			n = 10*n + int64(c-'0')
		}
	}
	return n
}
