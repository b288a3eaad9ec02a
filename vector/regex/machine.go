package regex

import (
	"encoding/binary"
	"strings"
	"unicode/utf8"
	"unsafe"
)

// machine runs programs by backtracking.
type machine struct {
	code  []inst
	s     string
	caps  []int
	steps int // left before it gives up
}

// find looks for the leftmost match and leaves its bounds in caps. It is not
// sure when it took too many steps, and of what is not UTF-8.
func (m *machine) find(p *program, s string) (found, sure bool) {
	at := -1 // of the needle
	if p.needle != "" {
		if at = strings.Index(s, p.needle); at < 0 && !strings.ContainsRune(p.needle, utf8.RuneError) {
			return false, true
		}
	}
	if !ascii(s) && !utf8.ValidString(s) {
		return false, false
	}
	m.code, m.s, m.steps = p.code, s, 1000+50*len(s)
	switch {
	case p.anchored:
		found = m.at(0)
	case p.needle != "":
		found = at >= 0 && m.around(p, at)
	default:
		for at := 0; at <= len(s) && !found && m.steps > 0; at++ {
			if at == len(s) || utf8.RuneStart(s[at]) {
				found = m.at(at)
			}
		}
	}
	return found, m.steps > 0
}

// ascii reports whether s is ASCII, 32 bytes at a time.
func ascii(s string) bool {
	const top = 0x8080808080808080
	b := unsafe.Slice(unsafe.StringData(s), len(s))
	var all uint64
	for ; len(b) >= 32; b = b[32:] {
		all |= binary.LittleEndian.Uint64(b) | binary.LittleEndian.Uint64(b[8:]) |
			binary.LittleEndian.Uint64(b[16:]) | binary.LittleEndian.Uint64(b[24:])
	}
	for ; len(b) >= 8; b = b[8:] {
		all |= binary.LittleEndian.Uint64(b)
	}
	for _, c := range b {
		all |= uint64(c)
	}
	return all&top == 0
}

// around tries the beginnings before each place of the needle, the first of which
// is i, from left to right, each once.
func (m *machine) around(p *program, i int) bool {
	next := 0 // the first beginning that was not tried
	for m.steps > 0 {
		for at := max(i-p.far, next); at <= i-p.near; at++ {
			if m.at(at) {
				return true
			}
		}
		next = max(i-p.near+1, 0)
		more := strings.Index(m.s[i+1:], p.needle)
		if more < 0 {
			return false
		}
		i += 1 + more
	}
	return false
}

// at reports whether there is a match that begins here.
func (m *machine) at(at int) bool {
	for i := range m.caps {
		m.caps[i] = -1
	}
	return m.run(0, at)
}

// run goes on from instruction pc at a position.
func (m *machine) run(pc, at int) bool {
	for {
		if m.steps--; m.steps <= 0 {
			return false
		}
		i := &m.code[pc]
		pc++
		switch i.op {
		case opText:
			if !strings.HasPrefix(m.s[at:], i.text) {
				return false
			}
			at += len(i.text)
		case opSet:
			if at >= len(m.s) || !i.set.has[m.s[at]] {
				return false
			}
			at += m.width(at)
		case opSpan:
			return m.span(i, pc, at)
		case opSplit:
			if m.run(i.x, at) {
				return true
			}
			pc = i.y
		case opJump:
			pc = i.x
		case opSave:
			old := m.caps[i.x]
			m.caps[i.x] = at
			if m.run(pc, at) {
				return true
			}
			m.caps[i.x] = old
			return false
		case opBegin:
			if at != 0 {
				return false
			}
		case opEnd:
			if at != len(m.s) {
				return false
			}
		case opMatch:
			return true
		}
	}
}

// width is how many bytes the character at a position has.
func (m *machine) width(at int) int {
	if m.s[at] < utf8.RuneSelf {
		return 1
	}
	_, n := utf8.DecodeRuneInString(m.s[at:])
	return n
}

// span takes characters of a set, as many as possible or as few.
func (m *machine) span(i *inst, pc, at int) bool {
	end := at
	for end < len(m.s) && i.set.has[m.s[end]] && end-at != i.max {
		end++
	}
	low := at
	if i.min > 0 {
		if low = at + i.min; end > at && i.set.wide {
			low = at + m.width(at)
		}
	}
	if i.lazy {
		for e := low; e <= end; e++ {
			if m.between(e) && m.run(pc, e) {
				return true
			}
		}
		return false
	}
	for e := end; e >= low; e-- {
		if m.between(e) && m.run(pc, e) {
			return true
		}
		if m.steps <= 0 {
			return false
		}
	}
	return false
}

// between reports that no character goes on at a position.
func (m *machine) between(at int) bool { return at == len(m.s) || utf8.RuneStart(m.s[at]) }
