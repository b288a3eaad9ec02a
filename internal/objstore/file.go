package objstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/wadi-engine/wadi/job"
)

// tempPrefix begins the names of files that are being written. A crash leaves
// them behind; Walk does not show them.
const tempPrefix = ".wadi-tmp-"

// fileDriver keeps objects as files below root.
//
//	Put           temporary file, fsync, rename, fsync of the directory
//	Put ifAbsent  temporary file, fsync, link (EEXIST: lost), fsync of the directory, unlink
//	Move          link, fsync of the directory, unlink
//
// link(2) is the only step that decides, and the kernel decides it once.
type fileDriver struct{ root string }

func (d fileDriver) path(key string) (string, error) {
	if key == "" || !filepath.IsLocal(filepath.FromSlash(key)) {
		return "", fmt.Errorf("%w: %q is not a name below %s", job.ErrInvalid, key, d.root)
	}
	return filepath.Join(d.root, filepath.FromSlash(key)), nil
}

func fileInfo(key string, st fs.FileInfo) Info {
	info := Info{Name: key, Size: st.Size(), ModTime: st.ModTime()}
	inode := uint64(0)
	if sys, ok := st.Sys().(*syscall.Stat_t); ok {
		inode = uint64(sys.Ino)
	}
	info.ETag = fmt.Sprintf("%x-%x-%x", inode, st.ModTime().UnixNano(), st.Size())
	return info
}

func (d fileDriver) Stat(_ context.Context, key string) (Info, error) {
	p, err := d.path(key)
	if err != nil {
		return Info{}, err
	}
	st, err := os.Stat(p)
	if err != nil {
		return Info{}, reason(err)
	}
	if st.IsDir() {
		return Info{}, fmt.Errorf("%w: it is a directory", fs.ErrNotExist)
	}
	return fileInfo(key, st), nil
}

func (d fileDriver) Open(_ context.Context, key string) (Source, error) {
	p, err := d.path(key)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(p)
	if err != nil {
		return nil, reason(err)
	}
	st, err := f.Stat()
	if err == nil && st.IsDir() {
		err = fmt.Errorf("%w: it is a directory", fs.ErrNotExist)
	}
	if err != nil {
		_ = f.Close()
		return nil, reason(err)
	}
	return &fileSource{f: f, info: fileInfo(key, st)}, nil
}

// fileSource holds a file open: a file that is replaced stays what it was, one
// that is written to in place is noticed.
type fileSource struct {
	f    *os.File
	info Info
}

func (s *fileSource) Info() Info   { return s.info }
func (s *fileSource) Close() error { return s.f.Close() }

func (s *fileSource) ReadAt(_ context.Context, p []byte, off int64) (int, error) {
	n, err := s.f.ReadAt(p, off)
	st, serr := s.f.Stat()
	switch {
	case serr != nil:
		return n, reason(serr)
	case st.Size() != s.info.Size || !st.ModTime().Equal(s.info.ModTime):
		return 0, ErrChanged
	case err != nil:
		return n, reason(err)
	}
	return n, nil
}

func (d fileDriver) Put(ctx context.Context, key string, data []byte, ifAbsent bool) error {
	w, err := d.create(key, ifAbsent)
	if err != nil {
		return err
	}
	defer w.Abort()
	if _, err := w.Write(data); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return w.Close()
}

func (d fileDriver) Create(_ context.Context, key string) (Writer, error) {
	return d.create(key, false)
}

func (d fileDriver) create(key string, ifAbsent bool) (*fileWriter, error) {
	p, err := d.path(key)
	if err != nil {
		return nil, err
	}
	dir := filepath.Dir(p)
	for try := 0; ; try++ {
		if err := makeDirs(dir); err != nil {
			return nil, reason(err)
		}
		f, err := os.CreateTemp(dir, tempPrefix+"*")
		if err == nil {
			return &fileWriter{f: f, path: p, ifAbsent: ifAbsent}, nil
		}
		// Delete may have removed the empty directory meanwhile.
		if try == 10 || !errors.Is(err, fs.ErrNotExist) {
			return nil, reason(err)
		}
	}
}

type fileWriter struct {
	f        *os.File
	path     string
	ifAbsent bool
	done     bool
}

func (w *fileWriter) Write(p []byte) (int, error) {
	n, err := w.f.Write(p)
	return n, reason(err)
}

func (w *fileWriter) Close() error {
	if w.done {
		return nil
	}
	defer w.Abort()
	if err := w.f.Chmod(0o644); err != nil {
		return reason(err)
	}
	if err := w.f.Sync(); err != nil {
		return reason(err)
	}
	var err error
	if w.ifAbsent {
		err = os.Link(w.f.Name(), w.path)
	} else {
		err = os.Rename(w.f.Name(), w.path)
	}
	if err != nil {
		return reason(err)
	}
	return syncDir(filepath.Dir(w.path))
}

func (w *fileWriter) Abort() error {
	if w.done {
		return nil
	}
	w.done = true
	err := w.f.Close()
	if rerr := os.Remove(w.f.Name()); rerr != nil && !errors.Is(rerr, fs.ErrNotExist) {
		err = rerr
	}
	return reason(err)
}

func (d fileDriver) Walk(ctx context.Context, prefix string, yield func(Info) bool) error {
	dir := ""
	if cut := strings.LastIndexByte(prefix, '/'); cut >= 0 {
		dir = prefix[:cut]
	}
	if dir != "" && !filepath.IsLocal(filepath.FromSlash(dir)) {
		return fmt.Errorf("%w: %q is not below %s", job.ErrInvalid, prefix, d.root)
	}
	_, err := d.walk(ctx, dir, prefix, yield)
	return reason(err)
}

// walk visits the files below dir whose keys start with prefix in ascending
// order of keys: "a.b" stands before "a/b", as on every object store.
func (d fileDriver) walk(ctx context.Context, dir, prefix string, yield func(Info) bool) (more bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	entries, err := os.ReadDir(filepath.Join(d.root, filepath.FromSlash(dir)))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	keys := make([]string, 0, len(entries))
	for _, e := range entries {
		key := e.Name()
		if strings.HasPrefix(key, tempPrefix) {
			continue
		}
		if dir != "" {
			key = dir + "/" + key
		}
		if e.IsDir() || e.Type()&fs.ModeSymlink != 0 && isDir(filepath.Join(d.root, filepath.FromSlash(key))) {
			key += "/"
		}
		if strings.HasPrefix(key, prefix) || strings.HasPrefix(prefix, key) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		if sub, ok := strings.CutSuffix(key, "/"); ok {
			if more, err := d.walk(ctx, sub, prefix, yield); err != nil || !more {
				return false, err
			}
			continue
		}
		if !strings.HasPrefix(key, prefix) {
			continue
		}
		st, err := os.Stat(filepath.Join(d.root, filepath.FromSlash(key)))
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted meanwhile
		}
		if err != nil {
			return false, err
		}
		if st.Mode().IsRegular() && !yield(fileInfo(key, st)) {
			return false, nil
		}
	}
	return true, nil
}

func isDir(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

func (d fileDriver) Delete(_ context.Context, key string) error {
	p, err := d.path(key)
	if err != nil {
		return err
	}
	if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return reason(err)
	}
	d.prune(filepath.Dir(p))
	return nil
}

// prune removes the directories from dir up to the root that are empty:
// object stores have none.
func (d fileDriver) prune(dir string) {
	for len(dir) > len(d.root) && strings.HasPrefix(dir, d.root) {
		if os.Remove(dir) != nil {
			return
		}
		dir = filepath.Dir(dir)
	}
}

func (d fileDriver) Move(_ context.Context, from, to string) error {
	src, err := d.path(from)
	if err != nil {
		return err
	}
	dst, err := d.path(to)
	if err != nil {
		return err
	}
	for try := 0; ; try++ {
		if err := makeDirs(filepath.Dir(dst)); err != nil {
			return reason(err)
		}
		if err = os.Link(src, dst); err == nil {
			break
		}
		// ENOENT means that src is missing, or that the directory of dst was pruned.
		if _, serr := os.Lstat(dst); serr == nil {
			break // an earlier try, before or after it unlinked src
		}
		if _, serr := os.Lstat(src); serr != nil || try == 10 || !errors.Is(err, fs.ErrNotExist) {
			d.prune(filepath.Dir(dst))
			return reason(err)
		}
	}
	if err := syncDir(filepath.Dir(dst)); err != nil {
		return err
	}
	if err := os.Remove(src); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return reason(err)
	}
	d.prune(filepath.Dir(src))
	return nil
}

func (fileDriver) Exact() bool  { return true }
func (fileDriver) Close() error { return nil }

// makeDirs is os.MkdirAll that makes what it creates durable. A parent that is
// there may be pruned before its child is made: then it begins again, though
// not for ever, since there are places (/proc) where nothing can be made.
func makeDirs(dir string) (err error) {
	for range 100 {
		if err = makeDir(dir); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return err
}

func makeDir(dir string) error {
	if isDir(dir) {
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := makeDir(parent); err != nil {
			return err
		}
	}
	err := os.Mkdir(dir, 0o755)
	switch {
	case err == nil, errors.Is(err, fs.ErrExist) && isDir(dir):
		return syncDir(parent)
	case errors.Is(err, fs.ErrExist):
		return syscall.ENOTDIR
	}
	return err
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return reason(err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) {
		return reason(err)
	}
	return nil
}

// reason drops the path from an error of package os: callers name the URL.
func reason(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	var l *os.LinkError
	if errors.As(err, &l) {
		return l.Err
	}
	return err
}

// hopeless reports errors that no retry within seconds will cure.
func hopeless(err error) bool {
	return readOnly(err) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

func readOnly(err error) bool {
	return errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.ENOTDIR) ||
		errors.Is(err, syscall.EISDIR) || errors.Is(err, syscall.ENAMETOOLONG)
}
