package chrono

import (
	"fmt"
	"strings"
	"time"
)

// Pattern is a compiled pattern of Java's DateTimeFormatter, such as
// "yyyy-MM-dd HH:mm:ss.SSS". Its letters:
//
//	y u Y year   M L month   d day   D day of year   E weekday
//	H k hour of day   h K hour of half-day   a AM or PM
//	m minute   s second   S fraction   z Z X x V zone   '…' text
type Pattern struct{ items []item }

type item struct {
	letter byte // 0 for text
	width  int
	text   string
}

// ParsePattern compiles a pattern.
func ParsePattern(s string) (*Pattern, error) {
	p := &Pattern{}
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '\'':
			text, end, err := quoted(s, i)
			if err != nil {
				return nil, err
			}
			p.text(text)
			i = end
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			from := i
			for i < len(s) && s[i] == c {
				i++
			}
			if !strings.ContainsRune("yuYMLdDEHkhKamsSzZXxVw", rune(c)) {
				return nil, fmt.Errorf("date pattern %q has the letter %q, which means nothing here", s, c)
			}
			p.items = append(p.items, item{letter: c, width: i - from})
		default:
			p.text(s[i : i+1])
			i++
		}
	}
	return p, nil
}

// quoted reads '…' from s[i]; two quotes are one.
func quoted(s string, i int) (text string, end int, err error) {
	var b strings.Builder
	for j := i + 1; j < len(s); j++ {
		if s[j] != '\'' {
			b.WriteByte(s[j])
			continue
		}
		if j+1 < len(s) && s[j+1] == '\'' {
			b.WriteByte('\'')
			j++
			if j == i+1 {
				return b.String(), j + 1, nil // '' outside of quotes
			}
			continue
		}
		return b.String(), j + 1, nil
	}
	return "", 0, fmt.Errorf("date pattern %q has a quote that does not end", s)
}

func (p *Pattern) text(s string) {
	if n := len(p.items); n > 0 && p.items[n-1].letter == 0 {
		p.items[n-1].text += s
		return
	}
	p.items = append(p.items, item{text: s})
}

// Step is for how many seconds from a multiple of it on the pattern writes the
// same, if the offset stays the same: 60 for "HH:mm". It is 0 when fractions
// or zones make every value different.
func (p *Pattern) Step() int64 {
	step := int64(secondsPerDay)
	for _, it := range p.items {
		switch it.letter {
		case 's':
			step = min(step, 1)
		case 'm':
			step = min(step, 60)
		case 'H', 'k', 'h', 'K', 'a':
			step = min(step, 3600)
		case 'S', 'z', 'Z', 'X', 'x', 'V':
			return 0
		default:
		}
	}
	return step
}

// Append writes c; offset is its distance from UTC in seconds.
func (p *Pattern) Append(dst []byte, c Civil, offset int64) []byte {
	for i := range p.items {
		dst = p.items[i].append(dst, c, offset)
	}
	return dst
}

func (it *item) append(dst []byte, c Civil, offset int64) []byte {
	switch it.letter {
	case 0:
		return append(dst, it.text...)
	case 'y', 'u', 'Y':
		return it.appendYear(dst, c)
	case 'M', 'L':
		switch {
		case it.width >= 4:
			return append(dst, time.Month(c.Month).String()...)
		case it.width == 3:
			return append(dst, time.Month(c.Month).String()[:3]...)
		}
		return pad(dst, int64(c.Month), it.width)
	case 'd':
		return pad(dst, int64(c.Day), it.width)
	case 'D':
		return pad(dst, int64(YearDay(Days(c.Year, c.Month, c.Day))), it.width)
	case 'E':
		name := time.Weekday(Weekday(Days(c.Year, c.Month, c.Day)) % 7).String()
		if it.width < 4 {
			name = name[:3]
		}
		return append(dst, name...)
	case 'w':
		_, w := ISOWeek(Days(c.Year, c.Month, c.Day))
		return pad(dst, int64(w), it.width)
	case 'H':
		return pad(dst, int64(c.Hour), it.width)
	case 'k':
		return pad(dst, int64((c.Hour+23)%24+1), it.width)
	case 'K':
		return pad(dst, int64(c.Hour%12), it.width)
	case 'h':
		return pad(dst, int64((c.Hour+11)%12+1), it.width)
	case 'a':
		if c.Hour < 12 {
			return append(dst, "AM"...)
		}
		return append(dst, "PM"...)
	case 'm':
		return pad(dst, int64(c.Minute), it.width)
	case 's':
		return pad(dst, int64(c.Second), it.width)
	case 'S':
		n := c.Nanosecond
		for range 9 - min(it.width, 9) {
			n /= 10
		}
		dst = pad(dst, int64(n), min(it.width, 9))
		for range it.width - 9 {
			dst = append(dst, '0')
		}
		return dst
	}
	return it.appendOffset(dst, offset)
}

func (it *item) appendYear(dst []byte, c Civil) []byte {
	y := c.Year
	if it.letter == 'Y' {
		y, _ = ISOWeek(Days(c.Year, c.Month, c.Day))
	}
	if it.width == 2 {
		return pad(dst, floorMod(y, 100), 2)
	}
	if y < 0 {
		dst, y = append(dst, '-'), -y
	}
	return pad(dst, y, it.width)
}

func (it *item) appendOffset(dst []byte, offset int64) []byte {
	if offset == 0 && (it.letter == 'X' || it.letter == 'z' || it.letter == 'V') {
		if it.letter == 'X' {
			return append(dst, 'Z')
		}
		return append(dst, "UTC"...)
	}
	sign := byte('+')
	if offset < 0 {
		sign, offset = '-', -offset
	}
	dst = pad(append(dst, sign), offset/3600, 2)
	if it.letter == 'z' || it.letter == 'V' || it.width == 3 && it.letter != 'Z' {
		dst = append(dst, ':')
	}
	return pad(dst, offset/60%60, 2)
}

// Parse reads a whole text. Fields that the pattern lacks are those of 1970-01-01
// 00:00:00. A zone in the text gives offset, and zoned is true.
func (p *Pattern) Parse(s string) (c Civil, offset int64, zoned, ok bool) {
	in := cursor{s: strings.TrimSpace(s)}
	f := fields{year: 1970, month: 1, day: 1}
	for i := range p.items {
		next := byte(0)
		if i+1 < len(p.items) {
			next = p.items[i+1].letter
		}
		p.items[i].parse(&in, &f, next != 0, i == len(p.items)-1)
	}
	if !in.done() {
		return c, 0, false, false
	}
	c, ok = f.civil()
	return c, f.offset, f.zoned, ok
}

// fields are what has been read.
type fields struct {
	year, month, day, yearDay int
	hour, minute, second      int
	nano                      int
	half                      int // 1 AM, 2 PM
	offset                    int64
	zoned                     bool
}

func (f *fields) civil() (Civil, bool) {
	h := f.hour
	if f.half > 0 {
		h = h%12 + 12*(f.half-1)
	}
	if f.yearDay > 0 {
		y, m, d := Date(Days(int64(f.year), 1, 1) + int64(f.yearDay-1))
		f.year, f.month, f.day = int(y), m, d
	}
	if f.month < 1 || f.month > 12 || f.day < 1 || f.day > 31 || h > 24 || f.minute > 59 || f.second > 59 {
		return Civil{}, false
	}
	f.day = min(f.day, DaysIn(int64(f.year), f.month)) // as Java's smart resolver does
	return Civil{Year: int64(f.year), Month: f.month, Day: f.day, Hour: h % 24, Minute: f.minute, Second: f.second, Nanosecond: f.nano}, true
}

// parse reads one item; adjacent says that another field follows at once, so
// that the width is exact.
func (it *item) parse(in *cursor, f *fields, adjacent, last bool) {
	number := func() int {
		if adjacent {
			return in.number(1, max(it.width, 1))
		}
		return in.number(1, max(it.width, 2))
	}
	switch it.letter {
	case 0:
		if !strings.HasPrefix(in.s[in.at:], it.text) {
			in.bad = true
			return
		}
		in.at += len(it.text)
	case 'y', 'u', 'Y':
		if it.width == 2 {
			f.year = 2000 + in.number(2, 2)
		} else if adjacent {
			f.year = in.number(1, max(it.width, 4))
		} else {
			f.year = in.number(1, max(it.width, 9))
		}
	case 'M', 'L':
		if it.width >= 3 {
			f.month = in.name(monthNames[:])
		} else {
			f.month = number()
		}
	case 'd':
		f.day = number()
	case 'D':
		f.yearDay = in.number(1, 3)
	case 'E':
		in.name(dayNames[:])
	case 'w':
		number()
	case 'H', 'k', 'h', 'K':
		f.hour = number()
	case 'a':
		f.half = in.name([]string{"AM", "PM"})
	case 'm':
		f.minute = number()
	case 's':
		f.second = number()
	case 'S':
		if adjacent && !last {
			f.nano = in.fraction(it.width)
		} else {
			f.nano = in.fraction(64)
		}
	default:
		f.offset, f.zoned = in.offset(), true
	}
}

var monthNames = func() (n [12]string) {
	for i := range n {
		n[i] = time.Month(i + 1).String()
	}
	return n
}()

var dayNames = [...]string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}

// name reads one of the names, or its first three letters, and returns its
// number from 1.
func (p *cursor) name(names []string) int {
	rest := p.s[min(p.at, len(p.s)):]
	for i, n := range names {
		for _, w := range []string{n, n[:min(3, len(n))]} {
			if len(rest) >= len(w) && strings.EqualFold(rest[:len(w)], w) {
				p.at += len(w)
				return i + 1
			}
		}
	}
	p.bad = true
	return 1
}

// offset reads Z, UTC, GMT, +02, +0200 or +02:00.
func (p *cursor) offset() int64 {
	rest := p.s[min(p.at, len(p.s)):]
	for _, utc := range []string{"UTC", "GMT", "Z"} {
		if strings.HasPrefix(rest, utc) {
			p.at += len(utc)
			rest = rest[len(utc):]
			break
		}
	}
	if rest == "" || rest[0] != '+' && rest[0] != '-' {
		return 0
	}
	p.at++
	seconds := int64(p.number(1, 2)) * 3600
	p.skip(':')
	if p.at < len(p.s) && isDigit(p.s[p.at]) {
		seconds += int64(p.number(2, 2)) * 60
	}
	if rest[0] == '-' {
		return -seconds
	}
	return seconds
}
