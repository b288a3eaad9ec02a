package chrono_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/wadi-engine/wadi/vector/chrono"
)

func instant(t *rapid.T) time.Time {
	sec := rapid.Int64Range(-62135596800, 253402300799).Draw(t, "seconds") // years 1 to 9999
	return time.Unix(sec, rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds")).UTC()
}

func TestCivilMatchesTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := instant(t)
		c := chrono.Of(want.Unix(), want.Nanosecond())
		if c.Year != int64(want.Year()) || c.Month != int(want.Month()) || c.Day != want.Day() || c.Hour != want.Hour() || c.Minute != want.Minute() || c.Second != want.Second() {
			t.Fatalf("got %+v, want %v", c, want)
		}
		if c.Seconds() != want.Unix() {
			t.Fatalf("%v: back to %d, want %d", want, c.Seconds(), want.Unix())
		}
		days := chrono.Days(c.Year, c.Month, c.Day)
		y, w := chrono.ISOWeek(days)
		wy, ww := want.ISOWeek()
		if int(y) != wy || w != ww || chrono.YearDay(days) != want.YearDay() || chrono.Weekday(days)%7 != int(want.Weekday()) {
			t.Fatalf("%v: week %d of %d, day %d, weekday %d", want, w, y, chrono.YearDay(days), chrono.Weekday(days))
		}
	})
}

func TestTextRoundTrip(t *testing.T) {
	p, err := chrono.ParsePattern("yyyy-MM-dd'T'HH:mm:ss.SSSSSSSSS")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		want := instant(t)
		c := chrono.Of(want.Unix(), want.Nanosecond())
		text := string(chrono.AppendTimestamp(nil, c, 9))
		if text != want.Format("2006-01-02 15:04:05.000000000") {
			t.Fatalf("got %s, want %v", text, want)
		}
		if back, ok := chrono.ParseTimestamp(text); !ok || back != c {
			t.Fatalf("%s was read as %+v, %v", text, back, ok)
		}
		text = string(p.Append(nil, c, 0))
		if text != want.Format("2006-01-02T15:04:05.000000000") {
			t.Fatalf("got %s, want %v", text, want)
		}
		if back, _, _, ok := p.Parse(text); !ok || back != c {
			t.Fatalf("%s was read as %+v, %v", text, back, ok)
		}
	})
}

func TestZonesMatchJava(t *testing.T) {
	berlin, err := chrono.LoadZone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ local, utc string }{
		{"2005-03-27 01:59:59", "2005-03-27 00:59:59"},
		{"2005-03-27 02:30:00", "2005-03-27 01:30:00"}, // skipped: moved on by an hour
		{"2005-03-27 03:00:00", "2005-03-27 01:00:00"},
		{"2005-10-30 02:30:00", "2005-10-30 00:30:00"}, // twice: the earlier
		{"2005-10-30 03:00:00", "2005-10-30 02:00:00"},
	} {
		local, _ := chrono.ParseTimestamp(c.local)
		want, _ := chrono.ParseTimestamp(c.utc)
		if got := chrono.ToUTC(berlin, local.Seconds()); got != want.Seconds() {
			t.Errorf("%s is %s, want %s", c.local, chrono.AppendTimestamp(nil, chrono.Of(got, 0), 0), c.utc)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		utc := rapid.Int64Range(0, 2_000_000_000).Draw(t, "utc")
		back := chrono.ToUTC(berlin, chrono.ToLocal(berlin, utc))
		if back != utc && back != utc-3600 { // an hour that comes twice
			t.Fatalf("%d came back as %d", utc, back)
		}
	})
	for _, name := range []string{"GMT+08:00", "UTC", "+02:00", "UTC+1", "Z", "PST"} {
		if _, err := chrono.LoadZone(name); err != nil {
			t.Error(err)
		}
	}
	if _, err := chrono.LoadZone("un-parsable"); err == nil {
		t.Error("un-parsable is a zone")
	}
}

func TestUnits(t *testing.T) {
	day := func(s string) int64 {
		d, ok := chrono.ParseDate(s)
		if !ok {
			t.Fatalf("date %s", s)
		}
		return d
	}
	for _, c := range []struct {
		unit            chrono.Unit
		in, floor, ceil string
	}{
		{chrono.Week, "1990-10-14", "1990-10-14", "1990-10-14"},
		{chrono.Month, "1990-10-14", "1990-10-01", "1990-11-01"},
		{chrono.Quarter, "1990-10-14", "1990-10-01", "1991-01-01"},
		{chrono.Year, "2020-02-29", "2020-01-01", "2021-01-01"},
		{chrono.Decade, "1990-10-14", "1990-01-01", "2000-01-01"},
		{chrono.Century, "1990-10-14", "1901-01-01", "2001-01-01"},
		{chrono.Millennium, "2020-02-29", "2001-01-01", "3001-01-01"},
	} {
		if got := c.unit.FloorDate(day(c.in)); got != day(c.floor) {
			t.Errorf("floor of %s to %s: %s", c.in, c.unit, chrono.AppendDate(nil, got))
		}
		if got := c.unit.CeilDate(day(c.in)); got != day(c.ceil) {
			t.Errorf("ceil of %s to %s: %s", c.in, c.unit, chrono.AppendDate(nil, got))
		}
	}
	for unit, want := range map[chrono.Unit]int64{
		chrono.Century: 20, chrono.Decade: 200, chrono.Millennium: 2, chrono.DayOfWeek: 2, chrono.ISODayOfWeek: 1,
		chrono.Quarter: 1, chrono.DayOfYear: 31, chrono.ISOYear: 2000,
	} {
		if got := unit.ExtractDate(day("2000-01-31")); got != want {
			t.Errorf("%s of 2000-01-31: got %d, want %d", unit, got, want)
		}
	}
	if got := chrono.AddMonths(day("2020-01-31"), 1); got != day("2020-02-29") {
		t.Errorf("a month after 2020-01-31: %s", chrono.AppendDate(nil, got))
	}
}

func TestStepIsHowLongTheTextStays(t *testing.T) {
	for pattern, want := range map[string]int64{"yyyy-MM-dd": 86400, "HH": 3600, "HH:mm": 60, "yyyy HH:mm:ss": 1, "ss.SSS": 0, "D 'at' h a": 3600} {
		p, err := chrono.ParsePattern(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Step(); got != want {
			t.Errorf("step of %s: got %d, want %d", pattern, got, want)
		}
		if want == 0 {
			continue
		}
		rapid.Check(t, func(t *rapid.T) {
			from := rapid.Int64Range(-100_000, 100_000).Draw(t, "from") * want
			a := string(p.Append(nil, chrono.Of(from, 0), 0))
			b := string(p.Append(nil, chrono.Of(from+want-1, 999_999_999), 0))
			if a != b {
				t.Fatalf("%s prints %q and %q within its step", pattern, a, b)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"2021-09-24 12:34:56.789", "2021-9-4", "12:34", "1", "", "-", "0000-00-00", "2021-02-30"} {
		f.Add(s, "yyyy-MM-dd HH:mm:ss.SSS")
	}
	f.Fuzz(func(t *testing.T, s, pattern string) {
		chrono.ParseDate(s)
		chrono.ParseTime(s)
		if c, ok := chrono.ParseTimestamp(s); ok {
			text := string(chrono.AppendTimestamp(nil, c, 9))
			if back, ok := chrono.ParseTimestamp(text); !ok || back != c {
				t.Fatalf("%q was written as %q, which is %+v", s, text, back)
			}
		}
		p, err := chrono.ParsePattern(pattern)
		if err != nil {
			return
		}
		if c, _, _, ok := p.Parse(s); ok && len(s) < 100 {
			p.Append(nil, c, 3600)
		}
	})
}
