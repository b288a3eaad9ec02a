package wadi

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/internal/objstore"
)

// keyFunctionCache is how much state a function keeps.
const keyFunctionCache = "execution.functions.cache-size"

// functionCopies is what a function keeps of state on local disk: its next invocation
// is likely to restore what this one has. Processes are not told when they end, so
// that each removes what those before it have left.
type functionCopies struct {
	once sync.Once
	dir  string
	room *checkpoint.Room
}

// copiesPrefix begins the name of the directory of a process; its number follows.
const copiesPrefix = "wadi-copies-"

// of is a store that keeps what is read and written of state, too, unless it is on
// local disk itself. The limit is that of the first job.
func (f *functionCopies) of(e *Env, store checkpoint.Store) checkpoint.Store {
	b, ok := store.(*objstore.Bucket)
	if f == nil || !ok || strings.HasPrefix(b.Root(), "file:") {
		return store
	}
	f.once.Do(func() {
		temp := os.TempDir()
		if dirs := directories(e.Config(keyTmpDirs)); len(dirs) > 0 {
			temp = dirs[0]
		}
		removeCopies(temp)
		f.dir = filepath.Join(temp, copiesPrefix+strconv.Itoa(os.Getpid()))
		f.room = checkpoint.NewRoom((&keyReader{get: e.Config}).size(keyFunctionCache))
	})
	return &checkpoint.Copies{Store: store, Dir: f.dir, Local: true, Room: f.room, Log: e.log}
}

// removeCopies removes what processes have left that are gone, and those that had our
// number.
func removeCopies(temp string) {
	left, err := filepath.Glob(filepath.Join(temp, copiesPrefix+"*"))
	if err != nil {
		return // the name of the directory is a pattern
	}
	for _, dir := range left {
		pid, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(dir), copiesPrefix))
		if err != nil {
			continue
		}
		p, err := os.FindProcess(pid)
		if pid == os.Getpid() || err != nil || errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone) {
			_ = os.RemoveAll(dir) // what stays takes room only
		}
	}
}
