package objstore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestMakeDirsNowhere: a place in which no directory can be made is an error.
func TestMakeDirsNowhere(t *testing.T) {
	if _, err := os.Stat("/proc/self"); err != nil {
		t.Skip("there is no /proc")
	}
	if err := makeDirs("/proc/nowhere/below"); !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
		t.Errorf("error %v", err)
	}
}

// TestSweep: what a process that died was writing is removed, and nothing else.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	d := fileDriver{root: dir}
	for _, key := range []string{"x/a", "x/deep/b", "y/c"} {
		if err := d.Put(t.Context(), key, []byte("whole"), false); err != nil {
			t.Fatal(err)
		}
		if _, err := d.create(key+"-half", false); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.create("x/empty/half", false); err != nil {
		t.Fatal(err)
	}
	if err := d.Sweep(t.Context(), "x/"); err != nil {
		t.Fatal(err)
	}
	if err := d.Sweep(t.Context(), "nowhere/"); err != nil {
		t.Fatal(err)
	}
	var left []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && (!e.IsDir() || e.Name() == "empty") {
			name, _ := filepath.Rel(dir, path)
			left = append(left, name[:min(len(name), 12)])
		}
		return err
	})
	if want := []string{"x/a", "x/deep/b", "y/.wadi-tmp-", "y/c"}; err != nil || !slices.Equal(left, want) {
		t.Errorf("left: %q, %v; want %q", left, err, want)
	}
}
