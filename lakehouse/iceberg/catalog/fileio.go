package catalog

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	iceio "github.com/apache/iceberg-go/io"

	"github.com/wadi-engine/wadi/internal/objstore"
)

// fileIO lets iceberg-go read and write through objstore: what it writes is
// durable when Close returns, and failures are retried.
type fileIO struct {
	ctx    context.Context
	stores *objstore.Stores
	root   *objstore.Bucket // the table's location
	props  map[string]string
	until  time.Time // when the credentials in props expire; zero: they do not
	// moved is where the metadata have the files that are below root, or "".
	moved string
	// expand says that whole files are read that may be compressed.
	expand bool
}

var (
	_ iceio.WriteFileIO = (*fileIO)(nil)
	_ iceio.ReadFileIO  = (*fileIO)(nil)
	_ iceio.ListableIO  = (*fileIO)(nil)
)

// open is a table.FSysF: the files live as long as ctx.
func (f fileIO) open(ctx context.Context) (iceio.IO, error) {
	f.ctx = ctx
	return &f, nil
}

// iceberg-go finds the storage of metadata files by scheme, in a table of the
// whole process. installed are the stores behind the schemes that were put
// there: those of the catalog that was opened last.
var (
	installing sync.Mutex
	installed  = map[string]*objstore.Stores{}
)

// install makes iceberg-go write through stores wherever a URL has one of these
// schemes. For files that matters too: iceberg-go does not fsync.
func install(schemes []string, stores *objstore.Stores) {
	installing.Lock()
	defer installing.Unlock()
	for _, scheme := range schemes {
		if installed[scheme] == nil {
			iceio.Unregister(scheme)
			iceio.Register(scheme, func(ctx context.Context, u *url.URL, props map[string]string) (iceio.IO, error) {
				installing.Lock()
				stores := installed[scheme]
				installing.Unlock()
				props, until := expiry(props)
				authority := &url.URL{Scheme: u.Scheme, User: u.User, Host: u.Host, Path: "/"}
				root, err := stores.Open(ctx, authority.String(), props)
				if err != nil {
					return nil, err
				}
				expand, _ := ctx.Value(expandFiles{}).(bool)
				return &fileIO{ctx: ctx, stores: stores, root: root, props: props, until: until, expand: expand}, nil
			})
		}
		installed[scheme] = stores
	}
}

func (f *fileIO) locate(name string) (*objstore.Bucket, string, error) {
	if rest, ok := strings.CutPrefix(oneForm(name), oneForm(f.moved)); ok && f.moved != "" {
		return f.root, rest, nil
	}
	if !strings.Contains(name, "://") && strings.HasPrefix(f.root.Root(), "file://") {
		name = "file://" + strings.TrimPrefix(name, "file:")
	}
	if rest, ok := strings.CutPrefix(name, f.root.Root()+"/"); ok {
		return f.root, rest, nil
	}
	return f.stores.Split(f.ctx, name, f.props)
}

// oneForm writes file:/path, which Hadoop says, as file:///path.
func oneForm(name string) string {
	if path, ok := strings.CutPrefix(name, "file:"); ok && !strings.HasPrefix(path, "//") {
		return "file://" + path
	}
	return name
}

func (f *fileIO) Open(name string) (iceio.File, error) {
	b, key, err := f.locate(name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	o, err := b.Open(f.ctx, key)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &file{SectionReader: io.NewSectionReader(o, 0, o.Size()), object: o}, nil
}

func (f *fileIO) ReadFile(name string) ([]byte, error) {
	b, key, err := f.locate(name)
	if err != nil {
		return nil, err
	}
	text, err := b.Get(f.ctx, key)
	if err != nil || !f.expand {
		return text, err
	}
	return expanded(name, text)
}

func (f *fileIO) WriteFile(name string, data []byte) error {
	b, key, err := f.locate(name)
	if err != nil {
		return err
	}
	return b.Put(f.ctx, key, data)
}

func (f *fileIO) Remove(name string) error {
	b, key, err := f.locate(name)
	if err != nil {
		return err
	}
	return b.Delete(f.ctx, key)
}

// WalkDir calls fn for each file below root; there are no directories.
func (f *fileIO) WalkDir(root string, fn fs.WalkDirFunc) error {
	b, key, err := f.locate(strings.TrimSuffix(root, "/"))
	if err != nil {
		return err
	}
	infos, err := b.Walk(f.ctx, key+"/")
	if err != nil {
		return err
	}
	for _, i := range infos {
		err := fn(b.URL(i.Name), fs.FileInfoToDirEntry(fileInfo{i}), nil)
		switch {
		case errors.Is(err, fs.SkipAll):
			return nil
		case err != nil:
			return err
		}
	}
	return nil
}

func (f *fileIO) Create(name string) (iceio.FileWriter, error) {
	b, key, err := f.locate(name)
	if err != nil {
		return nil, err
	}
	w, err := b.Create(f.ctx, key)
	if err != nil {
		return nil, err
	}
	return &fileWriter{Writer: w, ctx: f.ctx}, nil
}

type fileWriter struct {
	objstore.Writer
	ctx context.Context
}

func (w *fileWriter) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{w.Writer}, r)
}

// Close publishes nothing when the work that the file belongs to was given up.
func (w *fileWriter) Close() error {
	if err := w.ctx.Err(); err != nil {
		return errors.Join(err, w.Abort())
	}
	return w.Writer.Close()
}

type file struct {
	*io.SectionReader
	object *objstore.Object
}

func (f *file) Close() error               { return f.object.Close() }
func (f *file) Stat() (fs.FileInfo, error) { return fileInfo{f.object.Info()}, nil }

type fileInfo struct{ info objstore.Info }

func (i fileInfo) Name() string       { return path.Base(i.info.Name) }
func (i fileInfo) Size() int64        { return i.info.Size }
func (i fileInfo) Mode() fs.FileMode  { return 0o644 }
func (i fileInfo) ModTime() time.Time { return i.info.ModTime }
func (i fileInfo) IsDir() bool        { return false }
func (i fileInfo) Sys() any           { return nil }
