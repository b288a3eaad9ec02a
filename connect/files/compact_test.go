package files_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wadi-engine/wadi/connect/files"
	"github.com/wadi-engine/wadi/connect/format/compress"
	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/internal/objstore/objstoretest"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// Create dies before the object is there, or goes through.
func (f faulty) Create(ctx context.Context, key string) (objstore.Writer, error) {
	w, err := f.Driver.Create(ctx, key)
	return dying{w, f}, err
}

type dying struct {
	objstore.Writer
	store faulty
}

func (d dying) Close() error {
	if err := d.store.change(); err != nil {
		return errors.Join(err, d.Abort())
	}
	return d.Writer.Close()
}

// small is one epoch of many small files, one of each task.
func small(t *testing.T, s ops.Sink, e stream.Epoch, from int64) ops.Pending {
	t.Helper()
	p := ops.Pending{Epoch: e}
	for i := range int64(5) {
		p.Committables = append(p.Committables, stage(t, s, int(i), e, from+i*4, from+i*4+4).Committables...)
	}
	return p
}

// text is the rows of the visible files, by directory, without their headers.
func text(t *testing.T, stores *objstore.Stores, root string) (rows []string, perDir map[string]int) {
	t.Helper()
	b, err := stores.Open(t.Context(), root, nil)
	if err != nil {
		t.Fatal(err)
	}
	names, err := b.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	perDir = map[string]int{}
	for _, name := range names {
		if strings.ContainsAny(name[:1], "._") || strings.HasPrefix(path.Base(name), "_") {
			continue
		}
		perDir[path.Dir(name)]++
		obj, err := b.Open(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		plain, ok, err := compress.Reader(name, obj.Reader())
		if !ok || err != nil {
			t.Fatalf("%s: %v %v", name, ok, err)
		}
		var all strings.Builder
		if _, err := fmt.Fscanf(plain, "%s\n", new(string)); err != nil { // the header
			t.Fatal(err)
		}
		if _, err := io.Copy(&all, plain); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, strings.Split(strings.TrimSuffix(all.String(), "\n"), "\n")...)
	}
	slices.Sort(rows)
	return rows, perDir
}

// TestCompaction kills the committer after each number of changes: each row is
// visible once, in files that are merged up to the size.
func TestCompaction(t *testing.T) {
	crashes := 0
	for budget := 0; ; budget++ {
		left := -1
		stores := objstore.New(objstore.Options{Openers: map[string]objstore.Opener{
			"faulty": objstoretest.Opener(faulty{objstoretest.MemDriver(t), &left}),
		}})
		s := newSink(t, table("faulty://x/out", map[string]string{
			"auto-compaction": "true", "compaction.file-size": "1 kb", "compaction.parallelism": "2", "csv.header": "true", "sink.compression": "gzip",
			"sink.partition-commit.policy.kind": "success-file",
		}, "city"), files.Env{Stores: stores})
		pending := []ops.Pending{small(t, s, 1, 0), small(t, s, 2, 20)}
		commit := func(n int) error {
			c, err := s.Committer(t.Context(), sinkID)
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Commit(t.Context(), pending[:n], false)
			return err
		}
		left = budget
		failed := errors.Join(commit(1), commit(2)) != nil
		left = -1
		for range 2 {
			if err := commit(2); err != nil {
				t.Fatalf("after a crash at change %d: %v", budget, err)
			}
		}
		var want []string
		for id := range 40 {
			want = append(want, fmt.Sprint(id))
		}
		slices.Sort(want)
		rows, dirs := text(t, stores, "faulty://x/out")
		if diff := cmp.Diff(want, rows); diff != "" {
			t.Fatalf("after a crash at change %d: -want +got:\n%s", budget, diff)
		}
		for dir, n := range dirs {
			if n > 2 { // a file of each epoch
				t.Fatalf("after a crash at change %d: %d files in %s", budget, n, dir)
			}
		}
		if !failed {
			break
		}
		crashes++
	}
	if crashes < 20 {
		t.Errorf("only %d places to crash", crashes)
	}
}

// TestCompactedSizes: files are merged while they are together not larger than
// the size, and a single one stays what it is.
func TestCompactedSizes(t *testing.T) {
	for size, want := range map[string]int{"1b": 5, "64b": 3, "1mb": 1} {
		env := files.Env{Stores: objstore.New(objstore.Options{})}
		s := newSink(t, table("mem://m/out", map[string]string{"auto-compaction": "true", "compaction.file-size": size}), env)
		commit(t, s, small(t, s, 1, 0)) // files of 29, 29, 31, 33 and 33 bytes
		if diff := cmp.Diff(ids(0, 20), lines(t, env.Stores, "mem://m/out")); diff != "" {
			t.Errorf("%s: -want +got:\n%s", size, diff)
		}
		if names := slices.Sorted(maps.Keys(visible(t, env.Stores, "mem://m/out"))); len(names) != want {
			t.Errorf("%s: %d files, want %d: %q", size, len(names), want, names)
		}
	}
}

// TestCompactedFileIsGone: neither what was merged nor what it was merged into is there.
func TestCompactedFileIsGone(t *testing.T) {
	env := files.Env{Stores: objstore.New(objstore.Options{})}
	s := newSink(t, table("mem://m/out", map[string]string{"auto-compaction": "true"}), env)
	p := small(t, s, 1, 0)
	b, err := env.Stores.Open(t.Context(), "mem://m/out", nil)
	if err != nil {
		t.Fatal(err)
	}
	names, err := b.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Delete(t.Context(), names[0]); err != nil {
		t.Fatal(err)
	}
	c, err := s.Committer(t.Context(), sinkID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Commit(t.Context(), []ops.Pending{p}, false); !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), names[0]) {
		t.Errorf("Commit = %v", err)
	}
}
