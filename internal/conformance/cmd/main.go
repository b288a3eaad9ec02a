// Command cmd runs the conformance sets: see package conformance.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/internal/conformance"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	dir := flag.String("corpora", "../shared/corpora", "the directory of the corpora")
	set := flag.String("set", "", "run only sets with this in their name")
	name := flag.String("case", "", "run only cases with this in their name")
	verbose := flag.Bool("v", false, "show the SQL, the answer and the expected answer of every failure")
	page := flag.String("page", "docs/conformance.md", "the page to write when all sets and cases were run")
	worker := flag.Bool("worker", false, "run the cases of one set and write results as JSON lines")
	from := flag.Int("from", 0, "of a worker: the case to begin with")
	flag.Parse()
	if *worker {
		return conformance.Work(ctx, *dir, *set, *name, *from, time.Now, os.Stdout)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	s := conformance.Supervisor{Binary: self, Dir: *dir, Case: *name, Log: os.Stderr, Each: printer(*verbose)}
	var tallies []*conformance.Tally
	for _, x := range conformance.Sets() {
		if !strings.Contains(x.Name, *set) {
			continue
		}
		t, err := s.Run(ctx, x)
		if err != nil {
			return fmt.Errorf("%s: %w", x.Name, err)
		}
		tallies = append(tallies, t)
	}
	for _, t := range tallies {
		text, err := json.Marshal(t)
		if err != nil {
			return err
		}
		fmt.Fprintln(os.Stdout, string(text))
	}
	if *set == "" && *name == "" {
		return conformance.WriteReport(*page, tallies)
	}
	return nil
}

// printer shows failures, briefly or in full.
func printer(verbose bool) func(string, conformance.Result) {
	return func(set string, r conformance.Result) {
		if r.Outcome != conformance.Failed {
			return
		}
		if verbose {
			fmt.Fprintf(os.Stdout, "--- %s %s (%d ms)\n%s\n=> %s\n", set, r.Case, r.Millis, r.SQL, r.Why)
			return
		}
		why, _, _ := strings.Cut(r.Why, "\n")
		fmt.Fprintf(os.Stdout, "FAIL %s %s: %.160s\n", set, r.Case, why)
	}
}
