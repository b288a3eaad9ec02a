package rest

import (
	"net/http"
	"slices"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/engine/metrics"
	"github.com/wadi-engine/wadi/job"
)

// Workers is the reply of /taskmanagers.
type Workers struct {
	Workers []WorkerSummary `json:"taskmanagers"`
}

// WorkerSummary is one worker of Workers.
type WorkerSummary struct {
	ID             string       `json:"id"`
	Path           string       `json:"path"`
	DataPort       int          `json:"dataPort"`
	JMXPort        int          `json:"jmxPort"`
	SinceHeartbeat int64        `json:"timeSinceLastHeartbeat"`
	Slots          int          `json:"slotsNumber"`
	FreeSlots      int          `json:"freeSlots"`
	TotalResource  Resource     `json:"totalResource"`
	FreeResource   Resource     `json:"freeResource"`
	Hardware       Hardware     `json:"hardware"`
	Memory         WorkerMemory `json:"memoryConfiguration"`
	Blocked        bool         `json:"blocked"`
}

// Resource is what a worker has; memory is in megabytes.
type Resource struct {
	CPUs     float64            `json:"cpuCores"`
	Heap     int64              `json:"taskHeapMemory"`
	OffHeap  int64              `json:"taskOffHeapMemory"`
	Managed  int64              `json:"managedMemory"`
	Network  int64              `json:"networkMemory"`
	Extended map[string]float64 `json:"extendedResources"`
}

// Hardware is the machine of a worker.
type Hardware struct {
	CPUs     int   `json:"cpuCores"`
	Physical int64 `json:"physicalMemory"`
	Free     int64 `json:"freeMemory"`
	Managed  int64 `json:"managedMemory"`
}

// WorkerMemory is how a worker shares out its memory. There is no JVM: what
// Flink gives it is 0.
type WorkerMemory struct {
	FrameworkHeap    int64 `json:"frameworkHeap"`
	TaskHeap         int64 `json:"taskHeap"`
	FrameworkOffHeap int64 `json:"frameworkOffHeap"`
	TaskOffHeap      int64 `json:"taskOffHeap"`
	Network          int64 `json:"networkMemory"`
	Managed          int64 `json:"managedMemory"`
	Metaspace        int64 `json:"jvmMetaspace"`
	Overhead         int64 `json:"jvmOverhead"`
	TotalFlink       int64 `json:"totalFlinkMemory"`
	TotalProcess     int64 `json:"totalProcessMemory"`
}

// WorkerDetails is the reply of /taskmanagers/:taskmanagerid.
type WorkerDetails struct {
	WorkerSummary
	Allocated []AllocatedSlot `json:"allocatedSlots"`
	Metrics   WorkerHeap      `json:"metrics"`
}

// AllocatedSlot is a slot that a job has.
type AllocatedSlot struct {
	Job      job.ID   `json:"jobId"`
	Resource Resource `json:"resource"`
}

// WorkerHeap is the memory of a worker's process.
type WorkerHeap struct {
	HeapUsed         int64       `json:"heapUsed"`
	HeapCommitted    int64       `json:"heapCommitted"`
	HeapMax          int64       `json:"heapMax"`
	NonHeapUsed      int64       `json:"nonHeapUsed"`
	NonHeapCommitted int64       `json:"nonHeapCommitted"`
	NonHeapMax       int64       `json:"nonHeapMax"`
	DirectCount      int64       `json:"directCount"`
	DirectUsed       int64       `json:"directUsed"`
	DirectMax        int64       `json:"directMax"`
	MappedCount      int64       `json:"mappedCount"`
	MappedUsed       int64       `json:"mappedUsed"`
	MappedMax        int64       `json:"mappedMax"`
	SegmentsFree     int64       `json:"nettyShuffleMemorySegmentsAvailable"`
	SegmentsUsed     int64       `json:"nettyShuffleMemorySegmentsUsed"`
	SegmentsTotal    int64       `json:"nettyShuffleMemorySegmentsTotal"`
	ShuffleFree      int64       `json:"nettyShuffleMemoryAvailable"`
	ShuffleUsed      int64       `json:"nettyShuffleMemoryUsed"`
	ShuffleTotal     int64       `json:"nettyShuffleMemoryTotal"`
	Collectors       []Collector `json:"garbageCollectors"`
}

// Collector is a garbage collector.
type Collector struct {
	Name   string `json:"name"`
	Count  int64  `json:"count"`
	Millis int64  `json:"time"`
}

func (s *Server) summaryOf(w Worker) WorkerSummary {
	share := func(slots int) Resource {
		r := Resource{Extended: map[string]float64{}}
		if w.Slots > 0 {
			part := float64(slots) / float64(w.Slots)
			r.CPUs, r.Managed = part*float64(w.CPUs), int64(part*float64(w.Process.ManagedTotal))>>20
		}
		return r
	}
	return WorkerSummary{
		ID: w.ID, Path: w.Address, DataPort: w.DataPort, JMXPort: -1, SinceHeartbeat: w.Heartbeat.UnixMilli(), Slots: w.Slots, FreeSlots: w.Free,
		TotalResource: share(w.Slots), FreeResource: share(w.Free),
		Hardware: Hardware{CPUs: w.CPUs, Physical: w.Physical, Free: w.FreePhysical, Managed: w.Process.ManagedTotal},
		Memory:   WorkerMemory{Managed: w.Process.ManagedTotal, TotalFlink: w.Process.Resident, TotalProcess: w.Process.Resident},
	}
}

func (s *Server) workers(*http.Request) (any, error) {
	reply := Workers{Workers: []WorkerSummary{}}
	for _, w := range s.cluster.Workers() {
		reply.Workers = append(reply.Workers, s.summaryOf(w))
	}
	return reply, nil
}

// workerIn finds the worker of a path.
func (s *Server) workerIn(r *http.Request) (Worker, error) {
	id := r.PathValue("taskmanagerid")
	all := s.cluster.Workers()
	i := slices.IndexFunc(all, func(w Worker) bool { return w.ID == id })
	if i < 0 {
		return Worker{}, notFound("TaskManager %s not found", id)
	}
	return all[i], nil
}

func (s *Server) worker(r *http.Request) (any, error) {
	w, err := s.workerIn(r)
	if err != nil {
		return nil, err
	}
	reply := WorkerDetails{WorkerSummary: s.summaryOf(w), Allocated: []AllocatedSlot{}, Metrics: WorkerHeap{
		HeapUsed: w.Process.HeapUsed, HeapCommitted: w.Process.HeapCommitted, HeapMax: w.Process.HeapMax, NonHeapMax: -1,
		DirectUsed: w.Process.ManagedUsed, MappedUsed: w.Process.ManagedDisk,
		Collectors: []Collector{{Name: "Go", Count: w.Process.Collections, Millis: w.Process.PausedMillis}},
	}}
	for _, j := range s.cluster.Jobs() {
		l := j.Life()
		if l.Status.Terminal() {
			continue
		}
		for range slotsOf(j, l, w.ID) {
			reply.Allocated = append(reply.Allocated, AllocatedSlot{Job: l.Job, Resource: Resource{Extended: map[string]float64{}}})
		}
	}
	return reply, nil
}

// slotsOf is how many slots of a worker a job has: tasks of different vertices
// share one.
func slotsOf(j Job, l coordinator.Life, worker string) int {
	slots := 0
	for _, v := range verticesOf(l) {
		n := 0
		for _, t := range v.tasks {
			if j.Place(t.Task).Worker == worker && !t.Current().Status.Terminal() {
				n++
			}
		}
		slots = max(slots, n)
	}
	return slots
}

func (s *Server) workerMetrics(r *http.Request) (any, error) {
	w, err := s.workerIn(r)
	if err != nil {
		return nil, err
	}
	return named(r, shown(metrics.OfProcess(w.Process), "")), nil
}

func (s *Server) workersMetrics(r *http.Request) (any, error) {
	wanted := queryList(r, "taskmanagers")
	var groups [][]Metric
	for _, w := range s.cluster.Workers() {
		if len(wanted) == 0 || slices.Contains(wanted, w.ID) {
			groups = append(groups, shown(metrics.OfProcess(w.Process), ""))
		}
	}
	return aggregated(r, groups)
}
