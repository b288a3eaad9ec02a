package objstoretest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/wadi-engine/wadi/internal/objstore"
)

// Faults is a store in memory that fails. Each request may fail without an
// effect, fail after its effect, or be slow. What it does is a function of the
// seed and of the order of requests. Faults{} never fails.
type Faults struct {
	Seed      uint64
	Errors    float64 // chance that a request fails and does nothing
	Ambiguous float64 // chance that it is done and fails all the same
	Slow      float64 // chance that it takes Delay
	Delay     time.Duration

	once  sync.Once
	mu    sync.Mutex
	rand  *rand.Rand
	inner objstore.Driver
	count Count
}

// Count is what a store has done so far.
type Count struct{ Requests, Errors, Ambiguous, Slow int }

// Count returns what was done so far.
func (f *Faults) Count() Count {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count
}

// Open is an objstore.Opener. All roots share the objects.
func (f *Faults) Open(_ context.Context, root *url.URL, _ map[string]string) (objstore.Driver, error) {
	f.once.Do(func() {
		f.rand = rand.New(rand.NewPCG(f.Seed, 0)) //nolint:gosec // it is to be repeated
		f.inner = objstore.NewMemory()
	})
	return &faultyDriver{Faults: f, root: strings.TrimPrefix(root.Host+strings.TrimRight(root.Path, "/")+"/", "/")}, nil
}

// What requests fail with: nothing that tells whether they were done.
var (
	errThrottled = errors.New("503 slow down")
	errLost      = errors.New("connection reset by peer")
)

// request does something, or not, and reports an error, or not.
func (f *Faults) request(ctx context.Context, do func() error) error {
	f.mu.Lock()
	roll, slow, throttled := f.rand.Float64(), f.rand.Float64() < f.Slow, f.rand.IntN(2) == 0
	f.count.Requests++
	failing, lying := roll < f.Errors, roll >= f.Errors && roll < f.Errors+f.Ambiguous
	if failing {
		f.count.Errors++
	}
	if lying {
		f.count.Ambiguous++
	}
	if slow {
		f.count.Slow++
	}
	f.mu.Unlock()
	if slow {
		select {
		case <-time.After(f.Delay): //nolint:forbidigo // it plays a slow network
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if failing && throttled {
		return errThrottled
	}
	if failing {
		return errLost
	}
	if err := do(); err != nil {
		return err
	}
	if lying {
		return fmt.Errorf("%w: after the request", errLost)
	}
	return nil
}

type faultyDriver struct {
	*Faults
	root string
}

// Stat implements objstore.Driver.
func (d *faultyDriver) Stat(ctx context.Context, key string) (info objstore.Info, err error) {
	err = d.request(ctx, func() error {
		info, err = d.inner.Stat(ctx, d.root+key)
		info.Name = key
		return err
	})
	return info, err
}

// Open implements objstore.Driver.
func (d *faultyDriver) Open(ctx context.Context, key string) (src objstore.Source, err error) {
	err = d.request(ctx, func() error {
		src, err = d.inner.Open(ctx, d.root+key)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &faultySource{Source: src, driver: d, key: key}, nil
}

type faultySource struct {
	objstore.Source
	driver *faultyDriver
	key    string
}

// Info implements objstore.Source.
func (s *faultySource) Info() objstore.Info {
	i := s.Source.Info()
	i.Name = s.key
	return i
}

// ReadAt implements objstore.Source.
func (s *faultySource) ReadAt(ctx context.Context, p []byte, off int64) (n int, err error) {
	err = s.driver.request(ctx, func() error {
		n, err = s.Source.ReadAt(ctx, p, off)
		return err
	})
	if err != nil {
		n = 0
	}
	return n, err
}

// Put implements objstore.Driver.
func (d *faultyDriver) Put(ctx context.Context, key string, data []byte, ifAbsent bool) error {
	return d.request(ctx, func() error { return d.inner.Put(ctx, d.root+key, data, ifAbsent) })
}

// Create implements objstore.Driver.
func (d *faultyDriver) Create(ctx context.Context, key string) (w objstore.Writer, err error) {
	err = d.request(ctx, func() error {
		w, err = d.inner.Create(ctx, d.root+key)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &faultyWriter{Writer: w, driver: d, ctx: ctx}, nil
}

type faultyWriter struct {
	objstore.Writer
	driver *faultyDriver
	ctx    context.Context
}

// Close implements objstore.Writer.
func (w *faultyWriter) Close() error {
	err := w.driver.request(w.ctx, w.Writer.Close)
	if err != nil {
		err = errors.Join(err, w.Abort())
	}
	return err
}

// Walk implements objstore.Driver.
func (d *faultyDriver) Walk(ctx context.Context, prefix string, yield func(objstore.Info) bool) error {
	return d.request(ctx, func() error {
		return d.inner.Walk(ctx, d.root+prefix, func(i objstore.Info) bool {
			i.Name = strings.TrimPrefix(i.Name, d.root)
			return yield(i)
		})
	})
}

// Delete implements objstore.Driver.
func (d *faultyDriver) Delete(ctx context.Context, key string) error {
	return d.request(ctx, func() error { return d.inner.Delete(ctx, d.root+key) })
}

// Move implements objstore.Driver.
func (d *faultyDriver) Move(ctx context.Context, from, to string) error {
	return d.request(ctx, func() error { return d.inner.Move(ctx, d.root+from, d.root+to) })
}

// Exact implements objstore.Driver.
func (d *faultyDriver) Exact() bool { return false }

// Close implements objstore.Driver.
func (d *faultyDriver) Close() error { return nil }
