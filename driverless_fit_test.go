package wadi

import (
	"testing"
	"time"
)

// TestFit: how epochs are cut, by what the ones before were like.
func TestFit(t *testing.T) {
	small := earlierEpoch{Rows: 500, Most: 500, Slowest: 20}
	large := earlierEpoch{Rows: 8_000_000, Most: 2_000_000, Slowest: 4_000}
	failed := earlierEpoch{Failed: true}
	for name, c := range map[string]struct {
		earlier earlier
		rows    int64
		fuse    fusing
		waiting int64
		known   bool
		limit   int64
		fused   bool
	}{
		"nothing is known":          {fuse: fuseAuto},
		"the user's limit":          {fuse: fuseAuto, rows: 10_000, limit: 10_000},
		"small ones":                {earlier: earlier{Epochs: []earlierEpoch{small, small}}, fuse: fuseAuto, limit: 400_000, fused: true},
		"small ones, and not to be": {earlier: earlier{Epochs: []earlierEpoch{small}}, fuse: fuseOff},
		// 500,000 rows per second, for half of 30 s
		"large ones":                      {earlier: earlier{Epochs: []earlierEpoch{small, large}}, fuse: fuseAuto, limit: 7_500_000},
		"large ones, and few rows wait":   {earlier: earlier{Epochs: []earlierEpoch{large}}, fuse: fuseAuto, waiting: 10, known: true, limit: 400_000, fused: true},
		"large ones, in one all the same": {earlier: earlier{Epochs: []earlierEpoch{large}}, fuse: fuseOn, limit: 7_500_000, fused: true},
		"many rows wait":                  {earlier: earlier{Epochs: []earlierEpoch{small}}, fuse: fuseAuto, waiting: 1 << 30, known: true},
		"it has failed":                   {earlier: earlier{Epochs: []earlierEpoch{small, failed}, Rows: 5_000}, fuse: fuseAuto, limit: 5_000},
	} {
		limit, fused := c.earlier.fit(c.rows, 30*time.Second, c.fuse, c.waiting, c.known)
		if limit != c.limit || fused != c.fused {
			t.Errorf("%s: %d rows, fused %v, want %d, %v", name, limit, fused, c.limit, c.fused)
		}
	}
}

// TestFitLearns: epochs that fail are cut until there is nothing to cut; those that
// succeed grow again.
func TestFitLearns(t *testing.T) {
	var p earlier
	want := []int64{250_000, 62_500, 15_625, 3_906, 1_000, 1_000}
	for _, w := range want {
		limit, _ := p.fit(0, time.Minute, fuseOff, 0, false)
		if p = p.add(earlierEpoch{Failed: true}, limit); p.Rows != w {
			t.Fatalf("%d rows, want %d", p.Rows, w)
		}
	}
	if !p.smallest() {
		t.Error("there is something to cut")
	}
	for range 20 {
		p = p.add(earlierEpoch{Rows: p.Rows, Most: p.Rows, Slowest: 10}, p.Rows)
	}
	if p.Rows != 0 || len(p.Epochs) != earlierKept {
		t.Errorf("%d rows, %d epochs are kept", p.Rows, len(p.Epochs))
	}
}

// TestSchedule: intervals and cron.
func TestSchedule(t *testing.T) {
	at := func(text string) time.Time {
		d, err := time.Parse(time.DateTime, text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, c := range []struct {
		schedule, fired, next string
	}{
		{"5 min", "2026-03-01 10:02:00", "2026-03-01 10:05:00"},
		{"5 min", "2026-03-01 10:05:00", "2026-03-01 10:10:00"},
		{"*/5 * * * *", "2026-03-01 10:02:10", "2026-03-01 10:05:00"},
		{"*/5 * * * *", "2026-03-01 10:05:00", "2026-03-01 10:10:00"},
		{"0 3 * * 1", "2026-03-01 10:05:00", "2026-03-02 03:00:00"},
	} {
		e, err := Local(Options{Config: map[string]string{keySchedule: c.schedule}})
		if err != nil {
			t.Fatal(err)
		}
		s, err := e.triggersOf()
		_ = e.Close() // nothing runs in it
		if err != nil {
			t.Fatal(err)
		}
		next, err := s.next(at(c.fired))
		if err != nil || !next.Equal(at(c.next)) {
			t.Errorf("%s after %s: %v, %v, want %s", c.schedule, c.fired, next, err, c.next)
		}
		before, _ := s.due(at(c.next).Add(-time.Second), at(c.fired))
		then, _ := s.due(at(c.next), at(c.fired))
		if before || !then {
			t.Errorf("%s: due a second before %v, then %v", c.schedule, before, then)
		}
	}
}

// TestLag: waiting rows are a trigger by their number, or by how long they wait.
func TestLag(t *testing.T) {
	few := waits{rows: 10, known: true, since: time.Minute}
	for _, c := range []struct {
		triggers triggers
		waits    waits
		want     bool
	}{
		{triggers{rows: 10}, few, true},
		{triggers{rows: 11}, few, false},
		{triggers{age: time.Minute}, few, true},
		{triggers{age: time.Hour}, few, false},
		{triggers{rows: 1000, age: time.Minute}, few, true},
		{triggers{age: time.Second}, waits{known: true, since: time.Hour}, false},
		{triggers{rows: 1000}, waits{}, true},
		{triggers{age: time.Minute}, waits{since: time.Second}, false},
		{triggers{age: time.Minute}, waits{since: time.Hour}, true},
	} {
		if got := c.triggers.enough(c.waits); got != c.want {
			t.Errorf("%+v, %+v: %v", c.triggers, c.waits, got)
		}
	}
}
