package chrono

import (
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // zones must not depend on the machine
)

// Offset is what a zone's clocks show minus UTC, at an instant, in seconds.
func Offset(zone *time.Location, utc int64) int64 {
	if zone == time.UTC {
		return 0
	}
	_, off := time.Unix(utc, 0).In(zone).Zone()
	return int64(off)
}

// ToLocal returns what the clocks of a zone show at an instant.
func ToLocal(zone *time.Location, utc int64) int64 { return utc + Offset(zone, utc) }

// ToUTC returns the instant of a local time. As in java.time, one that exists
// twice is the earlier, and one that clocks skip is moved on by the gap: in both
// cases the offset before the transition counts.
func ToUTC(zone *time.Location, local int64) int64 {
	if zone == time.UTC {
		return local
	}
	before, after := Offset(zone, local-secondsPerDay), Offset(zone, local+secondsPerDay)
	first := local - before
	if before == after || Offset(zone, first) == before {
		return first
	}
	if second := local - after; Offset(zone, second) == after {
		return second
	}
	return first
}

// LoadZone finds a zone by its name, like Europe/Berlin, or by its offset, like
// UTC, GMT+08:00 or +02:00.
func LoadZone(name string) (*time.Location, error) {
	s := strings.TrimSpace(name)
	if s == "" || s == "Local" {
		return nil, fmt.Errorf("there is no time zone %q", name)
	}
	if z, err := time.LoadLocation(s); err == nil {
		return z, nil
	}
	if z, err := time.LoadLocation(shortZones[s]); err == nil && shortZones[s] != "" {
		return z, nil
	}
	off := s
	for _, prefix := range []string{"UTC", "GMT", "UT"} {
		off = strings.TrimPrefix(off, prefix)
	}
	if off == "Z" {
		return time.UTC, nil
	}
	for _, layout := range []string{"-07:00", "-0700", "-07", "-7:00", "-7"} {
		if t, err := time.Parse(layout, off); err == nil {
			_, seconds := t.Zone()
			return time.FixedZone(s, seconds), nil
		}
	}
	if len(off) == 2 && (off[0] == '+' || off[0] == '-') && off[1] >= '0' && off[1] <= '9' {
		hours := int(off[1] - '0')
		if off[0] == '-' {
			hours = -hours
		}
		return time.FixedZone(s, hours*3600), nil
	}
	return nil, fmt.Errorf("there is no time zone %q; use a name like Europe/Berlin or an offset like GMT+08:00", name)
}

// shortZones are Java's three-letter zone ids that the zone database lacks.
var shortZones = map[string]string{
	"PST": "America/Los_Angeles", "CST": "America/Chicago", "JST": "Asia/Tokyo", "CTT": "Asia/Shanghai",
	"IST": "Asia/Kolkata", "ART": "Africa/Cairo", "AET": "Australia/Sydney",
}
