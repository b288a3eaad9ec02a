package conformance

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator"
)

// twice runs the program until it has read the rows of the first phase, stops
// it with a savepoint, and goes on from it with other parallelism.
func (p *program) twice(ctx context.Context, w *world, config map[string]string) error {
	w.phase, w.restores = 1, true
	s, err := newSession(w, false, 1, config)
	if err != nil {
		return err
	}
	defer s.close()
	if err := p.define(ctx, s); err != nil {
		return err
	}
	p.cumulates(ctx)
	clocked := p.clocked()
	if clocked || p.looksUp() {
		s.settled = func() bool { return p.held(w) }
	}
	if err := p.statements(ctx, s, func(sql string) error { return s.first(ctx, sql) }); err != nil {
		return fmt.Errorf("before the restore: %w", err)
	}
	if err := p.checkBefore(w); err != nil {
		return fmt.Errorf("before the restore: %w", err)
	}
	pause(ctx, p.lapse())
	w.restored(clocked)
	if err := s.env.Set("parallelism.default", "3"); err != nil {
		return err
	}
	run := func(sql string) error { return s.second(ctx, sql) }
	if clocked { // as in Flink's tests: the sources do not end
		run = func(sql string) error { return s.stopped(ctx, sql, wadi.RestoreLatest) }
	}
	return errors.Join(p.statements(ctx, s, run), p.check(w))
}

// first runs a job afresh until it has read all rows.
func (s *session) first(ctx context.Context, sql string) error {
	return s.stopped(ctx, sql, wadi.RestoreNone)
}

// stopped runs a job until it has read all rows, and stops it with a savepoint.
func (s *session) stopped(ctx context.Context, sql string, restore wadi.Restore) error {
	return s.env.Execute(ctx, sql, func(o wadi.Outcome) error {
		if o.Pipeline == nil {
			return nil
		}
		run, err := o.Pipeline.Named("program").Start(ctx, restore)
		if err != nil {
			return err
		}
		select {
		case <-s.world.idle:
			s.settle(ctx)
			_, err = run.Stop()
		case <-run.Done():
			_, err = run.Wait()
		case <-ctx.Done():
			_, err = run.Wait()
			err = errors.Join(errors.New("the sources were not read"), err)
		}
		return err
	})
}

// settle waits for what follows the clock, or for tables to be there, as Flink's
// tests do for the rows of their sinks.
func (s *session) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	for s.settled != nil && !s.settled() && ctx.Err() == nil {
		pause(ctx, 50*time.Millisecond)
	}
}

func pause(ctx context.Context, d time.Duration) {
	if d == 0 {
		return
	}
	ctx, done := context.WithTimeout(ctx, d)
	defer done()
	<-ctx.Done()
}

// lapse is how long to wait before the restore: Flink's tests restore from
// savepoints of long ago, behind all intervals of processing time.
func (p *program) lapse() time.Duration {
	var longest time.Duration
	for _, st := range p.Run {
		for _, sql := range st.sqls() {
			for _, m := range clockedInterval.FindAllStringSubmatch(sql, -1) {
				if n, err := time.ParseDuration(m[1] + "s"); err == nil {
					longest = max(longest, n+time.Second)
				}
			}
		}
	}
	return longest
}

var clockedInterval = regexp.MustCompile(`(?i)proc_?time\s*[-+]\s*INTERVAL\s*'(\d+)'\s*SECOND`)

// looksUp reports a table that is looked up: rows wait until it is there.
func (p *program) looksUp() bool {
	for _, st := range p.Setup {
		if st.Step == "source" && st.Options["disable-lookup"] == "false" {
			return true
		}
	}
	return false
}

// clocked reports whether windows of the program follow the clock.
func (p *program) clocked() bool {
	for _, st := range p.Run {
		for _, sql := range st.sqls() {
			if clockedWindow.MatchString(sql) {
				return true
			}
		}
	}
	return false
}

var clockedWindow = regexp.MustCompile(`(?i)(TUMBLE|HOP|CUMULATE|SESSION)\s*\(\s*(TABLE \w+,\s*DESCRIPTOR\()?proc_?time`)

// held reports whether every sink holds as many rows as it must in this phase.
func (p *program) held(w *world) bool {
	for _, st := range p.Setup {
		want := len(st.Expected) + len(st.ExpectedRows)
		if w.phase == 2 {
			want += len(st.ExpectedAfter) + len(st.ExpectedRowsAfter)
		}
		if st.Step == "sink" && len(w.changes(st.Name)) < want {
			return false
		}
	}
	return true
}

// second goes on with a job of stopped, to its end.
func (s *session) second(ctx context.Context, sql string) error {
	return s.env.Execute(ctx, sql, func(o wadi.Outcome) error {
		if o.Pipeline == nil {
			return nil
		}
		run, err := o.Pipeline.Named("program").Start(ctx, wadi.RestoreLatest)
		if err != nil {
			return err
		}
		res, err := run.Wait()
		if err == nil && res.State != coordinator.Finished {
			err = fmt.Errorf("the job is %v: %w", res.State, context.Cause(ctx))
		}
		return err
	})
}

// cumulates waits until a window of CUMULATE over processing time has just
// begun: how many windows see rows is else left to chance.
func (p *program) cumulates(ctx context.Context) {
	for _, st := range p.Run {
		for _, sql := range st.sqls() {
			m := clockedCumulate.FindStringSubmatch(sql)
			if m == nil {
				continue
			}
			if size, err := time.ParseDuration(m[1] + "s"); err == nil {
				now := time.Now() //nolint:forbidigo // windows of processing time follow it
				pause(ctx, now.Truncate(size).Add(size).Sub(now))
			}
		}
	}
}

var clockedCumulate = regexp.MustCompile(`(?is)CUMULATE\s*\(\s*TABLE \w+,\s*DESCRIPTOR\(proc_?time\).*INTERVAL\s*'(\d+)'\s*SECOND\s*\)`)
