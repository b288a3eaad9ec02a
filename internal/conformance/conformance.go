// Package conformance runs the third-party corpora against the engine: every
// case on disk passes, fails, or is skipped for a reason that a person can read.
//
// A set is one folder of the corpora. Its loader reads the folder and gives
// cases; a case is run through the public API, as a user's statement would be.
// Panics, crashes of the process and cases that hang count as failures, and the
// run goes on: the sets run in processes of their own.
//
//	make corpora                                  # all sets, and docs/conformance.md
//	make corpora SET=flink_programs CASE=join V=1 # some, with SQL, rows and what was expected
package conformance

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"
)

// Set is the cases of one folder.
type Set struct {
	Name string
	// Load reads the cases below a corpora directory; none when the folder is
	// not there.
	Load func(dir string) ([]Case, error)
	// Timeout is of one case; 0 is 20 seconds.
	Timeout time.Duration
	// Want is the part of the cases that were run which should pass, in percent.
	Want int
}

// Case is one question with a known answer.
type Case struct {
	Name string
	// SQL is shown beside a failure.
	SQL string
	// Skip is why the case is not run, or "".
	Skip string
	Run  func(ctx context.Context) error
}

// Sets are all sets, in the order in which they run.
func Sets() []Set {
	return []Set{
		{Name: "flink_sql_parse/parser_tests", Load: parserTests, Want: 97},
		{Name: "flink_sql_parse/planner_queries", Load: plannerQueries, Want: 95},
		{Name: "flink_functions", Load: functionCases, Want: 95},
		{Name: "flink_expressions", Load: expressionCases, Want: 95},
		{Name: "flink_agg_functions", Load: aggregateCases, Want: 95},
		{Name: "flink_programs", Load: programCases, Want: 95, Timeout: time.Minute},
		{Name: "flink_scala_itcases/stream", Load: scalaStreamCases, Want: 93},
		{Name: "flink_scala_itcases/batch", Load: scalaBatchCases, Want: 93},
		{Name: "flink_nexmark_golden", Load: nexmarkCases, Want: 100, Timeout: 5 * time.Minute},
		{Name: "risingwave_tpch", Load: risingwaveTPCH, Want: 100, Timeout: time.Minute},
		{Name: "duckdb_tpch", Load: duckdbTPCH, Want: 100, Timeout: 5 * time.Minute},
		{Name: "risingwave/streaming", Load: risingwaveCases("streaming"), Want: 70},
		{Name: "risingwave/batch", Load: risingwaveCases("batch")},
		{Name: "arroyo/planner_queries", Load: arroyoQueries},
		{Name: "flink_sql_client_q", Load: clientCases, Want: 95, Timeout: 2 * time.Minute},
	}
}

// DefaultTimeout is how long a case may take.
const DefaultTimeout = 20 * time.Second

// Outcome is what became of a case.
type Outcome string

// The outcomes.
const (
	Passed  Outcome = "passed"
	Failed  Outcome = "failed"
	Skipped Outcome = "skipped"
)

// Result is the outcome of one case, and why.
type Result struct {
	Case    string  `json:"case"`
	Outcome Outcome `json:"outcome"`
	Why     string  `json:"why,omitempty"`
	SQL     string  `json:"sql,omitempty"`
	Millis  int64   `json:"ms"`
}

// run runs a case, for at most timeout. A case that goes on is left behind.
func (c *Case) run(ctx context.Context, timeout time.Duration) (err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- fmt.Errorf("PANIC %v\n%s", p, debug.Stack())
			}
		}()
		done <- c.Run(ctx)
	}()
	// A case that obeys its context ends soon after it.
	grace, stop := context.WithTimeout(context.WithoutCancel(ctx), timeout+2*time.Second)
	defer stop()
	select {
	case err := <-done:
		if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return fmt.Errorf("not finished after %v: %w", timeout, err)
		}
		return err
	case <-grace.Done():
		return fmt.Errorf("hangs: not finished after %v", timeout)
	}
}

// selects reports whether a filter, a part of a name whatever its case, picks name.
func selects(filter, name string) bool {
	return strings.Contains(strings.ToLower(name), strings.ToLower(filter))
}
