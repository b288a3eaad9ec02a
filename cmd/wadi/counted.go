package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi"
)

// tally writes what a job left out, what it asked of object stores since before,
// and what it cost.
func (x *executor) tally(run *wadi.Run, before []wadi.StorageCount) {
	if text := leftOut(run); text != "" {
		fmt.Fprintf(os.Stderr, "Left out: %s.\n", text)
	}
	for _, line := range storage(before, x.env.StorageCounts()) {
		fmt.Fprintln(os.Stderr, line)
	}
	if c := run.Cost(); x.cost || c.Usage.Invocations > 0 {
		fmt.Fprintln(os.Stderr, c)
	}
}

// leftOut counts the rows that a job did not take into its results.
func leftOut(run *wadi.Run) string {
	var late, untimed, bad int64
	for _, c := range run.Counters() {
		late += c["numLateRecordsDropped"]
		untimed += c["numNullRowTimeRecordsDropped"]
		bad += c["numRecordsInErrors"]
	}
	var parts []string
	for _, p := range []struct {
		n    int64
		what string
	}{{late, "late"}, {untimed, "without a time"}, {bad, "with errors (error.policy)"}} {
		if p.n > 0 {
			parts = append(parts, thousands(p.n)+" rows "+p.what)
		}
	}
	return strings.Join(parts, ", ")
}

// storage is a line for each scheme but those of local disk and memory: what was
// done between two looks.
func storage(before, after []wadi.StorageCount) []string {
	sums := map[string]*wadi.StorageCount{}
	add := func(counts []wadi.StorageCount, sign int64) {
		for _, c := range counts {
			if c.Scheme == "file" || c.Scheme == "mem" {
				continue
			}
			sum := sums[c.Scheme]
			if sum == nil {
				sum = new(wadi.StorageCount)
				sums[c.Scheme] = sum
			}
			sum.Requests += sign * c.Requests
			sum.Errors += sign * c.Errors
			sum.Retries += sign * c.Retries
			sum.Read += sign * c.Read
			sum.Written += sign * c.Written
		}
	}
	add(after, 1)
	add(before, -1)
	var lines []string
	for _, scheme := range slices.Sorted(maps.Keys(sums)) {
		s := sums[scheme]
		if s.Requests == 0 {
			continue
		}
		line := fmt.Sprintf("Storage %s: requests: %s", scheme, thousands(s.Requests))
		if s.Errors > 0 || s.Retries > 0 {
			line += fmt.Sprintf(" (%s failed, %s were repeated)", thousands(s.Errors), thousands(s.Retries))
		}
		lines = append(lines, fmt.Sprintf("%s, %s read, %s written.", line, size(s.Read), size(s.Written)))
	}
	return lines
}

// size writes a number of bytes with a unit.
func size(n int64) string {
	const units = "kMGTPE"
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	f, u := float64(n)/1000, 0
	for ; f >= 999.95 && u < len(units)-1; u++ {
		f /= 1000
	}
	return fmt.Sprintf("%.1f %cB", f, units[u])
}
