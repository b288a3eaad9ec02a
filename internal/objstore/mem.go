package objstore

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// memory is a named store in memory, shared by the buckets that open it.
type memory struct {
	mu      sync.Mutex
	objects map[string]memObject
	version int64
}

type memObject struct {
	data    []byte // never changed in place
	version int64
}

func (o memObject) info(key string) Info {
	return Info{
		Name: key, Size: int64(len(o.data)), ETag: fmt.Sprintf("%x", o.version),
		ModTime: time.UnixMilli(o.version).UTC(),
	}
}

// memDriver is the objects of a memory whose keys start with root, which is
// empty or ends in a slash. Times are version numbers: they only order writes.
type memDriver struct {
	*memory
	root string
}

func (d memDriver) get(key string) (memObject, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	o, ok := d.objects[d.root+key]
	if !ok {
		return o, fs.ErrNotExist
	}
	return o, nil
}

func (d memDriver) Stat(_ context.Context, key string) (Info, error) {
	o, err := d.get(key)
	return o.info(key), err
}

func (d memDriver) Open(_ context.Context, key string) (Source, error) {
	o, err := d.get(key)
	if err != nil {
		return nil, err
	}
	return memSource{data: o.data, info: o.info(key)}, nil
}

type memSource struct {
	data []byte
	info Info
}

func (s memSource) ReadAt(_ context.Context, p []byte, off int64) (int, error) {
	return copy(p, s.data[off:]), nil
}

func (s memSource) Info() Info { return s.info }
func (memSource) Close() error { return nil }

func (d memDriver) Put(ctx context.Context, key string, data []byte, ifAbsent bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, there := d.objects[d.root+key]; there && ifAbsent {
		return fs.ErrExist
	}
	d.version++
	d.objects[d.root+key] = memObject{data: slices.Clone(data), version: d.version}
	return nil
}

func (d memDriver) Create(_ context.Context, key string) (Writer, error) {
	return &memWriter{driver: d, key: key}, nil
}

type memWriter struct {
	bytes.Buffer
	driver memDriver
	key    string
	done   bool
}

func (w *memWriter) Close() error {
	if w.done {
		return nil
	}
	w.done = true
	return w.driver.Put(context.Background(), w.key, w.Bytes(), false)
}

func (w *memWriter) Abort() error {
	w.done = true
	return nil
}

func (d memDriver) Walk(_ context.Context, prefix string, yield func(Info) bool) error {
	d.mu.Lock()
	objects := maps.Clone(d.objects)
	d.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(objects)) {
		name, ok := strings.CutPrefix(key, d.root)
		if ok && strings.HasPrefix(name, prefix) && !yield(objects[key].info(name)) {
			return nil
		}
	}
	return nil
}

func (d memDriver) Delete(_ context.Context, key string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.objects, d.root+key)
	return nil
}

func (d memDriver) Move(_ context.Context, from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, there := d.objects[d.root+to]; !there {
		o, ok := d.objects[d.root+from]
		if !ok {
			return fs.ErrNotExist
		}
		d.objects[d.root+to] = o
	}
	delete(d.objects, d.root+from)
	return nil
}

func (memDriver) Exact() bool  { return true }
func (memDriver) Close() error { return nil }

// NewMemory returns the driver of a memory of its own.
func NewMemory() Driver {
	return memDriver{memory: &memory{objects: map[string]memObject{}}}
}
