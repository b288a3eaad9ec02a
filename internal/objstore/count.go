package objstore

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"slices"
	"sync"
	"sync/atomic"
)

// Operation is a kind of request to a store.
type Operation uint8

// The kinds of requests.
const (
	OpStat   Operation = iota // look at an object, or pin it for reading
	OpGet                     // read a range of an object
	OpPut                     // write an object, at once or as a stream of any number of parts
	OpList                    // list names, through any number of pages
	OpDelete                  // remove an object, or what is left of writes that never ended
	OpMove                    // publish an object under another name
	operations
)

// String is the name of the kind in metrics.
func (o Operation) String() string {
	return [operations]string{"stat", "get", "put", "list", "delete", "move"}[o]
}

// Count is what one kind of request has done in the stores of one scheme.
type Count struct {
	Scheme    string
	Operation Operation
	// Requests is how many there were, those that were tried again among them.
	Requests int64
	// Errors is how many of them failed. That an object is not there, or is
	// there already, is an answer.
	Errors int64
	// Retries is how many repeated one that had failed.
	Retries int64
	// Read and Written are bytes of objects.
	Read, Written int64
}

// Counts is what the buckets of s have done since it was made, and those of
// others with the same Meters.
func (s *Stores) Counts() []Count { return s.meters.Counts() }

// Meters count the requests of one or more Stores, by scheme. The zero value
// works.
type Meters struct {
	mu     sync.Mutex
	scheme map[string]*meter
}

// of finds or makes the meter of a scheme.
func (s *Meters) of(scheme string) *meter {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.scheme == nil {
		s.scheme = make(map[string]*meter)
	}
	m := s.scheme[scheme]
	if m == nil {
		m = new(meter)
		s.scheme[scheme] = m
	}
	return m
}

// Counts is a row for each scheme and kind of request of which there was any,
// ordered by both. A bucket's own retries are seen; those that a cloud's client
// makes by itself are not.
func (s *Meters) Counts() []Count {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Count
	for scheme, m := range s.scheme {
		for op := range operations {
			if c := m[op].count(scheme, op); c.Requests > 0 {
				all = append(all, c)
			}
		}
	}
	slices.SortFunc(all, func(a, b Count) int {
		return cmp.Or(cmp.Compare(a.Scheme, b.Scheme), cmp.Compare(a.Operation, b.Operation))
	})
	return all
}

// WithMeters makes the requests that are made with the context, or with one
// below it, count in m too, beside those of the buckets themselves.
func WithMeters(ctx context.Context, m *Meters) context.Context {
	return context.WithValue(ctx, metersKey{}, m)
}

type metersKey struct{}

// meter counts the requests of one scheme.
type meter [operations]counters

type counters struct{ requests, errors, retries, read, written atomic.Int64 }

func (c *counters) count(scheme string, op Operation) Count {
	return Count{
		Scheme: scheme, Operation: op, Requests: c.requests.Load(), Errors: c.errors.Load(),
		Retries: c.retries.Load(), Read: c.read.Load(), Written: c.written.Load(),
	}
}

// request counts one that ended with err.
func (c *counters) request(err error) {
	c.requests.Add(1)
	c.fault(err)
}

func (c *counters) fault(err error) {
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) {
		c.errors.Add(1)
	}
}

// counted is a driver whose requests are counted.
type counted struct {
	Driver
	scheme string
	meter  *meter
}

// counts are those that a kind of request counts in: the driver's, and those of
// the context.
func (d counted) counts(ctx context.Context, op Operation) both {
	b := both{&d.meter[op], nil}
	if m, ok := ctx.Value(metersKey{}).(*Meters); ok {
		b[1] = &m.of(d.scheme)[op]
	}
	return b
}

// both are one or two counters that count the same.
type both [2]*counters

func (b both) request(err error) {
	for _, c := range b {
		if c != nil {
			c.request(err)
		}
	}
}

func (b both) fault(err error) {
	for _, c := range b {
		if c != nil {
			c.fault(err)
		}
	}
}

func (b both) bytes(read, written int) {
	for _, c := range b {
		if c != nil {
			c.read.Add(int64(read))
			c.written.Add(int64(written))
		}
	}
}

func (d counted) Stat(ctx context.Context, key string) (Info, error) {
	info, err := d.Driver.Stat(ctx, key)
	d.counts(ctx, OpStat).request(err)
	return info, err
}

func (d counted) Open(ctx context.Context, key string) (Source, error) {
	src, err := d.Driver.Open(ctx, key)
	d.counts(ctx, OpStat).request(err)
	if err != nil {
		return nil, err
	}
	return countedSource{src, d}, nil
}

type countedSource struct {
	Source
	driver counted
}

func (s countedSource) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	n, err := s.Source.ReadAt(ctx, p, off)
	gets := s.driver.counts(ctx, OpGet)
	gets.bytes(n, 0)
	if n == len(p) {
		gets.request(nil)
	} else {
		gets.request(err)
	}
	return n, err
}

func (d counted) Put(ctx context.Context, key string, data []byte, ifAbsent bool) error {
	err := d.Driver.Put(ctx, key, data, ifAbsent)
	puts := d.counts(ctx, OpPut)
	puts.request(err)
	if err == nil {
		puts.bytes(0, len(data))
	}
	return err
}

func (d counted) Create(ctx context.Context, key string) (Writer, error) {
	w, err := d.Driver.Create(ctx, key)
	d.counts(ctx, OpPut).request(err)
	if err != nil {
		return nil, err
	}
	return &countedWriter{Writer: w, puts: d.counts(ctx, OpPut)}, nil
}

// countedWriter counts one error at most.
type countedWriter struct {
	Writer
	puts both
	once sync.Once
}

func (w *countedWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	w.puts.bytes(0, n)
	return n, w.check(err)
}

func (w *countedWriter) Close() error { return w.check(w.Writer.Close()) }

func (w *countedWriter) check(err error) error {
	if err != nil {
		w.once.Do(func() { w.puts.fault(err) })
	}
	return err
}

func (d counted) Walk(ctx context.Context, prefix string, yield func(Info) bool) error {
	err := d.Driver.Walk(ctx, prefix, yield)
	d.counts(ctx, OpList).request(err)
	return err
}

// dirs is nil, false when the driver is no Lister.
func (d counted) dirs(ctx context.Context, prefix string) ([]string, bool, error) {
	l, ok := d.Driver.(Lister)
	if !ok {
		return nil, false, nil
	}
	names, err := l.Dirs(ctx, prefix)
	d.counts(ctx, OpList).request(err)
	return names, true, err
}

// sweep does nothing when the driver is no Sweeper.
func (d counted) sweep(ctx context.Context, prefix string) error {
	s, ok := d.Driver.(Sweeper)
	if !ok {
		return nil
	}
	err := s.Sweep(ctx, prefix)
	d.counts(ctx, OpDelete).request(err)
	return err
}

func (d counted) Delete(ctx context.Context, key string) error {
	err := d.Driver.Delete(ctx, key)
	d.counts(ctx, OpDelete).request(err)
	return err
}

func (d counted) Move(ctx context.Context, from, to string) error {
	err := d.Driver.Move(ctx, from, to)
	d.counts(ctx, OpMove).request(err)
	return err
}
