package rpc

// Process is how a worker or coordinator process is: bytes, and milliseconds
// since its start.
type Process struct {
	HeapUsed      int64 `json:"heapUsed"`
	HeapCommitted int64 `json:"heapCommitted"`
	HeapMax       int64 `json:"heapMax"` // -1 when there is no limit
	// Managed memory is that of batches and state, outside the heap; Disk is how
	// much of it is in files, Total what tasks may use, or 0.
	ManagedUsed  int64 `json:"managedUsed"`
	ManagedDisk  int64 `json:"managedDisk"`
	ManagedTotal int64 `json:"managedTotal"`
	Resident     int64 `json:"resident"`
	CPUs         int   `json:"cpus"`
	CPUMillis    int64 `json:"cpuMillis"`
	// Load is the part of the machine's processors that was used lately.
	Load         float64 `json:"load"`
	Goroutines   int64   `json:"goroutines"`
	Collections  int64   `json:"collections"`
	PausedMillis int64   `json:"pausedMillis"`
	Files        int64   `json:"files"`
	MaxFiles     int64   `json:"maxFiles"`
}
