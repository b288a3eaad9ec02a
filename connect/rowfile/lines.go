package rowfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// maxBatch is how many bytes of values travel together, about.
const maxBatch = 64 << 20

// maxLine is the longest line: a longer one is an error, not a reason to fill the
// memory.
const maxLine = 64 << 20

// lineRows are rows that lines are added to.
type lineRows interface {
	Append(line []byte) error
	Rows() int
	Bytes() int
	Record(alloc memory.Allocator) arrow.RecordBatch
}

// lineDecoder reads a file whose lines are messages, each of which gives some rows.
type lineDecoder struct {
	lines *lines
	at    position
	rows  lineRows
	blank bool // a line without text counts
	last  []stream.RowKind
}

// openLines opens a decoder of the lines behind a position.
func openLines(in input, at position, rows lineRows, blank bool) (decoder, error) {
	r, err := in.from(at.Offset)
	if err != nil {
		return nil, err
	}
	return &lineDecoder{lines: newLines(r), at: at, rows: rows, blank: blank}, nil
}

func (d *lineDecoder) next(alloc memory.Allocator, n int) (arrow.RecordBatch, []badRow, position, error) {
	var bad []badRow
	lines := 0
	for ; lines < n && d.rows.Rows() < n && d.rows.Bytes() < maxBatch; lines++ {
		line, err := d.lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, d.at, err
		}
		d.at.Row++
		d.at.Offset += int64(d.lines.size)
		if !d.blank && len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if err := d.rows.Append(line); err != nil {
			bad = append(bad, badRow{d.at.Row, err.Error(), bytes.Clone(line)})
		}
	}
	if lines == 0 {
		return nil, nil, d.at, io.EOF
	}
	if c, ok := d.rows.(interface{ Kinds() []stream.RowKind }); ok {
		d.last = c.Kinds()
	}
	if d.rows.Rows() == 0 {
		return nil, bad, d.at, nil
	}
	return d.rows.Record(alloc), bad, d.at, nil
}

var _ changing = (*lineDecoder)(nil)

// kinds implements changing.
func (d *lineDecoder) kinds() []stream.RowKind { return d.last }

func (d *lineDecoder) close() error { return nil }

// lines cuts a text into lines.
type lines struct {
	r    *bufio.Reader
	long []byte
	size int // bytes of the last line, with its end
}

func newLines(r io.Reader) *lines { return &lines{r: bufio.NewReaderSize(r, 1<<20)} }

// next returns the next line without its end; it is valid until the next call.
func (l *lines) next() ([]byte, error) {
	l.long = l.long[:0]
	for {
		part, err := l.r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			if l.long = append(l.long, part...); len(l.long) > maxLine {
				return nil, fmt.Errorf("%w: a row is longer than %d bytes", job.ErrInvalid, maxLine)
			}
			continue
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		line := part
		if len(l.long) > 0 {
			l.long = append(l.long, part...)
			line = l.long
		}
		if l.size = len(line); l.size == 0 {
			return nil, io.EOF
		}
		return bytes.TrimRight(line, "\r\n"), nil
	}
}
