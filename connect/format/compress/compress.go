// Package compress reads and writes files that are compressed as a whole. The
// suffix of a file's name says how.
package compress

import (
	"bufio"
	"compress/bzip2"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"

	"github.com/wadi-engine/wadi/job"
)

// codec is one way to compress a file.
type codec struct {
	name     string
	suffixes []string // of which the first is given to what is written
	read     func(r io.Reader) (io.ReadCloser, error)
	write    func(w io.Writer) (io.WriteCloser, error) // nil: it is only read
}

var codecs = []codec{
	{
		"gzip",
		[]string{".gz", ".gzip"},
		func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) },
		func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil },
	},
	{
		"zstd",
		[]string{".zst", ".zstd"},
		func(r io.Reader) (io.ReadCloser, error) {
			d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
			if err != nil {
				return nil, err
			}
			return d.IOReadCloser(), nil
		},
		func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1)) },
	},
	{
		"snappy",
		[]string{".sz", ".s2", ".snappy"},
		readSnappy,
		func(w io.Writer) (io.WriteCloser, error) {
			return s2.NewWriter(w, s2.WriterSnappyCompat(), s2.WriterConcurrency(1)), nil
		},
	},
	{
		"lz4",
		[]string{".lz4"},
		func(r io.Reader) (io.ReadCloser, error) { return io.NopCloser(lz4.NewReader(r)), nil },
		func(w io.Writer) (io.WriteCloser, error) { return lz4.NewWriter(w), nil },
	},
	{
		"deflate",
		[]string{".deflate"},
		zlib.NewReader,
		func(w io.Writer) (io.WriteCloser, error) { return zlib.NewWriter(w), nil },
	},
	{
		"xz",
		[]string{".xz"},
		func(r io.Reader) (io.ReadCloser, error) {
			d, err := xz.NewReader(r)
			if err != nil {
				return nil, err
			}
			return io.NopCloser(d), nil
		},
		func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) },
	},
	{
		"bzip2",
		[]string{".bz2", ".bzip2"},
		func(r io.Reader) (io.ReadCloser, error) { return io.NopCloser(bzip2.NewReader(r)), nil },
		nil,
	},
}

func byName(name string) int {
	return slices.IndexFunc(codecs, func(c codec) bool {
		return slices.ContainsFunc(c.suffixes, func(s string) bool { return strings.EqualFold(s, path.Ext(name)) })
	})
}

// Reader looks through the compression of the file called name. Without one, ok
// is false, and r stands where it stood.
func Reader(name string, r io.Reader) (plain io.ReadCloser, ok bool, err error) {
	i := byName(name)
	if i < 0 {
		return nil, false, nil
	}
	plain, err = codecs[i].read(r)
	return plain, true, err
}

// Suffix is what the names of files end with that are compressed in a way, such as
// .gz of gzip, and nothing of none.
func Suffix(way string) (string, error) {
	if strings.EqualFold(way, "none") || way == "" {
		return "", nil
	}
	var names []string
	for _, c := range codecs {
		if c.write == nil {
			continue
		}
		if strings.EqualFold(c.name, way) {
			return c.suffixes[0], nil
		}
		names = append(names, c.name)
	}
	return "", fmt.Errorf("%w: files cannot be compressed by %q; want none, %s", job.ErrInvalid, way, strings.Join(names, ", "))
}

// Writer compresses as the file's name says, which has a Suffix. To close it ends
// what is compressed, and leaves w open. Without compression it writes through.
func Writer(name string, w io.Writer) (io.WriteCloser, error) {
	i := byName(name)
	if i < 0 {
		return through{w}, nil
	}
	return codecs[i].write(w)
}

type through struct{ io.Writer }

func (through) Close() error { return nil }

// readSnappy reads snappy's own frames, and the blocks of Hadoop.
func readSnappy(r io.Reader) (io.ReadCloser, error) {
	in := bufio.NewReader(r)
	head, err := in.Peek(4)
	if err != nil && len(head) > 0 {
		return nil, fmt.Errorf("snappy: %w", io.ErrUnexpectedEOF)
	}
	if len(head) == 4 && head[0] != 0xff {
		return io.NopCloser(&blocks{in: in}), nil
	}
	return io.NopCloser(s2.NewReader(in)), nil
}
