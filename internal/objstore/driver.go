package objstore

import (
	"context"
	"errors"
	"io"
	"net/url"
	"time"
)

// Driver is one kind of storage, below one root. Keys are relative to the
// root, with slashes. Implementations are safe for concurrent use and do not
// retry; their errors match fs.ErrNotExist, fs.ErrExist, fs.ErrPermission,
// ErrChanged, job.ErrInvalid (permanent) or anything else (worth a retry).
type Driver interface {
	Stat(ctx context.Context, key string) (Info, error)
	// Open pins the present version of an object for reading.
	Open(ctx context.Context, key string) (Source, error)
	// Put writes an object. With ifAbsent it fails with fs.ErrExist when there
	// is one already.
	Put(ctx context.Context, key string, data []byte, ifAbsent bool) error
	// Create starts a streaming write, in place of any old object at Close.
	Create(ctx context.Context, key string) (Writer, error)
	// Walk calls yield for every object whose key starts with prefix, in
	// ascending order of keys, until yield returns false.
	Walk(ctx context.Context, prefix string, yield func(Info) bool) error
	// Delete removes an object; a missing one is fine.
	Delete(ctx context.Context, key string) error
	// Move publishes the object from as to: see Bucket.Move.
	Move(ctx context.Context, from, to string) error
	// Exact reports that fs.ErrExist from Put means that somebody else's
	// object was there. A client that retries on its own (every cloud SDK)
	// may meet the object of its own first try.
	Exact() bool
	Close() error
}

// Opener makes the Driver for a root. props are the configuration keys of the
// caller, such as s3.endpoint.
type Opener func(ctx context.Context, root *url.URL, props map[string]string) (Driver, error)

// Info describes an object.
type Info struct {
	Name    string // relative to the root
	Size    int64
	ModTime time.Time
	// ETag changes when the object does. Walk leaves it empty where the
	// storage does not list it.
	ETag string
}

// Source reads one version of an object.
type Source interface {
	// ReadAt fills p from an offset; p lies within the object. It is safe for
	// concurrent use.
	ReadAt(ctx context.Context, p []byte, off int64) (int, error)
	Info() Info
	Close() error
}

// Writer streams an object. Close makes it durable and visible; Abort, or a
// failed Close, leaves nothing visible. Abort after Close does nothing.
type Writer interface {
	io.Writer
	Close() error
	Abort() error
}

// ErrChanged says that an object was replaced or changed while it was read.
var ErrChanged = errors.New("object changed while it was read")
