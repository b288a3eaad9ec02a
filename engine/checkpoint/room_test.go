package checkpoint

import (
	"bytes"
	"log/slog"
	"os"
	"testing"
)

// TestRoom: of copies that do not all fit, those that were used last stay.
func TestRoom(t *testing.T) {
	of := &counted{files: map[string][]byte{}}
	c := &Copies{Store: of, Dir: t.TempDir(), Local: true, Room: NewRoom(100), Log: slog.New(slog.DiscardHandler)}
	var names []string
	for i := range 4 {
		data := bytes.Repeat([]byte{byte(i)}, 40)
		if i == 3 {
			data = bytes.Repeat(data, 3) // 120 bytes
		}
		names = append(names, "job/"+RunFile(1, TaskID{2, i}, 4, Sum(data)))
		if err := c.Put(t.Context(), names[i], data); err != nil {
			t.Fatal(err)
		}
		if i == 1 { // the first is used again
			if _, err := c.Get(t.Context(), names[0]); err != nil || of.gets != 0 {
				t.Fatalf("%v, %d reads of the store", err, of.gets)
			}
		}
	}
	for i, kept := range []bool{true, false, true, false} {
		if _, err := os.Stat(c.at(names[i])); (err == nil) != kept {
			t.Errorf("copy %d: %v, want kept: %t", i, err, kept)
		}
	}
	if part, err := c.GetRange(t.Context(), names[0], 10, 5); err != nil || len(part) != 5 {
		t.Errorf("%d bytes of a copy, %v", len(part), err)
	}
	for i, gets := range []int{0, 1, 0, 1} {
		of.gets = 0
		if data, err := c.Get(t.Context(), names[i]); err != nil || len(data) < 40 || of.gets != gets {
			t.Errorf("copy %d: %d bytes, %v, with %d reads of the store, want %d", i, len(data), err, of.gets, gets)
		}
		if i == 1 { // it is kept again, in place of the one that was used least lately
			if _, err := os.Stat(c.at(names[2])); err == nil {
				t.Error("there is more than there is room for")
			}
			if err := c.Put(t.Context(), names[2], bytes.Repeat([]byte{2}, 40)); err != nil {
				t.Fatal(err)
			}
		}
	}
}
