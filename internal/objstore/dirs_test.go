package objstore

import (
	"errors"
	"io/fs"
	"os"
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
