package json

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// scanner stands at byte i of a message.
type scanner struct {
	b     []byte
	i     int
	plain []byte // of the last text with escapes
}

// maxDepth is how deep values nest at the most.
const maxDepth = 1000

// space passes over white space and returns the byte behind it, or 0 at the end.
func (s *scanner) space() byte {
	for s.i < len(s.b) {
		c := s.b[s.i]
		if c > ' ' {
			return c
		}
		if c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return 1 // no value begins like this
		}
		s.i++
	}
	return 0
}

// has reports whether key stands here.
func (s *scanner) has(key string) bool {
	return len(s.b)-s.i >= len(key) && string(s.b[s.i:s.i+len(key)]) == key
}

// bad says what stands where nobody expects it.
func (s *scanner) bad() error {
	if s.i >= len(s.b) {
		return errors.New("not JSON: it ends within a value")
	}
	return fmt.Errorf("not JSON: unexpected %q at byte %d", s.b[s.i], s.i+1)
}

const (
	ones = 0x0101010101010101
	tops = 0x8080808080808080
)

// special marks the bytes of w that end the plain ASCII of a text: quotes,
// backslashes, control characters and bytes that are not ASCII. Only the lowest
// mark is sure.
func special(w uint64) uint64 {
	quote, slash := w^'"'*ones, w^'\\'*ones
	return ((quote-ones)&^quote | (slash-ones)&^slash | (w - ' '*ones) | w) & tops
}

// text reads the string at which the scanner stands, and returns its content,
// which holds until the next call.
func (s *scanner) text() ([]byte, error) {
	from := s.i + 1
	ascii := true
	at := from
	for {
		for len(s.b)-at >= 8 {
			m := special(binary.LittleEndian.Uint64(s.b[at:]))
			if m != 0 {
				at += bits.TrailingZeros64(m) / 8
				break
			}
			at += 8
		}
		if at >= len(s.b) {
			s.i = at
			return nil, s.bad()
		}
		switch c := s.b[at]; {
		case c == '"':
			s.i = at + 1
			if text := s.b[from:at]; ascii || utf8.Valid(text) {
				return text, nil
			}
			return nil, errors.New("not JSON: a text is not UTF-8")
		case c == '\\':
			return s.escaped(from, at)
		case c < ' ':
			s.i = at
			return nil, s.bad()
		case c >= utf8.RuneSelf:
			ascii = false
		}
		at++
	}
}

// escaped reads a string that has its first escape at byte at.
func (s *scanner) escaped(from, at int) ([]byte, error) {
	for ; at < len(s.b) && s.b[at] != '"'; at++ {
		if s.b[at] == '\\' {
			at++
		}
	}
	if at >= len(s.b) {
		s.i = len(s.b)
		return nil, s.bad()
	}
	var err error
	s.plain, err = jsontext.AppendUnquote(s.plain[:0], s.b[from-1:at+1])
	if err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	s.i = at + 1
	return s.plain, nil
}

// skip passes over a value.
func (s *scanner) skip(depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("values are nested more than %d deep", maxDepth)
	}
	switch s.space() {
	case '{':
		return s.skipMembers('}', func() error {
			if s.space() != '"' {
				return s.bad()
			}
			if _, err := s.text(); err != nil {
				return err
			}
			if s.space() != ':' {
				return s.bad()
			}
			s.i++
			return s.skip(depth + 1)
		})
	case '[':
		return s.skipMembers(']', func() error { return s.skip(depth + 1) })
	case '"':
		_, err := s.text()
		return err
	}
	_, err := s.word()
	return err
}

func (s *scanner) skipMembers(end byte, member func() error) error {
	s.i++
	if s.space() == end {
		s.i++
		return nil
	}
	for {
		if err := member(); err != nil {
			return err
		}
		switch s.space() {
		case ',':
			s.i++
		case end:
			s.i++
			return nil
		default:
			return s.bad()
		}
	}
}

// word reads a number, true, false or null, and returns it as it is written.
func (s *scanner) word() ([]byte, error) {
	from := s.i
	for s.i < len(s.b) && inWord[s.b[s.i]] {
		s.i++
	}
	w := s.b[from:s.i]
	switch string(w) {
	case "true", "false", "null":
		return w, nil
	}
	if !isNumber(w) {
		s.i = from
		return nil, s.bad()
	}
	return w, nil
}

// inWord are the bytes of numbers and of true, false and null.
var inWord = func() (t [256]bool) {
	for _, c := range "0123456789+-.eEtrufalsn" {
		t[c] = true
	}
	return t
}()

// isNumber reports whether w is a number (RFC 8259, section 6).
func isNumber(w []byte) bool {
	digits := func() bool {
		n := 0
		for len(w) > 0 && w[0] >= '0' && w[0] <= '9' {
			w = w[1:]
			n++
		}
		return n > 0
	}
	if len(w) > 0 && w[0] == '-' {
		w = w[1:]
	}
	if len(w) > 1 && w[0] == '0' && w[1] >= '0' && w[1] <= '9' || !digits() {
		return false
	}
	if len(w) > 0 && w[0] == '.' {
		if w = w[1:]; !digits() {
			return false
		}
	}
	if len(w) > 0 && (w[0] == 'e' || w[0] == 'E') {
		if w = w[1:]; len(w) > 0 && (w[0] == '+' || w[0] == '-') {
			w = w[1:]
		}
		if !digits() {
			return false
		}
	}
	return len(w) == 0
}
