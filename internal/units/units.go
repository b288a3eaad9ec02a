// Package units reads sizes, durations and time zones as Flink writes them in options and
// configuration.
package units

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/job"
)

// ParseSize reads a memory size: a number and one of b, k, m, g, t, kb, kib,
// kibibytes and so on, 1024 apart; without a unit it is bytes.
func ParseSize(text string) (int64, error) {
	n, unit, err := split("size", text)
	if err != nil {
		return 0, err
	}
	shift, ok := map[string]uint{
		"": 0, "b": 0, "bytes": 0,
		"k": 10, "kb": 10, "kib": 10, "kibibytes": 10,
		"m": 20, "mb": 20, "mib": 20, "mebibytes": 20,
		"g": 30, "gb": 30, "gib": 30, "gibibytes": 30,
		"t": 40, "tb": 40, "tib": 40, "tebibytes": 40,
	}[unit]
	if !ok {
		return 0, fmt.Errorf("%w: size %q: no unit %q; there are b, kb, mb, gb and tb", job.ErrInvalid, text, unit)
	}
	if n > 1<<62>>shift {
		return 0, fmt.Errorf("%w: size %q is too large", job.ErrInvalid, text)
	}
	return n << shift, nil
}

// ParseDuration reads a duration: a number and a unit from ns to d; without a
// unit it is milliseconds.
func ParseDuration(text string) (time.Duration, error) {
	n, unit, err := split("duration", text)
	if err != nil {
		return 0, err
	}
	var each time.Duration
	switch unit {
	case "", "ms", "milli", "millis", "millisecond", "milliseconds":
		each = time.Millisecond
	case "s", "sec", "secs", "second", "seconds":
		each = time.Second
	case "m", "min", "mins", "minute", "minutes":
		each = time.Minute
	case "h", "hour", "hours":
		each = time.Hour
	case "d", "day", "days":
		each = 24 * time.Hour
	case "us", "µs", "micro", "micros", "microsecond", "microseconds":
		each = time.Microsecond
	case "ns", "nano", "nanos", "nanosecond", "nanoseconds":
		each = time.Nanosecond
	default:
		return 0, fmt.Errorf("%w: duration %q: no unit %q; there are ns, us, ms, s, min, h and d", job.ErrInvalid, text, unit)
	}
	if n > int64(1<<62)/int64(each) {
		return 0, fmt.Errorf("%w: duration %q is too long", job.ErrInvalid, text)
	}
	return time.Duration(n) * each, nil
}

func split(what, text string) (n int64, unit string, err error) {
	text = strings.TrimSpace(text)
	end := 0
	for end < len(text) && text[end] >= '0' && text[end] <= '9' {
		end++
	}
	n, err = strconv.ParseInt(text[:end], 10, 64)
	if err != nil {
		return 0, "", fmt.Errorf("%w: %s %q does not begin with a number", job.ErrInvalid, what, text)
	}
	return n, strings.ToLower(strings.TrimSpace(text[end:])), nil
}

// ParseZone reads a time zone: "default", which is UTC, the name of a region, or
// an offset of whole hours: GMT-03:00, +08:00. The result has a name by which any
// process can load it, because plans carry the name.
func ParseZone(name string) (*time.Location, error) {
	if name == "" || strings.EqualFold(name, "default") {
		return time.UTC, nil
	}
	offset := strings.TrimPrefix(strings.TrimPrefix(name, "GMT"), "UTC")
	if t, err := time.Parse("-07:00", offset); err == nil {
		_, seconds := t.Zone()
		if seconds%3600 != 0 {
			return nil, fmt.Errorf("%w: time zone %s: name a region, such as Asia/Kolkata", job.ErrInvalid, name)
		}
		return time.LoadLocation(fmt.Sprintf("Etc/GMT%+d", -seconds/3600)) // Etc's signs are the other way round
	}
	return time.LoadLocation(name)
}
