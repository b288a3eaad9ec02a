// Package chrono is calendar arithmetic for SQL: days and seconds since 1970 to
// civil fields and back, units to floor to and to extract, texts as Flink reads
// and writes them, patterns of Java's DateTimeFormatter, and time zones with
// Java's rules for local times that do not exist or exist twice.
//
// The calendar is the proleptic Gregorian one, as in java.time. Nothing here
// allocates per value.
package chrono

// Civil is a date and a time of day without a zone.
type Civil struct {
	Year               int64
	Month, Day         int // from 1
	Hour, Minute       int
	Second, Nanosecond int
}

const (
	secondsPerDay = 86400
	daysPerEra    = 146097 // 400 years
)

// Date returns the civil date of a number of days since 1970-01-01.
//
// The algorithm counts from March, so that the leap day ends its year
// (Hinnant, chrono-Compatible Low-Level Date Algorithms).
func Date(days int64) (year int64, month, day int) {
	z := days + 719468
	era := floorDiv(z, daysPerEra)
	doe := z - era*daysPerEra
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	day = int(doy - (153*mp+2)/5 + 1)
	month = int(mp + 3)
	if mp >= 10 {
		month = int(mp - 9)
	}
	year = yoe + era*400
	if month <= 2 {
		year++
	}
	return year, month, day
}

// Days returns the days since 1970-01-01 of a civil date. A month outside 1 to
// 12 must be normalised before.
func Days(year int64, month, day int) int64 {
	if month <= 2 {
		year--
	}
	era := floorDiv(year, 400)
	yoe := year - era*400
	mp := int64(month + 9)
	if month > 2 {
		mp = int64(month - 3)
	}
	doy := (153*mp+2)/5 + int64(day) - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return era*daysPerEra + doe - 719468
}

// Of returns the civil fields of seconds since 1970-01-01 00:00:00.
func Of(seconds int64, nanosecond int) Civil {
	days := floorDiv(seconds, secondsPerDay)
	rest := int(seconds - days*secondsPerDay)
	var c Civil
	c.Year, c.Month, c.Day = Date(days)
	c.Hour, c.Minute, c.Second = rest/3600, rest/60%60, rest%60
	c.Nanosecond = nanosecond
	return c
}

// Seconds is the inverse of Of, without the nanoseconds.
func (c Civil) Seconds() int64 {
	return Days(c.Year, c.Month, c.Day)*secondsPerDay + int64(c.Hour*3600+c.Minute*60+c.Second)
}

// IsLeap tells whether a year has 366 days.
func IsLeap(year int64) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

// DaysIn returns the days of a month.
func DaysIn(year int64, month int) int {
	if month == 2 && IsLeap(year) {
		return 29
	}
	return [...]int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}[month-1]
}

// AddMonths moves a date by months; a day that the month does not have becomes
// its last.
func AddMonths(days, months int64) int64 {
	y, m, d := Date(days)
	total := y*12 + int64(m-1) + months
	y = floorDiv(total, 12)
	m = int(total-y*12) + 1
	return Days(y, m, min(d, DaysIn(y, m)))
}

// MonthsBetween returns the whole months from a to b, each given as days and a
// time of day in any unit; it is negative when b is before a.
func MonthsBetween(aDays, aTime, bDays, bTime int64) int64 {
	ay, am, ad := Date(aDays)
	by, bm, bd := Date(bDays)
	months := (by-ay)*12 + int64(bm-am)
	before := bd < ad || bd == ad && bTime < aTime
	after := bd > ad || bd == ad && bTime > aTime
	switch {
	case months > 0 && before:
		months--
	case months < 0 && after:
		months++
	}
	return months
}

// Weekday is 1 for Monday to 7 for Sunday.
func Weekday(days int64) int { return int(floorMod(days+3, 7)) + 1 }

// YearDay is the day in the year, from 1.
func YearDay(days int64) int {
	y, _, _ := Date(days)
	return int(days-Days(y, 1, 1)) + 1
}

// ISOWeek returns the ISO 8601 week and the year that it belongs to.
func ISOWeek(days int64) (year int64, week int) {
	thursday := days - int64(Weekday(days)) + 4
	year, _, _ = Date(thursday)
	return year, int(thursday-Days(year, 1, 1))/7 + 1
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func floorMod(a, b int64) int64 { return a - floorDiv(a, b)*b }
