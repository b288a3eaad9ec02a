package columns

import (
	"errors"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/vector/chrono"
)

var errTime = errors.New("not a point in time")

// layouts are the times that are not read from their digits at once.
var layouts = []string{
	"2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999", time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00",
	"2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly,
}

// parseTimestamp reads 2020-10-10 00:00:05.123, with a T or a blank in it and with
// or without a Z or an offset behind it.
func parseTimestamp(text string, unit arrow.TimeUnit) (uint64, error) {
	if seconds, nanos, ok := digits(text); ok {
		per := int64(time.Second / unit.Multiplier())
		whole := seconds * per
		if whole/per == seconds {
			return uint64(whole + int64(nanos)/int64(unit.Multiplier())), nil
		}
	}
	for _, layout := range layouts {
		if at, err := time.Parse(layout, text); err == nil {
			v, err := arrow.TimestampFromTime(at, unit)
			return uint64(v), err
		}
	}
	return 0, errTime
}

// digits reads 2020-10-10 00:00:05 and what may be behind the second: a point and
// up to nine digits, and a Z.
func digits(text string) (seconds int64, nanos int, ok bool) {
	const form = "dddd-dd-dd dd:dd:dd"
	if len(text) < len(form) {
		return 0, 0, false
	}
	for i := range len(form) {
		switch c := text[i]; form[i] {
		case 'd':
			ok = c-'0' <= 9
		case ' ':
			ok = c == ' ' || c == 'T'
		default:
			ok = c == form[i]
		}
		if !ok {
			return 0, 0, false
		}
	}
	two := func(i int) int { return int(text[i]-'0')*10 + int(text[i+1]-'0') }
	year, month, day := two(0)*100+two(2), two(5), two(8)
	hour, minute, second := two(11), two(14), two(17)
	if month < 1 || month > 12 || day < 1 || day > chrono.DaysIn(int64(year), month) || hour > 23 || minute > 59 || second > 59 {
		return 0, 0, false
	}
	rest := text[len(form):]
	if rest != "" && rest[0] == '.' {
		scale := 1_000_000_000
		for rest = rest[1:]; rest != "" && rest[0]-'0' <= 9; rest = rest[1:] {
			if scale /= 10; scale == 0 {
				return 0, 0, false
			}
			nanos += int(rest[0]-'0') * scale
		}
	}
	if rest != "" && rest != "Z" {
		return 0, 0, false
	}
	return chrono.Days(int64(year), month, day)*86400 + int64(hour*3600+minute*60+second), nanos, true
}

// parseTime reads 12:34:56.789.
func parseTime(text string, unit arrow.TimeUnit) (uint64, error) {
	c, err := time.Parse("15:04:05.999999999", text)
	return uint64(c.Sub(c.Truncate(24*time.Hour)) / unit.Multiplier()), err
}
