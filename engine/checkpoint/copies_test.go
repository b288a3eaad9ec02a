package checkpoint

import (
	"bytes"
	"context"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
)

// counted is a store in memory that counts what is read.
type counted struct {
	Store
	files map[string][]byte
	gets  int
}

func (c *counted) Put(_ context.Context, name string, data []byte) error {
	c.files[name] = data
	return nil
}

func (c *counted) Get(_ context.Context, name string) ([]byte, error) {
	c.gets++
	if data, ok := c.files[name]; ok {
		return data, nil
	}
	return nil, fs.ErrNotExist
}

func TestCopies(t *testing.T) {
	ctx := t.Context()
	of := &counted{files: map[string][]byte{}}
	c := &Copies{Store: of, Dir: filepath.Join(t.TempDir(), "local"), Local: true, Log: slog.New(slog.DiscardHandler)}
	data := []byte("rows")
	name := "job/" + RunFile(1, TaskID{2, 3}, 4, Sum(data))
	if err := c.Put(ctx, name, data); err != nil {
		t.Fatal(err)
	}
	get := func(name string, gets int) {
		t.Helper()
		of.gets = 0
		got, err := c.Get(ctx, name)
		if err != nil || !bytes.Equal(got, data) || of.gets != gets {
			t.Errorf("%q, %v, with %d reads of the store, want %d", got, err, of.gets, gets)
		}
	}
	get(name, 0)
	if err := os.WriteFile(c.at(name), []byte("row"), 0o600); err != nil {
		t.Fatal(err)
	}
	get(name, 1) // damaged
	get(name, 0) // and whole again
	other := "job/" + InFlightFile(1, TaskID{2, 3}, 5, Sum(data))
	of.files[other] = data
	get(other, 1) // of somebody else
	get(other, 0)
	c.Prune("job", map[string]bool{RunFile(1, TaskID{2, 3}, 4, Sum(data)): true})
	get(name, 0)
	get(other, 1)
	if err := c.Put(ctx, "job/chk-1/_metadata", data); err != nil {
		t.Fatal(err)
	}
	get("job/chk-1/_metadata", 1) // a claim is never local
	c.Local = false
	get(name, 1)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(c.Dir); err == nil {
		t.Error("copies stay")
	}
}
