package rowfile

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"

	"github.com/wadi-engine/wadi/job"
)

// cellReader reads the cells of CSV, a row at a time. A row that it cannot read is a
// csv.ParseError, behind which it goes on.
type cellReader interface {
	Read() ([]string, error)
	// InputOffset is where the row that was read last ends.
	InputOffset() int64
}

// scanner reads CSV whose quotes are not those of the standard library's reader, or
// that has escapes.
type scanner struct {
	r       *bufio.Reader
	comma   []byte
	quote   int // a byte, or -1
	escape  int // a byte, or -1: a quote in quotes is doubled
	comment int // a byte, or -1

	offset int64
	cells  []string
	cell   []byte
}

var (
	errBehindQuote = errors.New("something else than a delimiter behind a closing quote")
	errOpenQuote   = errors.New("a quote is not closed")
	errOpenEscape  = errors.New("nothing behind the escape character")
)

func (s *scanner) InputOffset() int64 { return s.offset }

func (s *scanner) byte() (int, error) {
	c, err := s.r.ReadByte()
	if err != nil {
		return -1, err
	}
	s.offset++
	return int(c), nil
}

// Read implements cellReader. Lines with nothing in them are passed over.
func (s *scanner) Read() ([]string, error) {
	for {
		first, err := s.r.Peek(1)
		if err != nil {
			return nil, err
		}
		if int(first[0]) == s.comment {
			if err := s.line(); err != nil {
				return nil, err
			}
			continue
		}
		cells, err := s.row()
		if err != nil || len(cells) != 1 || cells[0] != "" || first[0] != '\n' && first[0] != '\r' {
			return cells, err
		}
	}
}

// line passes over the rest of a line.
func (s *scanner) line() error {
	for {
		c, err := s.byte()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil || c == '\n' {
			return err
		}
	}
}

func (s *scanner) row() ([]string, error) {
	s.cells = s.cells[:0]
	for more := true; more; {
		s.cell = s.cell[:0]
		next, err := s.r.Peek(1)
		if err == nil && int(next[0]) == s.quote {
			more, err = s.quoted()
		} else {
			more, err = s.plain()
		}
		switch {
		case errors.Is(err, errBehindQuote), errors.Is(err, errOpenQuote), errors.Is(err, errOpenEscape):
			bad := &csv.ParseError{Err: err}
			if err := s.line(); err != nil {
				return nil, err
			}
			return s.cells, bad
		case err != nil:
			return nil, err
		}
		s.cells = append(s.cells, string(s.cell))
	}
	return s.cells, nil
}

// plain reads a cell that is not in quotes; more says that another one follows.
func (s *scanner) plain() (more bool, err error) {
	escaped := 0 // the end of what was escaped, and ends nothing
	for {
		c, err := s.byte()
		switch {
		case errors.Is(err, io.EOF):
			return false, nil
		case err != nil:
			return false, err
		case c == s.escape:
			if c, err = s.byte(); errors.Is(err, io.EOF) {
				return false, errOpenEscape
			} else if err != nil {
				return false, err
			}
			s.cell = append(s.cell, byte(c))
			escaped = len(s.cell)
			continue
		case c == '\n':
			s.cell = bytes.TrimSuffix(s.cell, []byte{'\r'})
			return false, nil
		}
		s.cell = append(s.cell, byte(c))
		if len(s.cell)-len(s.comma) >= escaped && bytes.HasSuffix(s.cell, s.comma) {
			s.cell = s.cell[:len(s.cell)-len(s.comma)]
			return true, nil
		}
		if len(s.cell) > maxLine {
			return false, fmt.Errorf("%w: a row is longer than %d bytes", job.ErrInvalid, maxLine)
		}
	}
}

// quoted reads a cell in quotes.
func (s *scanner) quoted() (more bool, err error) {
	if _, err := s.byte(); err != nil {
		return false, err
	}
	for {
		c, err := s.byte()
		switch {
		case errors.Is(err, io.EOF):
			return false, errOpenQuote
		case err != nil:
			return false, err
		case c == s.escape && c != s.quote:
			if c, err = s.byte(); errors.Is(err, io.EOF) {
				return false, errOpenQuote
			} else if err != nil {
				return false, err
			}
		case c == s.quote:
			next, err := s.r.Peek(1)
			if err != nil || int(next[0]) != s.quote {
				return s.behind()
			}
			if _, err := s.byte(); err != nil {
				return false, err
			}
		}
		s.cell = append(s.cell, byte(c))
		if len(s.cell) > maxLine {
			return false, fmt.Errorf("%w: a row is longer than %d bytes; perhaps a quote is not closed", job.ErrInvalid, maxLine)
		}
	}
}

// behind reads what is behind a closing quote: a delimiter or the end.
func (s *scanner) behind() (more bool, err error) {
	at := len(s.cell)
	for {
		c, err := s.byte()
		switch {
		case errors.Is(err, io.EOF):
			c = '\n'
		case err != nil:
			return false, err
		}
		tail := s.cell[at:]
		switch {
		case c == '\n' && (len(tail) == 0 || string(tail) == "\r"):
			s.cell = s.cell[:at]
			return false, nil
		case c == '\n':
			if err != nil {
				return false, errBehindQuote
			}
			s.offset-- // so that the line that is passed over is this one
			return false, errors.Join(errBehindQuote, s.r.UnreadByte())
		}
		s.cell = append(s.cell, byte(c))
		if tail = s.cell[at:]; bytes.Equal(tail, s.comma) {
			s.cell = s.cell[:at]
			return true, nil
		}
		if !bytes.HasPrefix(s.comma, tail) && string(tail) != "\r" {
			return false, errBehindQuote
		}
	}
}
