package crash

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/wadi-engine/wadi/internal/objstore"
)

// fate is what becomes of one process: it is killed or frozen behind a number of
// requests to storage, and some of them fail. The zero value is a good life.
type fate struct {
	mu     sync.Mutex
	rnd    *rand.Rand
	faults float64       // chance of a request to be throttled, or to be lost after it was done
	left   int           // requests before the end; 0: there is none
	frozen chan struct{} // the end is a sleep until it is closed; nil: the end is death
	nap    time.Duration // the end is none: it goes on after so long
	gone   func()        // is told of the end
	dead   bool
}

// errGone is what a dead process is told: it does no harm any more.
var errGone = fmt.Errorf("%w: this process is dead", fs.ErrPermission)

var errThrottled, errLost = errors.New("503 slow down"), errors.New("connection reset by peer")

// request carries out a request, or what fate has in store.
func (f *fate) request(do func() error) error {
	f.mu.Lock()
	if f.left > 0 && !f.dead {
		if f.left--; f.left == 0 {
			f.end()
		}
	}
	dead, roll := f.dead, 1.0
	if f.rnd != nil && f.faults > 0 {
		roll = f.rnd.Float64()
	}
	f.mu.Unlock()
	switch {
	case dead:
		return errGone
	case roll < f.faults/2:
		return errThrottled
	}
	if err := do(); err != nil {
		return err
	}
	if roll < f.faults {
		return errLost
	}
	return nil
}

// end is reached with the lock: whatever else the process does waits, too.
func (f *fate) end() {
	if f.nap > 0 {
		time.Sleep(f.nap)
		return
	}
	if f.gone(); f.frozen != nil {
		<-f.frozen
		return
	}
	f.dead = true
}

// fated is a store as one process sees it.
type fated struct {
	*fate
	inner objstore.Driver
	root  string
}

// opener is for the stores of a process; all see the same objects.
func (f *fate) opener(inner objstore.Driver) objstore.Opener {
	return func(_ context.Context, root *url.URL, _ map[string]string) (objstore.Driver, error) {
		return fated{f, inner, strings.TrimPrefix(root.Host+strings.TrimRight(root.Path, "/")+"/", "/")}, nil
	}
}

func (d fated) Stat(ctx context.Context, key string) (info objstore.Info, err error) {
	err = d.request(func() error {
		info, err = d.inner.Stat(ctx, d.root+key)
		return err
	})
	info.Name = key
	return info, err
}

func (d fated) Open(ctx context.Context, key string) (src objstore.Source, err error) {
	err = d.request(func() error {
		src, err = d.inner.Open(ctx, d.root+key)
		return err
	})
	if err != nil {
		return nil, err
	}
	return fatedSource{src, d, key}, nil
}

type fatedSource struct {
	objstore.Source
	of  fated
	key string
}

func (s fatedSource) Info() objstore.Info {
	i := s.Source.Info()
	i.Name = s.key
	return i
}

func (s fatedSource) ReadAt(ctx context.Context, p []byte, off int64) (n int, err error) {
	err = s.of.request(func() error {
		n, err = s.Source.ReadAt(ctx, p, off)
		return err
	})
	return n, err
}

func (d fated) Put(ctx context.Context, key string, data []byte, ifAbsent bool) error {
	return d.request(func() error { return d.inner.Put(ctx, d.root+key, data, ifAbsent) })
}

func (d fated) Create(ctx context.Context, key string) (w objstore.Writer, err error) {
	err = d.request(func() error {
		w, err = d.inner.Create(ctx, d.root+key)
		return err
	})
	return fatedWriter{w, d}, err
}

type fatedWriter struct {
	objstore.Writer
	of fated
}

func (w fatedWriter) Close() error {
	err := w.of.request(w.Writer.Close)
	if err != nil {
		err = errors.Join(err, w.Abort())
	}
	return err
}

func (d fated) Walk(ctx context.Context, prefix string, yield func(objstore.Info) bool) error {
	return d.request(func() error {
		return d.inner.Walk(ctx, d.root+prefix, func(i objstore.Info) bool {
			i.Name = strings.TrimPrefix(i.Name, d.root)
			return yield(i)
		})
	})
}

func (d fated) Delete(ctx context.Context, key string) error {
	return d.request(func() error { return d.inner.Delete(ctx, d.root+key) })
}

func (d fated) Move(ctx context.Context, from, to string) error {
	return d.request(func() error { return d.inner.Move(ctx, d.root+from, d.root+to) })
}

func (d fated) Exact() bool  { return false }
func (d fated) Close() error { return nil }
