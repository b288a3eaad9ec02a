package metrics

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
	rt "runtime/metrics"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/vector/mem"
)

// ReadProcess looks at this process. It does not stop it.
func ReadProcess() rpc.Process {
	samples := []rt.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
		{Name: "/sched/goroutines:goroutines"},
	}
	rt.Read(samples)
	at := func(i int) int64 { return int64(samples[i].Value.Uint64()) }
	p := rpc.Process{
		HeapUsed: at(0) + at(1), HeapCommitted: at(0) + at(1) + at(2), HeapMax: -1, Goroutines: at(5), CPUs: runtime.NumCPU(),
		ManagedUsed: mem.Default().Stats().InUse, ManagedDisk: mem.Default().Disk(), Resident: at(3) - at(4), CPUMillis: cpuTime().Milliseconds(),
	}
	if limit := debug.SetMemoryLimit(-1); limit != math.MaxInt64 {
		p.HeapMax = limit
	}
	var gc debug.GCStats
	debug.ReadGCStats(&gc)
	p.Collections, p.PausedMillis = gc.NumGC, gc.PauseTotal.Milliseconds()
	if text, err := os.ReadFile("/proc/self/statm"); err == nil {
		if fields := strings.Fields(string(text)); len(fields) > 1 {
			if pages, err := strconv.ParseInt(fields[1], 10, 64); err == nil {
				p.Resident = pages * int64(os.Getpagesize())
			}
		}
	}
	if files, err := os.ReadDir("/proc/self/fd"); err == nil {
		p.Files = int64(len(files))
	}
	p.MaxFiles = maxFiles()
	return p
}

// OfProcess are Flink's names for a process: of the scopes JobManager and
// TaskManager. There is no JVM: what is Go's has the name of what is nearest.
func OfProcess(p rpc.Process) []Metric {
	return []Metric{
		{Name: "Status.JVM.CPU.Load", Value: p.Load},
		number("Status.JVM.CPU.Time", p.CPUMillis*int64(time.Millisecond)),
		number("Status.JVM.Memory.Heap.Used", p.HeapUsed),
		number("Status.JVM.Memory.Heap.Committed", p.HeapCommitted),
		number("Status.JVM.Memory.Heap.Max", p.HeapMax),
		number("Status.JVM.Memory.NonHeap.Used", max(0, p.Resident-p.HeapCommitted)),
		number("Status.JVM.Memory.Direct.MemoryUsed", p.ManagedUsed),
		number("Status.JVM.Memory.Mapped.MemoryUsed", p.ManagedDisk),
		number("Status.Flink.Memory.Managed.Used", p.ManagedUsed),
		number("Status.Flink.Memory.Managed.Total", p.ManagedTotal),
		number("Status.FileDescriptor.Open.Count", p.Files),
		number("Status.FileDescriptor.Max.Count", p.MaxFiles),
		number("Status.JVM.Threads.Count", p.Goroutines),
		number("Status.JVM.GarbageCollector.All.Count", p.Collections),
		number("Status.JVM.GarbageCollector.All.Time", p.PausedMillis),
	}
}

// Process looks at this process again and again: it knows its load.
type Process struct {
	// Total is how many bytes tasks may use, or 0.
	Total int64
	// Now is the clock.
	Now func() time.Time

	mu           sync.Mutex
	last, before struct {
		at  time.Time
		cpu int64
	}
	seen   rpc.Process // at that time
	seenAt time.Time
}

// fresh is how old a look may be for those who look again: each reads files of the
// system.
const fresh = 100 * time.Millisecond

// Read looks at the process, or says what was seen just now.
func (p *Process) Read() rpc.Process {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.Now()
	if age := now.Sub(p.seenAt); p.seenAt.IsZero() || age < 0 || age >= fresh {
		p.seen, p.seenAt = p.read(now), now
	}
	return p.seen
}

func (p *Process) read(now time.Time) rpc.Process {
	r := ReadProcess()
	r.ManagedTotal = p.Total
	if p.last.at.IsZero() || now.Sub(p.last.at) >= apart {
		p.before = p.last
		p.last.at, p.last.cpu = now, r.CPUMillis
	}
	if took := now.Sub(p.before.at).Milliseconds(); !p.before.at.IsZero() && took > 0 {
		r.Load = min(1, float64(r.CPUMillis-p.before.cpu)/float64(took)/float64(max(1, r.CPUs)))
	}
	return r
}
