package chrono

import "strings"

// AppendDate writes 2021-09-24.
func AppendDate(dst []byte, days int64) []byte {
	y, m, d := Date(days)
	return appendYMD(dst, y, m, d)
}

func appendYMD(dst []byte, y int64, m, d int) []byte {
	if y < 0 {
		dst = append(dst, '-')
		y = -y
	}
	dst = append(pad(dst, y, 4), '-')
	dst = append(pad(dst, int64(m), 2), '-')
	return pad(dst, int64(d), 2)
}

// AppendTime writes the time of a day given in milliseconds, 12:34:56.7, with
// up to precision digits behind the point, and without trailing zeros.
func AppendTime(dst []byte, millis int64, precision int) []byte {
	dst = appendHMS(dst, int(millis/3_600_000), int(millis/60_000%60), int(millis/1000%60))
	if precision <= 0 || millis%1000 == 0 {
		return dst
	}
	dst = append(dst, '.')
	for ms := millis % 1000; precision > 0; precision-- {
		dst = append(dst, byte('0'+ms/100))
		if ms = ms % 100 * 10; ms == 0 {
			break
		}
	}
	return dst
}

// AppendTimestamp writes 2021-09-24 12:34:56.789 with precision digits behind
// the point, or more when they are not zero.
func AppendTimestamp(dst []byte, c Civil, precision int) []byte {
	dst = append(appendYMD(dst, c.Year, c.Month, c.Day), ' ')
	dst = appendHMS(dst, c.Hour, c.Minute, c.Second)
	digits, n := 9, c.Nanosecond
	for digits > precision && n%10 == 0 {
		digits, n = digits-1, n/10
	}
	if digits == 0 {
		return dst
	}
	return pad(append(dst, '.'), int64(n), digits)
}

func appendHMS(dst []byte, h, m, s int) []byte {
	dst = append(pad(dst, int64(h), 2), ':')
	dst = append(pad(dst, int64(m), 2), ':')
	return pad(dst, int64(s), 2)
}

// pad writes n with at least width digits.
func pad(dst []byte, n int64, width int) []byte {
	var buf [20]byte
	at := len(buf)
	for n > 0 || len(buf)-at < width {
		at--
		buf[at] = byte('0' + n%10)
		n /= 10
	}
	return append(dst, buf[at:]...)
}

// AppendMonths writes an interval of months: +7-00, -0-05.
func AppendMonths(dst []byte, months int64) []byte {
	dst, months = appendSign(dst, months)
	dst = append(pad(dst, months/12, 1), '-')
	return pad(dst, months%12, 2)
}

// AppendDuration writes an interval of milliseconds: +1 10:17:36.789.
func AppendDuration(dst []byte, millis int64) []byte {
	dst, millis = appendSign(dst, millis)
	dst = append(pad(dst, millis/86_400_000, 1), ' ')
	dst = appendHMS(dst, int(millis/3_600_000%24), int(millis/60_000%60), int(millis/1000%60))
	return pad(append(dst, '.'), millis%1000, 3)
}

func appendSign(dst []byte, n int64) ([]byte, int64) {
	if n < 0 {
		return append(dst, '-'), -n
	}
	return append(dst, '+'), n
}

// ParseDate reads 2021-09-24, 2021-9-4, 2021-09 or 2021; what follows a blank
// is ignored, as Flink does.
func ParseDate(s string) (days int64, ok bool) {
	s = strings.TrimSpace(s)
	if at := strings.IndexByte(s, ' '); at > 0 {
		s = s[:at]
	}
	p := cursor{s: s}
	y, m, d := p.number(1, 4), 1, 1
	if p.skip('-') {
		m = p.number(1, 2)
		if p.skip('-') {
			d = p.number(1, 2)
		}
	}
	if !p.done() || !validDate(y, m, d) {
		return 0, false
	}
	return Days(int64(y), m, d), true
}

func validDate(y, m, d int) bool {
	return y >= 0 && m >= 1 && m <= 12 && d >= 1 && d <= DaysIn(int64(y), m)
}

// ParseTime reads 12:34:56.789, 12:34 or 12, and returns milliseconds.
func ParseTime(s string) (millis int64, ok bool) {
	p := cursor{s: strings.TrimSpace(s)}
	h, m, sec, nano := p.clock(true)
	if !p.done() || h > 23 || m > 59 || sec > 59 {
		return 0, false
	}
	return int64(h*3600+m*60+sec)*1000 + int64(nano/1e6), true
}

// ParseTimestamp reads 2021-09-24 12:34:56.789, up to nine digits behind the
// point; a date alone is its midnight.
func ParseTimestamp(s string) (c Civil, ok bool) {
	p := cursor{s: strings.TrimSpace(s)}
	y := p.number(1, 4)
	p.expect('-')
	m := p.number(1, 2)
	p.expect('-')
	d := p.number(1, 2)
	var h, minute, sec, nano int
	if p.skip(' ') {
		h, minute, sec, nano = p.clock(false)
	}
	if !p.done() || !validDate(y, m, d) || h > 23 || minute > 59 || sec > 59 {
		return c, false
	}
	return Civil{Year: int64(y), Month: m, Day: d, Hour: h, Minute: minute, Second: sec, Nanosecond: nano}, true
}

// cursor reads a text from left to right; after a mistake it reads zeros.
type cursor struct {
	s   string
	at  int
	bad bool
}

func (p *cursor) done() bool { return !p.bad && p.at == len(p.s) }

func (p *cursor) skip(c byte) bool {
	if p.bad || p.at >= len(p.s) || p.s[p.at] != c {
		return false
	}
	p.at++
	return true
}

func (p *cursor) expect(c byte) {
	if !p.skip(c) {
		p.bad = true
	}
}

// number reads least to most digits.
func (p *cursor) number(least, most int) int {
	n, from := 0, p.at
	for p.at < len(p.s) && p.at-from < most && isDigit(p.s[p.at]) {
		n = n*10 + int(p.s[p.at]-'0')
		p.at++
	}
	if p.at-from < least {
		p.bad = true
	}
	return n
}

// fraction reads digits behind a point and returns nanoseconds; more than nine
// are cut off.
func (p *cursor) fraction(most int) int {
	n, digits, from := 0, 0, p.at
	for p.at < len(p.s) && isDigit(p.s[p.at]) && p.at-from < most {
		if digits < 9 {
			n, digits = n*10+int(p.s[p.at]-'0'), digits+1
		}
		p.at++
	}
	if p.at == from {
		p.bad = true
	}
	for ; digits < 9; digits++ {
		n *= 10
	}
	return n
}

func (p *cursor) clock(partial bool) (h, m, s, nano int) {
	h = p.number(1, 2)
	if partial && p.done() {
		return h, 0, 0, 0
	}
	p.expect(':')
	m = p.number(1, 2)
	if !p.skip(':') {
		return h, m, 0, 0
	}
	s = p.number(1, 2)
	if p.skip('.') {
		nano = p.fraction(64)
	}
	return h, m, s, nano
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
