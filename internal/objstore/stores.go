package objstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wadi-engine/wadi/job"
)

// Options configures Stores. The zero value knows local disk and memory.
type Options struct {
	// Openers add schemes: "s3", "abfss", "gs", ….
	Openers map[string]Opener
	// Properties are handed to the openers.
	Properties map[string]string
	// Attempts is how often an operation is tried before it is reported as
	// unavailable; 0 means 5.
	Attempts uint
	// Backoff is the first pause between attempts; it doubles, with jitter, up
	// to 5 s. 0 means 100 ms.
	Backoff time.Duration
	// Timeout bounds one attempt of anything but a streaming write; 0 means 1 minute.
	Timeout time.Duration
	// Meters count the requests; nil means new ones.
	Meters *Meters
}

// Stores opens URLs:
//
//	/data/t, data/t, file:///data/t    local disk
//	mem://name/t                       memory, shared by all users of this Stores
//	s3://bucket/t, abfss://container@account.dfs.core.windows.net/t, gs://bucket/t, …
//	                                   what Options.Openers knows
//
// It keeps one Bucket per root and is safe for concurrent use.
type Stores struct {
	opts Options

	mu      sync.Mutex
	mem     map[string]*memory
	buckets map[string]*Bucket
	meters  *Meters
	recent  []string // keys of buckets, oldest first
}

// maxBuckets is how many buckets are kept. Temporary credentials make new ones
// all the time; those that are no longer kept close with their last user.
const maxBuckets = 512

// New returns Stores for o.
func New(o Options) *Stores {
	if o.Attempts == 0 {
		o.Attempts = 5
	}
	if o.Backoff == 0 {
		o.Backoff = 100 * time.Millisecond
	}
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	if o.Meters == nil {
		o.Meters = new(Meters)
	}
	return &Stores{opts: o, mem: map[string]*memory{}, buckets: map[string]*Bucket{}, meters: o.Meters}
}

// Open returns the bucket whose root is the given URL or path. The root need
// not exist. props add to, and override, Options.Properties.
func (s *Stores) Open(ctx context.Context, root string, props map[string]string) (*Bucket, error) {
	u, err := Parse(root)
	if err != nil {
		return nil, err
	}
	u.Path = "/" + strings.Trim(u.Path, "/")
	key := u.String() + "\x00" + fmt.Sprint(props)
	s.mu.Lock()
	b := s.buckets[key]
	s.mu.Unlock()
	if b != nil {
		return b, nil
	}
	d, err := s.driver(ctx, u, props)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", Redact(root), err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.buckets[key]; b != nil {
		return b, d.Close()
	}
	b = &Bucket{root: strings.TrimSuffix(display(u), "/"), driver: counted{d, u.Scheme, s.meters.of(u.Scheme)}, opts: &s.opts}
	s.buckets[key] = b
	if s.recent = append(s.recent, key); len(s.recent) > maxBuckets {
		delete(s.buckets, s.recent[0])
		s.recent = s.recent[1:]
	}
	return b, nil
}

// Schemes lists the schemes of URLs that can be opened.
func (s *Stores) Schemes() []string {
	return append([]string{"file", "mem"}, slices.Sorted(maps.Keys(s.opts.Openers))...)
}

func (s *Stores) driver(ctx context.Context, u *url.URL, props map[string]string) (Driver, error) {
	switch u.Scheme {
	case "file":
		return fileDriver{root: filepath.FromSlash(u.Path)}, nil
	case "mem":
		s.mu.Lock()
		defer s.mu.Unlock()
		m := s.mem[u.Host]
		if m == nil {
			m = &memory{objects: map[string]memObject{}}
			s.mem[u.Host] = m
		}
		return memDriver{memory: m, root: strings.TrimPrefix(strings.TrimRight(u.Path, "/")+"/", "/")}, nil
	}
	open, ok := s.opts.Openers[u.Scheme]
	if !ok {
		return nil, fmt.Errorf("%w: no storage for scheme %q; there are %q", job.ErrInvalid, u.Scheme, s.Schemes())
	}
	all := maps.Clone(s.opts.Properties)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, props)
	return open(ctx, u, all)
}

// Split opens the directory that holds the object at a URL or path, and
// returns the object's name in it.
func (s *Stores) Split(ctx context.Context, object string, props map[string]string) (*Bucket, string, error) {
	cut := strings.LastIndexByte(object, '/')
	if cut+1 == len(object) {
		return nil, "", fmt.Errorf("%w: %s names a directory, not an object", job.ErrInvalid, Redact(object))
	}
	dir, name := object[:cut+1], object[cut+1:]
	if cut < 0 {
		dir = "."
	}
	b, err := s.Open(ctx, dir, props)
	return b, name, err
}

// Close closes every bucket.
func (s *Stores) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, b := range s.buckets {
		errs = append(errs, b.driver.Close())
	}
	clear(s.buckets)
	s.recent = nil
	return errors.Join(errs...)
}

// Parse reads a URL or a local path. The result always has a scheme; the path
// of a local one is absolute and is not unescaped: a '%' or '#' in a file's
// name stands for itself.
func Parse(location string) (*url.URL, error) {
	if location == "" {
		return nil, fmt.Errorf("%w: empty path", job.ErrInvalid)
	}
	scheme, rest, ok := strings.Cut(location, "://")
	if !ok {
		if scheme, rest, ok = strings.Cut(location, ":"); !ok || scheme != "file" {
			scheme, rest = "file", location
		}
	}
	scheme = strings.ToLower(scheme)
	if scheme == "file" {
		rest = strings.TrimPrefix(rest, "localhost/")
		abs, err := filepath.Abs(filepath.FromSlash(rest))
		if err != nil {
			return nil, fmt.Errorf("%w: path %q: %w", job.ErrInvalid, location, err)
		}
		return &url.URL{Scheme: "file", Path: filepath.ToSlash(abs)}, nil
	}
	authority, path, _ := strings.Cut(rest, "/")
	u, err := url.Parse(scheme + "://" + authority)
	if err != nil {
		return nil, fmt.Errorf("%w: URL %q: %w", job.ErrInvalid, Redact(location), errors.Unwrap(err))
	}
	if u.Host == "" && scheme != "mem" {
		return nil, fmt.Errorf("%w: URL %q names no bucket", job.ErrInvalid, Redact(location))
	}
	u.Path = "/" + path
	return u, nil
}

// Redact removes passwords and query strings, which may hold signatures, from
// a URL for messages.
func Redact(location string) string {
	scheme, rest, ok := strings.Cut(location, "://")
	if !ok {
		return location
	}
	authority, path, slash := strings.Cut(rest, "/")
	if user, host, ok := strings.Cut(authority, "@"); ok {
		if name, _, secret := strings.Cut(user, ":"); secret {
			authority = name + ":****@" + host
		}
	}
	if scheme != "file" {
		if q := strings.IndexByte(path, '?'); q >= 0 && strings.Contains(path[q:], "=") {
			path = path[:q] + "?****"
		}
	}
	if slash {
		path = "/" + path
	}
	return scheme + "://" + authority + path
}

// display is the form of a URL that Parse reads back.
func display(u *url.URL) string {
	if u.Scheme == "file" {
		return "file://" + u.Path
	}
	host := u.Host
	if u.User != nil {
		host = u.User.Username() + "@" + host
	}
	return u.Scheme + "://" + host + u.Path
}
