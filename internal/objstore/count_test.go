package objstore_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/internal/objstore/objstoretest"
)

// counts are those of s, a line each.
func counts(s *objstore.Stores) string {
	var lines []string
	for _, c := range s.Counts() {
		lines = append(lines, fmt.Sprintf("%s %v: %d, %d failed, %d again, %d read, %d written",
			c.Scheme, c.Operation, c.Requests, c.Errors, c.Retries, c.Read, c.Written))
	}
	return strings.Join(lines, "\n")
}

func TestCounts(t *testing.T) {
	s := objstore.New(objstore.Options{})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	b, err := s.Open(t.Context(), "mem://m/a", nil)
	must(err)
	must(b.Put(t.Context(), "x", []byte("12345")))
	if won, err := b.PutIfAbsent(t.Context(), "x", []byte("6")); won || err != nil {
		t.Fatal(won, err)
	}
	if _, err := b.Get(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	if there, err := b.Exists(t.Context(), "y"); there || err != nil {
		t.Fatal(there, err)
	}
	o, err := b.Open(t.Context(), "x")
	must(err)
	if data, err := io.ReadAll(io.NewSectionReader(o, 3, 2)); string(data) != "45" || err != nil {
		t.Fatal(data, err)
	}
	must(b.Move(t.Context(), "x", "z"))
	_, err = b.Dirs(t.Context(), "")
	must(err)
	must(b.Sweep(t.Context(), "")) // memory has nothing to sweep
	must(b.Delete(t.Context(), "z"))

	other, err := s.Open(t.Context(), t.TempDir(), nil)
	must(err)
	w, err := other.Create(t.Context(), "w")
	must(err)
	for range 3 {
		_, err = w.Write([]byte("ab"))
		must(err)
	}
	must(w.Close())

	want := `file put: 1, 0 failed, 0 again, 0 read, 6 written
mem stat: 3, 0 failed, 0 again, 0 read, 0 written
mem get: 2, 0 failed, 0 again, 7 read, 0 written
mem put: 2, 0 failed, 0 again, 0 read, 5 written
mem list: 1, 0 failed, 0 again, 0 read, 0 written
mem delete: 1, 0 failed, 0 again, 0 read, 0 written
mem move: 1, 0 failed, 0 again, 0 read, 0 written`
	if got := counts(s); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestCountsFailures: what the store says that it did, and made fail, is what is counted.
func TestCountsFailures(t *testing.T) {
	faults := &objstoretest.Faults{Seed: 7, Errors: 0.3, Ambiguous: 0.1}
	s := objstore.New(objstore.Options{
		Openers: map[string]objstore.Opener{"flaky": faults.Open}, Backoff: time.Microsecond, Attempts: 50,
	})
	b, err := s.Open(t.Context(), "flaky://b", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		if err := b.Put(t.Context(), fmt.Sprint(i), []byte("abc")); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Get(t.Context(), fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	var sum objstore.Count
	for _, c := range s.Counts() {
		sum.Requests += c.Requests
		sum.Errors += c.Errors
		sum.Retries += c.Retries
		sum.Read += c.Read
		sum.Written += c.Written
	}
	did := faults.Count()
	if sum.Requests != int64(did.Requests) || sum.Errors != int64(did.Errors+did.Ambiguous) || sum.Retries != sum.Errors {
		t.Errorf("counted %+v, it did %+v", sum, did)
	}
	if sum.Errors == 0 || sum.Read != 150 || sum.Written != 150 {
		t.Errorf("counted %+v", sum)
	}
}

// TestMetersOfAContext: requests count for whom the context says, too.
func TestMetersOfAContext(t *testing.T) {
	s := objstore.New(objstore.Options{})
	var mine objstore.Meters
	ctx := objstore.WithMeters(t.Context(), &mine)
	b, err := s.Open(ctx, "mem://m/b", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{b.Put(ctx, "x", []byte("12345")), b.Put(t.Context(), "y", []byte("1"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	w, err := b.Create(ctx, "z")
	if err == nil {
		_, err = w.Write([]byte("123"))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(mine.Counts()), "[{mem put 2 0 0 0 8}]"; got != want {
		t.Errorf("of the context: %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(s.Counts()), "[{mem put 3 0 0 0 9}]"; got != want {
		t.Errorf("of all: %s, want %s", got, want)
	}
}
