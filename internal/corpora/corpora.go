// Package corpora finds third-party test material, which lies beside the
// repository, in ../shared/corpora or where WADI_CORPORA says, and is no part of it.
package corpora

import (
	"os"
	"path/filepath"
	"testing"
)

// Path is a file or folder of the corpora. The test is skipped when it is not there.
func Path(t testing.TB, elem ...string) string {
	t.Helper()
	path := filepath.Join(append([]string{Dir(t)}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no third-party corpus %s (WADI_CORPORA)", path)
	}
	return path
}

// Dir is where the corpora would be, whether or not they are there.
func Dir(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("WADI_CORPORA"); dir != "" {
		return dir
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(filepath.Dir(dir), "shared", "corpora")
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = up
	}
}
