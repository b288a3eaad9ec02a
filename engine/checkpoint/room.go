package checkpoint

import (
	"os"
	"slices"
	"sync"
)

// Room limits the copies of one or more stores: what was used last stays.
type Room struct {
	limit int64

	mu    sync.Mutex
	files []roomFile // what was used last is last
	total int64
}

type roomFile struct {
	path  string
	bytes int64
}

// NewRoom returns room for so many bytes.
func NewRoom(limit int64) *Room { return &Room{limit: limit} }

// use notes that a copy is written or read, and removes others in its place. It
// reports whether there is room for it.
func (r *Room) use(path string, bytes int64) bool {
	if r == nil {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.IndexFunc(r.files, func(f roomFile) bool { return f.path == path }); i >= 0 {
		r.total -= r.files[i].bytes
		r.files = slices.Delete(r.files, i, i+1)
	}
	if bytes > r.limit {
		return false
	}
	r.files, r.total = append(r.files, roomFile{path, bytes}), r.total+bytes
	for r.total > r.limit {
		_ = os.Remove(r.files[0].path) // it may be gone already
		r.total -= r.files[0].bytes
		r.files = r.files[1:]
	}
	return true
}
