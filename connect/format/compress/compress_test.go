package compress_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/snappy"

	"github.com/wadi-engine/wadi/connect/format/compress"
	"github.com/wadi-engine/wadi/job"
)

var text = strings.Repeat("the same line again\n", 100_000)

func write(t *testing.T, name string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := compress.Writer(name, &b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func read(name string, b []byte) (string, error) {
	r, ok, err := compress.Reader(name, bytes.NewReader(b))
	if !ok || err != nil {
		return "", errors.Join(err, errors.New("not compressed"))
	}
	out, err := io.ReadAll(r)
	return string(out), errors.Join(err, r.Close())
}

// TestRoundTrip: what is written is read, and what is cut off is an error.
func TestRoundTrip(t *testing.T) {
	for _, way := range []string{"gzip", "zstd", "snappy", "lz4", "deflate", "xz"} {
		suffix, err := compress.Suffix(way)
		if err != nil {
			t.Fatal(err)
		}
		b := write(t, "part.csv"+suffix)
		if len(b) > len(text)/4 {
			t.Errorf("%s: %d bytes", way, len(b))
		}
		if got, err := read("part.csv"+suffix, b); got != text || err != nil {
			t.Errorf("%s: %d bytes, %v", way, len(got), err)
		}
		if _, err := read("part.csv"+suffix, b[:len(b)/2]); err == nil {
			t.Errorf("%s: half of it is read without an error", way)
		}
	}
	if b := write(t, "part.csv"); string(b) != text {
		t.Errorf("plain: %d bytes", len(b))
	}
}

// TestHadoopSnappy: the blocks that Hadoop and Spark write.
func TestHadoopSnappy(t *testing.T) {
	var b []byte
	for block := range 3 {
		b = binary.BigEndian.AppendUint32(b, uint32(2*len(text)))
		for range 2 {
			chunk := snappy.Encode(nil, []byte(text))
			b = binary.BigEndian.AppendUint32(b, uint32(len(chunk)))
			b = append(b, chunk...)
		}
		if block == 1 {
			b = binary.BigEndian.AppendUint32(b, 0)
		}
	}
	if got, err := read("x.snappy", b); got != strings.Repeat(text, 6) || err != nil {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	for _, n := range []int{2, 7, len(b) - 3} {
		if _, err := read("x.snappy", b[:n]); err == nil {
			t.Errorf("%d bytes of it are read without an error", n)
		}
	}
	if _, err := read("x.snappy", []byte("plain text, which is not compressed")); err == nil {
		t.Error("plain text is read")
	}
}

func TestSuffix(t *testing.T) {
	if s, err := compress.Suffix("none"); s != "" || err != nil {
		t.Errorf("none: %q, %v", s, err)
	}
	for _, way := range []string{"bzip2", "rar"} {
		if _, err := compress.Suffix(way); !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), "gzip, zstd") {
			t.Errorf("%s: %v", way, err)
		}
	}
}
