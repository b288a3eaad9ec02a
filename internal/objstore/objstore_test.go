package objstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/internal/objstore/objstoretest"
	"github.com/wadi-engine/wadi/job"
)

var _ checkpoint.Store = (*objstore.Bucket)(nil)

func open(t *testing.T, root string) *objstore.Bucket {
	t.Helper()
	b, err := objstore.New(objstore.Options{}).Open(t.Context(), root, nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestContract(t *testing.T) {
	t.Run("file", func(t *testing.T) { objstoretest.Run(t, open(t, t.TempDir()+"/not/yet/there")) })
	t.Run("mem", func(t *testing.T) { objstoretest.Run(t, open(t, "mem://m/a/b")) })
}

// TestPutIfAbsentAcrossProcesses races eight processes on local disk: each
// tries to claim 100 names and prints those it won.
func TestPutIfAbsentAcrossProcesses(t *testing.T) {
	const processes, rounds = 8, 100
	if dir := os.Getenv("OBJSTORE_RACE_DIR"); dir != "" {
		b := open(t, dir)
		for i := range rounds {
			won, err := b.PutIfAbsent(t.Context(), fmt.Sprintf("claims/%d", i), fmt.Appendf(nil, "%d", os.Getpid()))
			if err != nil {
				t.Fatal(err)
			}
			if won {
				fmt.Printf("won %d\n", i)
			}
		}
		return
	}
	dir := t.TempDir()
	outputs := make([]string, processes)
	var wg sync.WaitGroup
	for p := range processes {
		wg.Go(func() {
			out, err := runSelf(t, "TestPutIfAbsentAcrossProcesses", "OBJSTORE_RACE_DIR="+dir)
			if err != nil {
				t.Errorf("process %d: %v\n%s", p, err, out)
			}
			outputs[p] = out
		})
	}
	wg.Wait()
	winners := map[string]int{}
	for line := range strings.SplitSeq(strings.Join(outputs, ""), "\n") {
		if strings.HasPrefix(line, "won ") {
			winners[line]++
		}
	}
	if len(winners) != rounds {
		t.Errorf("%d of %d names were claimed", len(winners), rounds)
	}
	for name, n := range winners {
		if n != 1 {
			t.Errorf("%s: %d winners", name, n)
		}
	}
}

func TestFileErrorsNameThePlace(t *testing.T) {
	b := open(t, t.TempDir())
	_, err := b.Get(t.Context(), "a/b")
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), b.URL("a/b")) {
		t.Errorf("Get of a missing object: %v", err)
	}
	if _, err := b.Get(t.Context(), "../x"); !errors.Is(err, job.ErrInvalid) {
		t.Errorf("Get outside the root: %v", err)
	}
	if err := b.Put(t.Context(), "file", nil); err != nil {
		t.Fatal(err)
	}
	if err := b.Put(t.Context(), "file/below", nil); !errors.Is(err, job.ErrInvalid) {
		t.Errorf("Put below a file: %v", err)
	}
	_, err = objstore.New(objstore.Options{}).Open(t.Context(), "s3://bucket/x", nil)
	if !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), `"s3"`) {
		t.Errorf("Open of an unknown scheme: %v", err)
	}
}

func TestFileNoticesChangeInPlace(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	path := filepath.Join(dir, "f")
	if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := b.Open(t.Context(), "f")
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	buf := make([]byte, 4)
	if _, err := o.ReadAt(buf, 2); err != nil || string(buf) != "2345" {
		t.Fatalf("ReadAt: %q, %v", buf, err)
	}
	if err := os.WriteFile(path, []byte("abcdefghijkl"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Unix(1, 0), time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := o.ReadAt(buf, 2); !errors.Is(err, objstore.ErrChanged) {
		t.Errorf("ReadAt after a change in place: %v, want ErrChanged", err)
	}
}

func TestFileHidesTemporaries(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	w, err := b.Create(t.Context(), "x/y")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, "half"); err != nil {
		t.Fatal(err)
	}
	if names, err := b.List(t.Context(), ""); err != nil || len(names) != 0 {
		t.Errorf("List during a write: %q, %v", names, err)
	}
	if err := w.Abort(); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(filepath.Join(dir, "x")); len(left) != 0 {
		t.Errorf("left after Abort: %v", left)
	}
}

func TestGlob(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	for _, name := range []string{
		"a/1.csv", "a/2.csv", "a/_hidden/3.csv", "a/.staging/4.csv", "a/_SUCCESS",
		"b/k=1/x.parquet", "b/k=2/y.parquet", "b/deep/er/z.parquet", "odd[1].csv", "p%20q#r.csv",
	} {
		if err := b.Put(t.Context(), name, []byte(name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		pattern string
		want    []string
	}{
		{"a/1.csv", []string{"a/1.csv"}},
		{"a", []string{"a/1.csv", "a/2.csv"}},
		{"a/", []string{"a/1.csv", "a/2.csv"}},
		{"a/*.csv", []string{"a/1.csv", "a/2.csv"}},
		{"*/[!2-9].csv", []string{"a/1.csv"}},
		{"a/{2,3}.csv", []string{"a/2.csv"}},
		{"b/**/*.parquet", []string{"b/deep/er/z.parquet", "b/k=1/x.parquet", "b/k=2/y.parquet"}},
		{"b/k=?/*", []string{"b/k=1/x.parquet", "b/k=2/y.parquet"}},
		{"odd[1].csv", []string{"odd[1].csv"}},
		{"p%20q#r.csv", []string{"p%20q#r.csv"}},
		{"none/*.csv", nil},
		{"missing", nil},
	} {
		for _, root := range []string{dir, "file://" + dir} {
			found, err := objstore.New(objstore.Options{}).Glob(t.Context(), root+"/"+c.pattern, nil)
			if err != nil {
				t.Errorf("%s: %v", c.pattern, err)
			}
			var got []string
			for _, f := range found {
				got = append(got, strings.TrimPrefix(f.URL, "file://"+dir+"/"))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s: -want +got:\n%s", c.pattern, diff)
			}
		}
	}
	stores := objstore.New(objstore.Options{})
	mem, err := stores.Open(t.Context(), "mem://m", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := mem.Put(t.Context(), "x", nil); err != nil {
		t.Fatal(err)
	}
	for _, root := range []string{"mem://m", "mem://m/", "mem://m/*"} {
		if found, err := stores.Glob(t.Context(), root, nil); err != nil || len(found) != 1 || found[0].URL != "mem://m/x" {
			t.Errorf("%s: %v, %v", root, found, err)
		}
	}
	if _, err := objstore.New(objstore.Options{}).Glob(t.Context(), dir+"/a[", nil); !errors.Is(err, job.ErrInvalid) {
		t.Errorf("bad pattern: %v", err)
	}
}

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"s3://b/k":                        "s3://b/k",
		"http://u:secret@h/p":             "http://u:****@h/p",
		"abfss://c@acc.dfs.x.net/p":       "abfss://c@acc.dfs.x.net/p",
		"https://acc/c/p?sv=1&sig=secret": "https://acc/c/p?****",
		"/plain/path?":                    "/plain/path?",
	} {
		if got := objstore.Redact(in); got != want {
			t.Errorf("Redact(%q) = %q, want %q", in, got, want)
		}
	}
}

// flaky fails every operation twice before it lets it through; a Put is
// carried out before the first failure: its reply got lost.
type flaky struct {
	objstore.Driver
	tries map[string]int
}

var errFlaky = errors.New("connection reset")

func (f *flaky) try(op string) bool { f.tries[op]++; return f.tries[op]%3 == 0 }

func (f *flaky) Put(ctx context.Context, key string, data []byte, ifAbsent bool) error {
	err := f.Driver.Put(ctx, key, data, ifAbsent)
	if f.try("put") {
		return err
	}
	return errFlaky
}

func (f *flaky) Open(ctx context.Context, key string) (objstore.Source, error) {
	if !f.try("open") {
		return nil, errFlaky
	}
	return f.Driver.Open(ctx, key)
}

func TestRetries(t *testing.T) {
	mem := objstoretest.MemDriver(t)
	stores := objstore.New(objstore.Options{
		Backoff: time.Nanosecond,
		Openers: map[string]objstore.Opener{"flaky": objstoretest.Opener(&flaky{Driver: mem, tries: map[string]int{}})},
	})
	b, err := stores.Open(t.Context(), "flaky://x/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if won, err := b.PutIfAbsent(t.Context(), "claim", []byte("mine")); err != nil || !won {
		t.Errorf("PutIfAbsent whose reply got lost: %v, %v, want true", won, err)
	}
	if won, err := b.PutIfAbsent(t.Context(), "claim", []byte("other")); err != nil || won {
		t.Errorf("PutIfAbsent against an older claim: %v, %v, want false", won, err)
	}
	if got, err := b.Get(t.Context(), "claim"); err != nil || !bytes.Equal(got, []byte("mine")) {
		t.Errorf("Get: %q, %v", got, err)
	}
}

type down struct{ objstore.Driver }

func (down) Put(context.Context, string, []byte, bool) error { return errFlaky }

func TestUnavailable(t *testing.T) {
	stores := objstore.New(objstore.Options{
		Backoff: time.Nanosecond, Attempts: 3,
		Openers: map[string]objstore.Opener{"down": objstoretest.Opener(down{objstoretest.MemDriver(t)})},
	})
	b, err := stores.Open(t.Context(), "down://x/root", nil)
	if err != nil {
		t.Fatal(err)
	}
	err = b.Put(t.Context(), "k", nil)
	if !errors.Is(err, job.ErrUnavailable) || !errors.Is(err, errFlaky) || !strings.Contains(err.Error(), "down://x/root/k") {
		t.Errorf("Put to a store that is down: %v", err)
	}
	if !slices.Contains([]string{"write"}, strings.Fields(err.Error())[0]) {
		t.Errorf("the error does not say what was done: %v", err)
	}
}
