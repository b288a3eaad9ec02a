package objstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/wadi-engine/wadi/job"
)

// Bucket is a root and the objects below it. Names are relative to the root,
// with slashes. It is safe for concurrent use.
type Bucket struct {
	root   string
	driver counted
	opts   *Options
}

// Root is the URL of the root, without a slash at its end.
func (b *Bucket) Root() string { return b.root }

// URL is the URL of an object.
func (b *Bucket) URL(name string) string { return b.root + "/" + name }

// Stat describes an object.
func (b *Bucket) Stat(ctx context.Context, name string) (Info, error) {
	return retry(ctx, b, OpStat, "look at", name, func(ctx context.Context) (Info, error) {
		return b.driver.Stat(ctx, name)
	})
}

// Exists reports whether there is an object.
func (b *Bucket) Exists(ctx context.Context, name string) (bool, error) {
	_, err := b.Stat(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Get reads a whole object.
func (b *Bucket) Get(ctx context.Context, name string) ([]byte, error) {
	return retry(ctx, b, OpGet, "read", name, func(ctx context.Context) ([]byte, error) {
		src, err := b.driver.Open(ctx, name)
		if err != nil {
			return nil, err
		}
		defer src.Close()
		data := make([]byte, src.Info().Size)
		if len(data) == 0 {
			return data, nil
		}
		if n, err := src.ReadAt(ctx, data, 0); n < len(data) {
			return nil, err
		}
		return data, nil
	})
}

// GetRange reads n bytes of an object from at on. An object that is shorter is
// an error.
func (b *Bucket) GetRange(ctx context.Context, name string, at, n int64) ([]byte, error) {
	return retry(ctx, b, OpGet, "read", name, func(ctx context.Context) ([]byte, error) {
		src, err := b.driver.Open(ctx, name)
		if err != nil {
			return nil, err
		}
		defer src.Close()
		if size := src.Info().Size; at < 0 || n < 0 || at > size-n {
			return nil, fmt.Errorf("%w: %d bytes from %d on, of %d", job.ErrInvalid, n, at, size)
		}
		data := make([]byte, n)
		if n == 0 {
			return data, nil
		}
		if got, err := src.ReadAt(ctx, data, at); int64(got) < n {
			return nil, err
		}
		return data, nil
	})
}

// Put writes an object, in place of an old one.
func (b *Bucket) Put(ctx context.Context, name string, data []byte) error {
	_, err := retry(ctx, b, OpPut, "write", name, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, b.driver.Put(ctx, name, data, false)
	})
	return err
}

// PutIfAbsent writes an object unless there is one, and reports whether it
// did. A reply that got lost is resolved by reading the object back: data that
// equals ours was ours, so writers that race must not write equal data (put a
// nonce into it).
func (b *Bucket) PutIfAbsent(ctx context.Context, name string, data []byte) (bool, error) {
	exact := b.driver.Exact()
	_, err := retry(ctx, b, OpPut, "claim", name, func(ctx context.Context) (struct{}, error) {
		err := b.driver.Put(ctx, name, data, true)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			exact = false // it may have been written all the same
		}
		return struct{}{}, err
	})
	if err == nil {
		return true, nil
	}
	if !errors.Is(err, fs.ErrExist) {
		return false, err
	}
	if exact {
		return false, nil
	}
	there, err := b.Get(ctx, name)
	if err != nil {
		return false, fmt.Errorf("see who won: %w", err)
	}
	return bytes.Equal(there, data), nil
}

// List returns the names of all objects that start with prefix, ascending.
func (b *Bucket) List(ctx context.Context, prefix string) ([]string, error) {
	infos, err := b.Walk(ctx, prefix)
	names := make([]string, len(infos))
	for i, info := range infos {
		names[i] = info.Name
	}
	return names, err
}

// Walk describes all objects whose names start with prefix, in ascending order.
func (b *Bucket) Walk(ctx context.Context, prefix string) ([]Info, error) {
	return retry(ctx, b, OpList, "list", prefix, func(ctx context.Context) ([]Info, error) {
		var infos []Info
		err := b.driver.Walk(ctx, prefix, func(i Info) bool {
			infos = append(infos, i)
			return true
		})
		return infos, err
	})
}

// HasPrefix reports whether any object's name starts with prefix.
func (b *Bucket) HasPrefix(ctx context.Context, prefix string) (bool, error) {
	return retry(ctx, b, OpList, "list", prefix, func(ctx context.Context) (bool, error) {
		found := false
		err := b.driver.Walk(ctx, prefix, func(Info) bool {
			found = true
			return false
		})
		return found, err
	})
}

// Delete removes an object; a missing one is fine.
func (b *Bucket) Delete(ctx context.Context, name string) error {
	_, err := retry(ctx, b, OpDelete, "delete", name, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, b.driver.Delete(ctx, name)
	})
	return err
}

// Move makes the object at from appear at to, whole, and removes from. It may
// be repeated after a crash at any point: when to is there already, only from
// is removed; when neither is there, the error matches fs.ErrNotExist. The
// caller sees to it that to can only ever be this object. There is no rename
// below it: on local disk it is link and unlink, elsewhere a copy on the server.
func (b *Bucket) Move(ctx context.Context, from, to string) error {
	_, err := retry(ctx, b, OpMove, "move", from, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, b.driver.Move(ctx, from, to)
	})
	return err
}

// Create starts a streaming write. Failures in the middle are not retried:
// the caller writes the object again.
func (b *Bucket) Create(ctx context.Context, name string) (Writer, error) {
	w, err := b.driver.Create(ctx, name)
	if err != nil {
		return nil, b.fail("write", name, err)
	}
	return &writer{Writer: w, bucket: b, name: name}, nil
}

// Open pins an object for reading. The context bounds the opening only.
func (b *Bucket) Open(ctx context.Context, name string) (*Object, error) {
	src, err := retry(ctx, b, OpStat, "open", name, func(ctx context.Context) (Source, error) {
		return b.driver.Open(ctx, name)
	})
	if err != nil {
		return nil, err
	}
	return &Object{source: src, bucket: b}, nil
}

// Object reads one version of an object. ReadAt is safe for concurrent use and
// fails with ErrChanged when the object is no longer what it was at Open.
type Object struct {
	source Source
	bucket *Bucket
}

// Info describes the version that is read.
func (o *Object) Info() Info { return o.source.Info() }

// Close releases the object.
func (o *Object) Close() error { return o.source.Close() }

// URL is where the object is.
func (o *Object) URL() string { return o.bucket.URL(o.Info().Name) }

// Size is the object's size in bytes.
func (o *Object) Size() int64 { return o.Info().Size }

// ReadAt implements io.ReaderAt, with retries.
func (o *Object) ReadAt(p []byte, off int64) (int, error) {
	size := o.Info().Size
	if off < 0 {
		return 0, fmt.Errorf("read %s: %w: offset %d", o.URL(), fs.ErrInvalid, off)
	}
	if off >= size {
		return 0, io.EOF
	}
	var end error
	if int64(len(p)) > size-off {
		p, end = p[:size-off], io.EOF
	}
	if len(p) == 0 {
		return 0, end
	}
	n, err := retry(context.Background(), o.bucket, OpGet, "read", o.Info().Name, func(ctx context.Context) (int, error) {
		n, err := o.source.ReadAt(ctx, p, off)
		if n == len(p) {
			return n, nil
		}
		if errors.Is(err, io.EOF) {
			err = ErrChanged
		}
		return n, err
	})
	if err != nil {
		return n, err
	}
	return n, end
}

// Reader reads the object from the beginning.
func (o *Object) Reader() io.Reader { return io.NewSectionReader(o, 0, o.Size()) }

type writer struct {
	Writer
	bucket *Bucket
	name   string
}

func (w *writer) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	return n, w.bucket.fail("write", w.name, err)
}

func (w *writer) Close() error {
	return w.bucket.fail("write", w.name, w.Writer.Close())
}

// retry runs do, which makes requests of the kind op, until it succeeds, gives
// an answer, or has used its attempts.
func retry[T any](ctx context.Context, b *Bucket, op Operation, verb, name string, do func(context.Context) (T, error)) (T, error) {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval = b.opts.Backoff
	pause.MaxInterval = 5 * time.Second
	pause.Multiplier = 2
	tried := false
	result, err := backoff.Retry(ctx, func() (T, error) {
		attempt, cancel := context.WithTimeout(ctx, b.opts.Timeout)
		defer cancel()
		if tried {
			b.driver.meter[op].retries.Add(1)
		}
		tried = true
		result, err := do(attempt)
		if err != nil && (permanent(err) || ctx.Err() != nil) {
			return result, backoff.Permanent(err)
		}
		return result, err
	}, backoff.WithBackOff(pause), backoff.WithMaxTries(b.opts.Attempts), backoff.WithMaxElapsedTime(0))
	if p := (*backoff.PermanentError)(nil); errors.As(err, &p) {
		err = p.Unwrap()
	}
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	return result, b.fail(verb, name, err)
}

func permanent(err error) bool {
	for _, class := range []error{
		fs.ErrNotExist, fs.ErrExist, fs.ErrPermission, ErrChanged, job.ErrInvalid, context.Canceled,
	} {
		if errors.Is(err, class) {
			return true
		}
	}
	return hopeless(err)
}

// fail names the object and gives err its class.
func (b *Bucket) fail(verb, name string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, job.ErrInvalid), errors.Is(err, job.ErrUnavailable),
		errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrExist), errors.Is(err, context.Canceled):
		return fmt.Errorf("%s %s: %w", verb, b.URL(name), err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, ErrChanged), readOnly(err):
		return fmt.Errorf("%s %s: %w: %w", verb, b.URL(name), job.ErrInvalid, err)
	}
	return fmt.Errorf("%s %s: %w: %w", verb, b.URL(name), job.ErrUnavailable, err)
}
