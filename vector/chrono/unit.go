package chrono

import "strings"

// Unit is a unit of time that SQL can extract, add, or floor to.
type Unit uint8

// The units, smallest first, and then what can only be extracted.
const (
	Nanosecond Unit = iota
	Microsecond
	Millisecond
	Second
	Minute
	Hour
	Day
	Week
	Month
	Quarter
	Year
	Decade
	Century
	Millennium
	DayOfWeek
	ISODayOfWeek
	DayOfYear
	ISOYear
	Epoch
)

var unitNames = [...]string{
	"NANOSECOND", "MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER",
	"YEAR", "DECADE", "CENTURY", "MILLENNIUM", "DOW", "ISODOW", "DOY", "ISOYEAR", "EPOCH",
}

func (u Unit) String() string { return unitNames[u] }

// ParseUnit reads a unit's name in any case, with Flink's SQL_TSI_ aliases.
func ParseUnit(s string) (Unit, bool) {
	s = strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(s)), "SQL_TSI_")
	if s == "FRAC_SECOND" {
		return Microsecond, true
	}
	for u, name := range unitNames {
		if s == name || s == name+"S" {
			return Unit(u), true
		}
	}
	return 0, false
}

// Duration returns the unit's length in milliseconds when it has a fixed one
// of at least a millisecond.
func (u Unit) Duration() (millis int64, ok bool) {
	switch u {
	case Millisecond:
		return 1, true
	case Second:
		return 1000, true
	case Minute:
		return 60_000, true
	case Hour:
		return 3_600_000, true
	case Day:
		return 86_400_000, true
	case Week:
		return 7 * 86_400_000, true
	default:
	}
	return 0, false
}

// Months returns how many months a unit has when it is made of months.
func (u Unit) Months() (int64, bool) {
	switch u {
	case Month:
		return 1, true
	case Quarter:
		return 3, true
	case Year:
		return 12, true
	case Decade:
		return 120, true
	case Century:
		return 1200, true
	case Millennium:
		return 12000, true
	default:
	}
	return 0, false
}

// Extract returns a field of seconds since 1970 and nanoseconds of the second.
func (u Unit) Extract(seconds int64, nanosecond int) int64 {
	switch u {
	case Nanosecond:
		return int64(nanosecond)
	case Microsecond:
		return int64(nanosecond / 1e3)
	case Millisecond:
		return int64(nanosecond / 1e6)
	case Second:
		return floorMod(seconds, 60)
	case Minute:
		return floorMod(floorDiv(seconds, 60), 60)
	case Hour:
		return floorMod(floorDiv(seconds, 3600), 24)
	case Epoch:
		return seconds
	default:
	}
	return u.ExtractDate(floorDiv(seconds, secondsPerDay))
}

// ExtractDate returns a field of a date; fields of the time are zero.
func (u Unit) ExtractDate(days int64) int64 {
	switch u {
	case DayOfWeek: // Sunday is 1
		return int64(Weekday(days)%7) + 1
	case ISODayOfWeek:
		return int64(Weekday(days))
	case DayOfYear:
		return int64(YearDay(days))
	case Week, ISOYear:
		y, w := ISOWeek(days)
		if u == Week {
			return int64(w)
		}
		return y
	case Epoch:
		return days * secondsPerDay
	default:
	}
	y, m, d := Date(days)
	switch u {
	case Day:
		return int64(d)
	case Month:
		return int64(m)
	case Quarter:
		return int64(m-1)/3 + 1
	case Year:
		return y
	case Decade:
		return floorDiv(y, 10)
	case Century:
		return ordinal(y, 100)
	case Millennium:
		return ordinal(y, 1000)
	default:
	}
	return 0
}

// ordinal is the number of the century or millennium of a year: the first
// begins with year 1.
func ordinal(year, size int64) int64 {
	if year > 0 {
		return (year + size - 1) / size
	}
	return -((size - 1 - year) / size)
}

// FloorDate returns the first day of the unit that holds a date; for units
// of up to a day that is the date. Weeks begin on Sunday, as in Flink.
func (u Unit) FloorDate(days int64) int64 {
	y, m, _ := Date(days)
	switch u {
	case Week:
		return days - int64(Weekday(days)%7)
	case Month:
		return Days(y, m, 1)
	case Quarter:
		return Days(y, (m-1)/3*3+1, 1)
	case Year:
		return Days(y, 1, 1)
	case Decade:
		return Days(floorDiv(y, 10)*10, 1, 1)
	case Century:
		return Days(floorDiv(y-1, 100)*100+1, 1, 1)
	case Millennium:
		return Days(floorDiv(y-1, 1000)*1000+1, 1, 1)
	default:
	}
	return days
}

// CeilDate returns the least first day of a unit that is not before a date.
func (u Unit) CeilDate(days int64) int64 {
	floor := u.FloorDate(days)
	if floor == days {
		return days
	}
	if months, ok := u.Months(); ok {
		return AddMonths(floor, months)
	}
	return floor + 7
}
