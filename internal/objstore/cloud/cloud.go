// Package cloud makes an objstore.Driver of a gocloud.dev bucket. It is what
// the drivers for S3, Azure and GCS share; it links no SDK itself.
package cloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
)

// Options is how one cloud differs from another.
type Options struct {
	// PinRead makes a read fail unless the object still has this ETag. as is
	// blob.ReaderOptions.BeforeRead's.
	PinRead func(as func(any) bool, etag string)
	// ETag returns what PinRead is to be given, where that is not the ETag of
	// the service. as is blob.Attributes.As.
	ETag func(as func(any) bool) string
	// BeforeWrite sets how an object is written; nil leaves it as it is. as is
	// blob.WriterOptions.BeforeWrite's.
	BeforeWrite func(as func(any) bool) error
	// Sweep removes the parts of uploads that were never finished, of objects
	// whose keys in the bucket start with prefix; nil: there are none, or the
	// service removes them.
	Sweep func(ctx context.Context, prefix string) error
	// Code returns the service's code in an error, or "".
	Code func(error) string
}

// New returns a driver for the objects of b below root, a path without
// leading slash.
func New(b *blob.Bucket, root string, o Options) objstore.Driver {
	if root = strings.Trim(root, "/"); root != "" {
		b = blob.PrefixedBucket(b, root+"/")
	}
	return &driver{bucket: b, root: root, opts: o}
}

type driver struct {
	bucket *blob.Bucket
	root   string
	opts   Options
}

// codes are the services' own words. They go before gocloud's codes, which
// for S3 are guesses from the text: an error whose request id happens to hold
// "301" is a missing bucket there.
var codes = map[string]error{
	"PreconditionFailed": fs.ErrExist, "ConditionNotMet": fs.ErrExist, "BlobAlreadyExists": fs.ErrExist,
	"TargetConditionNotMet": fs.ErrExist, "SourceConditionNotMet": fs.ErrExist,
	"NoSuchKey": fs.ErrNotExist, "NoSuchBucket": fs.ErrNotExist, "NotFound": fs.ErrNotExist,
	"BlobNotFound": fs.ErrNotExist, "ContainerNotFound": fs.ErrNotExist,
	"AccessDenied": fs.ErrPermission, "Forbidden": fs.ErrPermission, "InvalidAccessKeyId": fs.ErrPermission,
	"SignatureDoesNotMatch": fs.ErrPermission, "ExpiredToken": fs.ErrPermission, "AuthenticationFailed": fs.ErrPermission,
	"AuthorizationFailure": fs.ErrPermission, "AuthorizationPermissionMismatch": fs.ErrPermission,
	"InsufficientAccountPermissions": fs.ErrPermission,
	"InvalidBucketName":              job.ErrInvalid, "InvalidResourceName": job.ErrInvalid,
}

// class gives err the sentinel that objstore looks for.
func (d *driver) class(err error) error {
	if err == nil {
		return nil
	}
	if d.opts.Code != nil {
		if code := d.opts.Code(err); code != "" {
			if class, known := codes[code]; known {
				return fmt.Errorf("%w: %w", class, err)
			}
			return err
		}
	}
	switch gcerrors.Code(err) {
	case gcerrors.NotFound:
		return fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	case gcerrors.AlreadyExists, gcerrors.FailedPrecondition:
		return fmt.Errorf("%w: %w", fs.ErrExist, err)
	case gcerrors.PermissionDenied:
		return fmt.Errorf("%w: %w", fs.ErrPermission, err)
	case gcerrors.InvalidArgument, gcerrors.Unimplemented:
		return fmt.Errorf("%w: %w", job.ErrInvalid, err)
	case gcerrors.Canceled:
		return fmt.Errorf("%w: %w", context.Canceled, err)
	default:
		return err
	}
}

func (d *driver) Stat(ctx context.Context, key string) (objstore.Info, error) {
	a, err := d.bucket.Attributes(ctx, key)
	if err != nil {
		return objstore.Info{}, d.class(err)
	}
	info := objstore.Info{Name: key, Size: a.Size, ModTime: a.ModTime, ETag: a.ETag}
	if d.opts.ETag != nil {
		info.ETag = d.opts.ETag(a.As)
	}
	return info, nil
}

func (d *driver) Open(ctx context.Context, key string) (objstore.Source, error) {
	info, err := d.Stat(ctx, key)
	if err != nil {
		return nil, err
	}
	return &source{driver: d, info: info}, nil
}

// source reads ranges of one version.
type source struct {
	driver *driver
	info   objstore.Info
}

func (s *source) Info() objstore.Info { return s.info }
func (s *source) Close() error        { return nil }

func (s *source) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	var opts blob.ReaderOptions
	if pin := s.driver.opts.PinRead; pin != nil {
		opts.BeforeRead = func(as func(any) bool) error {
			pin(as, s.info.ETag)
			return nil
		}
	}
	r, err := s.driver.bucket.NewRangeReader(ctx, s.info.Name, off, int64(len(p)), &opts)
	if err != nil {
		if err = s.driver.class(err); errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
			err = objstore.ErrChanged
		}
		return 0, err
	}
	defer r.Close()
	// Some replies tell whole seconds only.
	if r.Size() != s.info.Size || !r.ModTime().IsZero() && r.ModTime().Unix() != s.info.ModTime.Unix() {
		return 0, objstore.ErrChanged
	}
	n, err := io.ReadFull(r, p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("short reply: %d of %d bytes", n, len(p))
	}
	return n, s.driver.class(err)
}

func (d *driver) Put(ctx context.Context, key string, data []byte, ifAbsent bool) error {
	return d.class(d.bucket.WriteAll(ctx, key, data, &blob.WriterOptions{
		IfNotExist: ifAbsent, ContentType: "application/octet-stream",
	}))
}

func (d *driver) Create(ctx context.Context, key string) (objstore.Writer, error) {
	ctx, cancel := context.WithCancel(ctx)
	w, err := d.bucket.NewWriter(ctx, key, &blob.WriterOptions{ContentType: "application/octet-stream", BeforeWrite: d.opts.BeforeWrite})
	if err != nil {
		cancel()
		return nil, d.class(err)
	}
	return &writer{w: w, cancel: cancel, driver: d}, nil
}

// writer is aborted by cancelling its context before it is closed.
type writer struct {
	w      *blob.Writer
	cancel context.CancelFunc
	driver *driver
	done   bool
}

func (w *writer) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	return n, w.driver.class(err)
}

func (w *writer) Close() error {
	if w.done {
		return nil
	}
	w.done = true
	defer w.cancel()
	return w.driver.class(w.w.Close())
}

func (w *writer) Abort() error {
	if w.done {
		return nil
	}
	w.done = true
	w.cancel()
	_ = w.w.Close() // it reports the cancellation
	return nil
}

func (d *driver) Walk(ctx context.Context, prefix string, yield func(objstore.Info) bool) error {
	it := d.bucket.List(&blob.ListOptions{Prefix: prefix})
	for {
		o, err := it.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return d.class(err)
		}
		if strings.HasSuffix(o.Key, "/") {
			continue // a marker of a directory, made by other tools
		}
		if !yield(objstore.Info{Name: o.Key, Size: o.Size, ModTime: o.ModTime}) {
			return nil
		}
	}
}

func (d *driver) Delete(ctx context.Context, key string) error {
	err := d.class(d.bucket.Delete(ctx, key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (d *driver) Move(ctx context.Context, from, to string) error {
	there, err := d.bucket.Exists(ctx, to)
	if err != nil {
		return d.class(err)
	}
	if !there {
		if err := d.bucket.Copy(ctx, to, from, nil); err != nil {
			return d.class(err)
		}
	}
	return d.Delete(ctx, from)
}

// Sweep implements objstore.Sweeper.
func (d *driver) Sweep(ctx context.Context, prefix string) error {
	if d.opts.Sweep == nil {
		return nil
	}
	return d.class(d.opts.Sweep(ctx, strings.TrimPrefix(d.root+"/"+prefix, "/")))
}

func (d *driver) Exact() bool  { return false }
func (d *driver) Close() error { return d.bucket.Close() }

var _ objstore.Lister = (*driver)(nil)

// Dirs implements objstore.Lister.
func (d *driver) Dirs(ctx context.Context, prefix string) ([]string, error) {
	var names []string
	list := d.bucket.List(&blob.ListOptions{Prefix: prefix, Delimiter: "/"})
	for {
		o, err := list.Next(ctx)
		if errors.Is(err, io.EOF) {
			return names, nil
		}
		if err != nil {
			return nil, d.class(err)
		}
		if o.IsDir {
			names = append(names, strings.TrimSuffix(strings.TrimPrefix(o.Key, prefix), "/"))
		}
	}
}
