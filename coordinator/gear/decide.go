package gear

import (
	"fmt"
	"math"
	"time"

	"github.com/wadi-engine/wadi/job"
)

// soonest is how long a gear is kept even when rows are late in it: a change of gear
// makes them late, too.
const soonest = 15 * time.Second

// Decide says in which gear a job is to be from now on. It is called every few
// seconds with the Past that it has returned, while the job is in a gear and not on
// its way to another.
func Decide(o Observation, p Policy, past Past) (Decision, Past) {
	p = p.withDefaults()
	d := decider{o: o, Policy: p, Past: past}
	d.note()
	dec := d.decide()
	if dec.Gear != o.Gear {
		d.better, d.late, d.dear, d.to = time.Time{}, time.Time{}, time.Time{}, ""
	}
	return dec, d.Past
}

type decider struct {
	Policy
	Past
	o Observation
}

// note takes the observation into the past.
func (d *decider) note() {
	if d.gear != d.o.Gear {
		d.gear, d.began, d.advanced = d.o.Gear, d.o.At, d.o.At
		d.seen.Read = d.o.Read // tasks may count anew
		d.better, d.late = time.Time{}, time.Time{}
	}
	if d.seen.Epoch != d.o.Epoch {
		d.advanced = d.o.At
	}
	d.rates()
	if !d.isLate() {
		d.late = time.Time{}
	} else if d.late.IsZero() {
		d.late = d.o.At
	}
}

// rates computes how many rows come: those that were read, and those that wait more
// than before. In a brief gear rows are read once in an epoch, and counted then.
func (d *decider) rates() {
	if d.seen.At.IsZero() {
		d.seen = d.o
		return
	}
	passed := d.o.At.Sub(d.seen.At).Seconds()
	if passed <= 0 || d.o.Gear.Brief() && d.o.Epoch == d.seen.Epoch && d.o.Pending <= d.seen.Pending {
		return
	}
	came := float64(max(0, d.o.Read-d.seen.Read))
	if d.o.Pending >= 0 && d.seen.Pending >= 0 {
		came = max(0, came+float64(d.o.Pending-d.seen.Pending))
	}
	rate := came / passed
	quick := max(10*time.Second, d.Freshness/2).Seconds()
	d.fast += (rate - d.fast) * (1 - math.Exp(-passed/quick))
	d.slow = max(d.fast, d.slow*math.Exp2(-passed/(d.MinTime.Seconds()/2)))
	d.seen = d.o
}

// isLate reports whether rows that wait are older than they may be.
func (d *decider) isLate() bool {
	age := d.o.At.Sub(d.advanced) // of those that are read, and not claimed
	if d.o.Pending > 0 && d.fast > 0 {
		age = max(age, time.Duration(float64(d.o.Pending)/d.fast*float64(time.Second))) // when the oldest of them came
	}
	return age > d.Freshness && (d.fast > 0 || d.o.Pending > 0)
}

// lasted is for how long something is so; since is when it began, or the zero time.
func (d *decider) lasted(since time.Time) time.Duration {
	if since.IsZero() {
		return 0
	}
	return d.o.At.Sub(since)
}

func (d *decider) decide() Decision {
	stay := Decision{Gear: d.o.Gear}
	here := d.Costs.At(d.o.Gear, d.fast)
	since := d.o.At.Sub(d.began)
	if d.affordable(here) {
		d.dear = time.Time{}
	} else if d.dear.IsZero() {
		d.dear = d.o.At
	}
	switch {
	case since < min(soonest, d.MinTime):
		return stay
	case since >= d.MinTime && d.lasted(d.dear) >= d.MinTime:
		if to, f := d.cheapest(d.fast, false); f.PerHour < here.PerHour {
			return Decision{to, fmt.Sprintf("at %s an hour costs %s in the %s gear, more than %s, and %s in the %s gear",
				rows(d.fast), usd(here.PerHour), d.o.Gear, usd(d.MaxPerHour), usd(f.PerHour), to)}
		}
	case d.lasted(d.late) > min(d.Freshness/2, time.Minute) && d.o.Gear.Brief():
		return d.escape(stay, fmt.Sprintf("rows are older than %v since %v, at %s", d.Freshness, d.lasted(d.late).Round(time.Second), rows(d.fast)), true)
	case !here.Holds:
		return d.escape(stay, fmt.Sprintf("rows would be older than %v at %s in the %s gear (%s)", d.Freshness, rows(d.fast), d.o.Gear, here.Why), false)
	}
	return d.save(stay, since)
}

// escape leaves a gear in which rows would be late, or are, in spite of the
// forecast: then it is avoided for a while.
func (d *decider) escape(stay Decision, why string, are bool) Decision {
	if are {
		s := &d.shunned[indexOf(d.o.Gear)]
		s.last = min(max(2*s.last, 4*d.MinTime), longestShunned)
		s.until = d.o.At.Add(s.last)
	}
	to, f := d.cheapest(d.fast, true)
	switch {
	case to == "" || to == d.o.Gear:
		stay.Reason = why + ", and in no other gear they would be fresh"
	case !d.affordable(f):
		stay.Reason = fmt.Sprintf("%s, and an hour costs %s in the %s gear, more than %s", why, usd(f.PerHour), to, usd(d.MaxPerHour))
	default:
		return Decision{to, fmt.Sprintf("%s, and fresh in the %s gear for %s an hour", why, to, usd(f.PerHour))}
	}
	return stay
}

// save changes to a gear that is cheaper, at the rates of the last while, slow and
// fast, when it has been for long enough.
func (d *decider) save(stay Decision, since time.Duration) Decision {
	to, f := d.cheapest(d.slow, true)
	here := d.Costs.At(d.o.Gear, d.slow)
	if to == "" || !d.affordable(f) || !d.saves(to, d.slow) || !d.saves(to, d.fast) {
		d.better, d.to = time.Time{}, ""
		return stay
	}
	if d.to != to {
		d.better, d.to = d.o.At, to
	}
	if since < d.MinTime || d.lasted(d.better) < d.MinTime {
		return stay
	}
	return Decision{to, fmt.Sprintf("at %s an hour costs %s in the %s gear and %s in the %s gear, for %v by now",
		rows(d.slow), usd(f.PerHour), to, usd(here.PerHour), d.o.Gear, d.lasted(d.better).Round(time.Second))}
}

// saves reports whether a gear is cheaper than the present one, by enough.
func (d *decider) saves(to job.Gear, rate float64) bool {
	return d.Costs.At(to, rate).PerHour < d.Costs.At(d.o.Gear, rate).PerHour*(1-d.Saving)
}

// cheapest is the cheapest gear at a rate: of all, or of those in which rows are
// fresh and that are not shunned. It is "" when there is none.
func (d *decider) cheapest(rate float64, fresh bool) (best job.Gear, least Forecast) {
	for _, g := range d.Gears {
		f := d.Costs.At(g, rate)
		if fresh && (!f.Holds || d.o.At.Before(d.shunned[indexOf(g)].until)) {
			continue
		}
		if best == "" || f.PerHour < least.PerHour {
			best, least = g, f
		}
	}
	return best, least
}

func (d *decider) affordable(f Forecast) bool { return d.MaxPerHour == 0 || f.PerHour <= d.MaxPerHour }

func usd(x float64) string { return fmt.Sprintf("$%.3g", x) }

func rows(rate float64) string { return fmt.Sprintf("%.3g rows/s", rate) }
