package logs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/wadi-engine/wadi/engine/rpc"
)

// file is a log file that becomes the next one when it is full:
//
//	wadi-worker-0.log   wadi-worker-0.log.1   …   wadi-worker-0.log.9
//	being written       full                      the oldest, removed next
//
// Processes that share a directory have files of their own: the number in the
// name is the first that no other process uses.
type file struct {
	dir, name string
	f         *os.File
	lock      *os.File
	size      int64
	maxSize   int64
	maxFiles  int
}

// maxProcesses is how many processes may share a directory.
const maxProcesses = 1024

func openFile(o Options) (*file, error) {
	f := &file{dir: o.Dir, maxSize: o.MaxSize, maxFiles: o.MaxFiles}
	if f.maxSize <= 0 {
		f.maxSize = 100 << 20
	}
	if f.maxFiles <= 0 {
		f.maxFiles = 10
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil { //nolint:gosec // others may look at logs
		return nil, err
	}
	for n := range maxProcesses {
		f.name = fmt.Sprintf("%s-%d.log", o.Name, n)
		lock, err := os.OpenFile(filepath.Join(o.Dir, "."+f.name+".lock"), os.O_CREATE|os.O_RDWR, 0o644) //nolint:gosec // the directory is the user's
		if err != nil {
			return nil, err
		}
		if err := exclusive(lock); err != nil {
			_ = lock.Close() // another process has it
			continue
		}
		f.lock = lock
		return f, f.open()
	}
	return nil, errors.New("too many processes share it")
}

func (f *file) path() string { return filepath.Join(f.dir, f.name) }

// open goes on with the file.
func (f *file) open() error {
	var err error
	if f.f, err = os.OpenFile(f.path(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644); err != nil { //nolint:gosec // others may look at logs
		return err
	}
	info, err := f.f.Stat()
	if err == nil {
		f.size = info.Size()
	}
	return err
}

// write adds a line. A disk that is full loses lines, and nothing else.
func (f *file) write(p []byte) {
	if f.size > 0 && f.size+int64(len(p)) > f.maxSize {
		f.rotate()
	}
	if f.f == nil {
		return
	}
	n, _ := f.f.Write(p) // there is no better place to say that it fails
	f.size += int64(n)
}

// rotate begins the next file.
func (f *file) rotate() {
	if f.f != nil {
		_ = f.f.Close() // what was written is written
	}
	f.f, f.size = nil, 0
	_ = os.Remove(f.numbered(f.maxFiles - 1)) // there may be none yet
	for n := f.maxFiles - 2; n >= 0; n-- {
		_ = os.Rename(f.numbered(n), f.numbered(n+1)) // there may be none yet
	}
	if f.maxFiles == 1 {
		_ = os.Remove(f.path()) // it is the oldest
	}
	_ = f.open() // the next rotation tries again
}

func (f *file) numbered(n int) string {
	if n == 0 {
		return f.path()
	}
	return f.path() + "." + strconv.Itoa(n)
}

func (f *file) close() error {
	var err error
	if f.f != nil {
		err = f.f.Close()
	}
	return errors.Join(err, f.lock.Close())
}

// files are those that there are, the newest first.
func (f *file) files() []rpc.LogFile {
	var all []rpc.LogFile
	for n := range f.maxFiles {
		info, err := os.Stat(f.numbered(n))
		if err == nil {
			all = append(all, rpc.LogFile{Name: info.Name(), Size: info.Size(), Modified: info.ModTime()})
		}
	}
	return all
}

// read is a part of one of them.
func (f *file) read(r rpc.LogRead) ([]byte, error) {
	if !slices.ContainsFunc(f.files(), func(l rpc.LogFile) bool { return l.Name == r.File }) {
		return nil, os.ErrNotExist
	}
	in, err := os.Open(filepath.Join(f.dir, r.File))
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Close() }() // it was read
	data := make([]byte, r.Limit)
	n, err := in.ReadAt(data, r.Offset)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return data[:n], err
}
