// Package bench measures the engine: Nexmark queries into a blackhole, and real
// flights beside DuckDB. It counts the CPU time of the process (user and
// system, of all threads, the generator and the garbage collector among them),
// because that stays comparable on a machine that has other work.
package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/metrics"
	"syscall"
	"text/tabwriter"
	"time"
)

// Result is one measured run.
type Result struct {
	Suite  string `json:"suite"`
	Query  string `json:"query"`
	Engine string `json:"engine"`
	// Events are the input rows: of Nexmark all kinds of event, also those that
	// the query does not select.
	Events          int64   `json:"events"`
	WallSeconds     float64 `json:"wall_s"`
	CPUSeconds      float64 `json:"cpu_s"`
	EventsPerSecond float64 `json:"events_per_s"`
	EventsPerCPU    float64 `json:"events_per_cpu_s"`
	RowsOut         int64   `json:"rows_out"`
	// PeakRSS is the most memory the process had resident, since it started.
	PeakRSS int64 `json:"peak_rss_bytes"`
	// OwnRSS is PeakRSS without what is shared with files, as far as it was seen.
	OwnRSS int64 `json:"own_rss_bytes,omitempty"`
	// Limit is the memory that the process was given, if it was.
	Limit       string `json:"limit,omitempty"`
	Parallelism int    `json:"parallelism"`
	// Checkpoints is how many were completed during the run.
	Checkpoints int64 `json:"checkpoints,omitempty"`
	// Bytes is what a checkpoint has written, or what a recovery has read.
	Bytes int64 `json:"bytes,omitempty"`
	// Requests is what was asked of storage.
	Requests int64 `json:"requests,omitempty"`
	// Load is how many processes wanted to run, on average of a minute.
	Load float64 `json:"load,omitempty"`
	// GCShare is the part of the CPU time that the garbage collector took.
	GCShare float64 `json:"gc_share,omitempty"`
	// HeapPerEvent is how many bytes of the Go heap were allocated per event.
	HeapPerEvent float64 `json:"heap_bytes_per_event,omitempty"`
	// Checksum is the blackhole's, if it was asked to verify.
	Checksum string `json:"checksum,omitempty"`
	// LatencyP50 and LatencyP99 are quantiles over rows, in seconds, from their
	// making to the snapshot that readers see.
	LatencyP50 float64 `json:"latency_p50_s,omitempty"`
	LatencyP99 float64 `json:"latency_p99_s,omitempty"`
	// Ratio is DuckDB's CPU time through ours: above 1 ours is faster.
	Ratio float64 `json:"cpu_ratio_to_duckdb,omitempty"`
}

// usage is what the process has used so far.
type usage struct {
	wall     time.Time
	cpu, gc  float64 // seconds
	heap     uint64  // bytes that were ever allocated
	residual int64   // peak resident bytes
}

func used() usage {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		panic(err) // it fails of wrong arguments only
	}
	samples := []metrics.Sample{{Name: "/cpu/classes/gc/total:cpu-seconds"}, {Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(samples)
	u := usage{
		wall: time.Now(), cpu: seconds(r.Utime) + seconds(r.Stime),
		gc: samples[0].Value.Float64(), heap: samples[1].Value.Uint64(), residual: int64(r.Maxrss),
	}
	if runtime.GOOS == "linux" {
		u.residual <<= 10 // Linux counts in KiB
	}
	return u
}

func seconds(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }

// measure runs f and sets how long it took over r.Events events.
func measure(r *Result, f func() error) error {
	runtime.GC() // brings the GC's own accounts up to date
	before := used()
	if err := f(); err != nil {
		return err
	}
	after := used()
	r.WallSeconds, r.CPUSeconds = after.wall.Sub(before.wall).Seconds(), after.cpu-before.cpu
	r.PeakRSS = after.residual
	r.HeapPerEvent = float64(after.heap-before.heap) / float64(r.Events)
	r.GCShare = (after.gc - before.gc) / r.CPUSeconds
	r.rate()
	return nil
}

func (r *Result) rate() {
	r.EventsPerSecond, r.EventsPerCPU = float64(r.Events)/r.WallSeconds, float64(r.Events)/r.CPUSeconds
}

// Report takes each result as it comes.
type Report func(context.Context, Result) error

// JSON reports one line of JSON per result.
func JSON(w io.Writer) Report {
	enc := json.NewEncoder(w)
	return func(_ context.Context, r Result) error { return enc.Encode(r) }
}

// Table reports one line of a table per result.
func Table(w io.Writer) Report {
	tw := tabwriter.NewWriter(w, 10, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "query\tengine\tp\tevents\trows out\twall s\tCPU s\tM events/s\tM events/CPU s\tGC %\tpeak MB\tratio\t")
	return func(_ context.Context, r Result) error {
		ratio := ""
		if r.Ratio > 0 {
			ratio = fmt.Sprintf("%.2f", r.Ratio)
		}
		fmt.Fprintf(tw, "%s\t%s\t%d\t%d\t%d\t%.2f\t%.2f\t%.1f\t%.1f\t%.1f\t%d\t%s\t\n", r.Query, r.Engine, r.Parallelism, r.Events, r.RowsOut,
			r.WallSeconds, r.CPUSeconds, r.EventsPerSecond/1e6, r.EventsPerCPU/1e6, r.GCShare*100, r.PeakRSS>>20, ratio)
		if r.Checksum != "" {
			fmt.Fprintf(tw, "checksum %s\t\n", r.Checksum)
		}
		if r.LatencyP99 > 0 {
			fmt.Fprintf(tw, "latency %.1f s median, %.1f s p99\t\n", r.LatencyP50, r.LatencyP99)
		}
		if r.Bytes > 0 {
			fmt.Fprintf(tw, "%.1f MB\t\n", float64(r.Bytes)/1e6)
		}
		if r.Requests > 0 {
			fmt.Fprintf(tw, "%d requests\t\n", r.Requests)
		}
		if r.OwnRSS > 0 {
			fmt.Fprintf(tw, "%d MB of its own\t\n", r.OwnRSS>>20)
		}
		if r.Checkpoints > 0 {
			fmt.Fprintf(tw, "%d checkpoints\t\n", r.Checkpoints)
		}
		return tw.Flush()
	}
}
