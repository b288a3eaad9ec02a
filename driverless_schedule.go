package wadi

import (
	"fmt"
	"time"

	"github.com/adhocore/gronx"

	"github.com/wadi-engine/wadi/internal/units"
	"github.com/wadi-engine/wadi/job"
)

// The keys of driverless jobs.
const (
	keySchedule        = "execution.functions.schedule"
	keyLagRows         = "execution.functions.lag-rows"
	keyLagTime         = "execution.functions.lag-time"
	keyFuse            = "execution.functions.fuse"
	keyAlive           = "execution.functions.heartbeat-timeout"
	keyFunctionTimeout = "execution.functions.timeout"
)

// triggers are when a deployed job wants an epoch, when it is asked by a timer. With
// none set it wants one whenever it is asked.
type triggers struct {
	every time.Duration // 0: none
	cron  string        // "": none
	// rows and age are how many rows may wait, and for how long one may; 0: any.
	rows int64
	age  time.Duration
}

// triggersOf reads the triggers of a job.
func (e *Env) triggersOf() (t triggers, err error) {
	k := &keyReader{get: e.Config}
	t.rows, t.age = int64(k.int(keyLagRows)), k.duration(keyLagTime)
	if k.err != nil {
		return t, k.err
	}
	text := e.Config(keySchedule)
	if text == "" {
		return t, nil
	}
	if d, err := units.ParseDuration(text); err == nil && d > 0 {
		t.every = d
		return t, nil
	}
	if !gronx.IsValid(text) {
		return t, fmt.Errorf("%w: '%s' = '%s': want an interval such as '5 min', or five fields of cron such as '*/5 * * * *', in UTC", job.ErrInvalid, keySchedule, text)
	}
	t.cron = text
	return t, nil
}

// scheduled reports whether there is a schedule.
func (t triggers) scheduled() bool { return t.every > 0 || t.cron != "" }

// lagging reports whether waiting rows are a trigger.
func (t triggers) lagging() bool { return t.rows > 0 || t.age > 0 }

// next is when the schedule wants the epoch behind the one that it wanted last.
func (t triggers) next(last time.Time) (time.Time, error) {
	if t.every > 0 {
		return last.Truncate(t.every).Add(t.every), nil
	}
	at, err := gronx.NextTickAfter(t.cron, last.UTC(), false)
	if err != nil {
		return at, fmt.Errorf("%w: '%s' = '%s': %w", job.ErrInvalid, keySchedule, t.cron, err)
	}
	return at, nil
}

// due reports whether the schedule wants an epoch; fired is when it last did.
func (t triggers) due(now, fired time.Time) (bool, error) {
	if fired.IsZero() {
		return true, nil
	}
	at, err := t.next(fired)
	return err == nil && !now.Before(at), err
}

// waits is what is known of rows that nobody has read.
type waits struct {
	rows  int64
	known bool // how many they are; otherwise there are some
	since time.Duration
}

// enough reports whether so many rows, which have come within so long, are a
// trigger.
func (t triggers) enough(w waits) bool {
	if !w.known { // as many as there may be
		return t.rows > 0 || w.since >= t.age
	}
	return t.rows > 0 && w.rows >= t.rows || t.age > 0 && w.rows > 0 && w.since >= t.age
}
