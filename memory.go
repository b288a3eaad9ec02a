package wadi

import (
	"errors"
	"fmt"
	"math"
	"os"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/wadi-engine/wadi/internal/units"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/vector/mem"
)

// The keys that decide how much memory the process takes. All but the last are
// Flink's.
const (
	keyProcessSize     = "taskmanager.memory.process.size"
	keyManagedSize     = "taskmanager.memory.managed.size"
	keyManagedFraction = "taskmanager.memory.managed.fraction"
	keyBackend         = "state.backend.type"
	keyTmpDirs         = "io.tmp.dirs"
	keyTmpSize         = "wadi.tmp.max-size"
)

// memoryPlan is how the process shares out its memory: the same for all jobs
// that run in it, decided by the one that was started last.
//
//	taskmanager.memory.process.size
//	├── managed: state in memory ──┤ sweep ┤ free buffers ┤ Go's heap ┤ batches on their way, the program ┤
//	  managed.size, or 0.4           1/10    1/16           1/5
type memoryPlan struct {
	paging mem.Paging // Resident 0: no limit
	// buffers is how many bytes of free buffers are kept, heap how large Go's
	// heap grows before it is collected harder; 0 means the defaults.
	buffers, heap int64
}

// Who says state.backend.type: rocksdb, and not how much memory there is, has
// this much of it in memory.
const defaultManaged = 1 << 30

// memoryPlan reads the session's configuration.
func (e *Env) memoryPlan() (memoryPlan, error) {
	var p memoryPlan
	k := &keyReader{get: e.Config}
	size, managed := k.size(keyProcessSize), k.size(keyManagedSize)
	fraction := k.float(keyManagedFraction)
	p.paging.Disk = k.size(keyTmpSize)
	if k.err != nil {
		return p, k.err
	}
	if fraction <= 0 || fraction > 0.8 {
		return p, fmt.Errorf("%w: '%s' = '%v': want more than 0 and at most 0.8", job.ErrInvalid, keyManagedFraction, fraction)
	}
	switch strings.ToLower(e.Config(keyBackend)) {
	case "rocksdb", "pebble":
		p.paging.Eager = true
	}
	if size > 0 && size < leastProcess {
		return p, fmt.Errorf("%w: '%s' = '%s': want at least 128m", job.ErrInvalid, keyProcessSize, e.Config(keyProcessSize))
	}
	switch {
	case managed > 0 && size > 0 && managed > size/5*4:
		return p, fmt.Errorf("%w: '%s' = '%s' is more than four fifths of '%s' = '%s'",
			job.ErrInvalid, keyManagedSize, e.Config(keyManagedSize), keyProcessSize, e.Config(keyProcessSize))
	case managed > 0:
	case size > 0:
		managed = int64(float64(size) * fraction)
	case p.paging.Eager:
		managed = defaultManaged
	}
	p.paging.Resident, p.paging.Sweep = managed, managed/4
	if size > 0 {
		p.buffers, p.heap = size/16, size/5
	}
	p.paging.Dirs = directories(e.Config(keyTmpDirs))
	return p, nil
}

// directories are those that a list names.
func directories(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ';' || r == '|' || r == os.PathListSeparator })
}

// leastProcess is the least that a process can promise to live with.
const leastProcess = 128 << 20

// memoryNow is the plan that the process follows.
var memoryNow struct {
	sync.Mutex
	limited bool
}

// limitMemory makes the process follow the session's configuration.
func (e *Env) limitMemory() error {
	p, err := e.memoryPlan()
	if err != nil {
		return err
	}
	memoryNow.Lock()
	defer memoryNow.Unlock()
	limited := p.paging.Resident > 0
	if !limited && !memoryNow.limited {
		return nil
	}
	if err := mem.Default().SetPaging(p.paging); err != nil {
		if errors.Is(err, errors.ErrUnsupported) {
			return fmt.Errorf("%w: state can leave memory on Linux only: leave out %s, %s and %s = rocksdb", job.ErrInvalid, keyProcessSize, keyManagedSize, keyBackend)
		}
		return fmt.Errorf("%w: '%s': %w", job.ErrInvalid, keyTmpDirs, err)
	}
	memoryNow.limited = limited
	mem.Default().SetRetained(orElse(p.buffers, mem.DefaultRetained))
	debug.SetMemoryLimit(orElse(p.heap, math.MaxInt64))
	return nil
}

func orElse(n, otherwise int64) int64 {
	if n == 0 {
		return otherwise
	}
	return n
}

// size reads a number of bytes, 0 when the key is not set.
func (k *keyReader) size(key string) int64 {
	text := k.get(key)
	if text == "" {
		return 0
	}
	n, err := units.ParseSize(text)
	if err != nil && k.err == nil {
		k.err = fmt.Errorf("%w: '%s' = '%s': %w", job.ErrInvalid, key, text, err)
	}
	return n
}
