package iceberg

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/wadi-engine/wadi/internal/units"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/maintain"
)

// The options of a table that is kept in order while a job writes to it have
// the names and defaults of Iceberg's sink for Flink.
const (
	optCompaction = "compaction-enabled"
	upkeepPrefix  = "flink-maintenance."
	rewritePrefix = upkeepPrefix + "rewrite."
	expirePrefix  = upkeepPrefix + "expire-snapshots."
	orphansPrefix = upkeepPrefix + "delete-orphan-files."
)

// maxUpkeepBytes bounds what is rewritten while commits wait.
const maxUpkeepBytes = 256 << 20

// schedule says when a task of the upkeep is due: when one of the counts since
// its last run is reached. Zero counts are none.
type schedule struct {
	commits int
	files   int
	bytes   int64
	every   time.Duration
}

// upkeepPlan is what the options of a table ask for; nil tasks are not done.
type upkeepPlan struct {
	rewrite      *schedule
	rewriteHow   maintain.Rewrite
	expire       *schedule
	expireAge    time.Duration
	expireRetain int
	orphans      *schedule
	orphanAge    time.Duration
}

// upkeepOptions reads typed options and remembers the first bad one.
type upkeepOptions struct {
	values map[string]string
	err    error
}

func (o *upkeepOptions) number(key string, fallback int64) int64 {
	text := o.values[key]
	if text == "" {
		return fallback
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if (err != nil || n < 0) && o.err == nil {
		o.err = fmt.Errorf("%w: option %q is %q; want a number that is not negative", job.ErrInvalid, key, text)
	}
	return n
}

func (o *upkeepOptions) bytes(key string, fallback int64) int64 {
	text := o.values[key]
	if text == "" {
		return fallback
	}
	n, err := units.ParseSize(text)
	if err != nil && o.err == nil {
		o.err = fmt.Errorf("%w: option %q is %q; want a size such as 128MB", job.ErrInvalid, key, text)
	}
	return n
}

func (o *upkeepOptions) flag(keys ...string) bool {
	on := false
	for _, key := range keys {
		text := o.values[key]
		if text == "" {
			continue
		}
		b, err := strconv.ParseBool(text)
		if err != nil && o.err == nil {
			o.err = fmt.Errorf("%w: option %q is %q; want true or false", job.ErrInvalid, key, text)
		}
		on = on || b
	}
	return on
}

func (o *upkeepOptions) seconds(key string, fallback int64) time.Duration {
	return time.Duration(o.number(key, fallback)) * time.Second
}

func (o *upkeepOptions) schedule(prefix string, commits, files, seconds int64) *schedule {
	prefix += "schedule."
	return &schedule{
		commits: int(o.number(prefix+"commit-count", commits)),
		files:   int(o.number(prefix+"data-file-count", files)),
		bytes:   o.bytes(prefix+"data-file-size", 100<<30),
		every:   o.seconds(prefix+"interval-second", seconds),
	}
}

// parseUpkeep reads the options of a table.
func parseUpkeep(options map[string]string) (upkeepPlan, error) {
	o := &upkeepOptions{values: options}
	var p upkeepPlan
	if o.flag(optCompaction, rewritePrefix+"enabled") {
		p.rewrite = o.schedule(rewritePrefix, 10, 1000, 600)
		p.rewriteHow = maintain.Rewrite{
			TargetFileSize:      o.bytes(rewritePrefix+"target-file-size-bytes", 0),
			MinFileSize:         o.bytes(rewritePrefix+"min-file-size-bytes", 0),
			MaxFileSize:         o.bytes(rewritePrefix+"max-file-size-bytes", 0),
			MinInputFiles:       int(o.number(rewritePrefix+"min-input-files", 0)),
			DeleteFileThreshold: int(o.number(rewritePrefix+"delete-file-threshold", 0)),
			MaxBytes:            o.bytes(rewritePrefix+"max-bytes", 0),
		}
	}
	if o.flag(expirePrefix + "enabled") {
		p.expire = o.schedule(expirePrefix, 10, 0, 3600)
		p.expireAge = o.seconds(expirePrefix+"max-snapshot-age-seconds", 432000)
		p.expireRetain = int(max(1, o.number(expirePrefix+"retain-last", 1)))
	}
	if o.flag(orphansPrefix + "enabled") {
		p.orphans = o.schedule(orphansPrefix, 0, 0, 24*3600)
		p.orphanAge = o.seconds(orphansPrefix+"min-age-seconds", int64(maintain.DefaultOrphanAge/time.Second))
		if p.orphanAge < maintain.MinOrphanAge && o.err == nil {
			o.err = fmt.Errorf("%w: option %q is %v; files of the last 24 hours may belong to a commit that is yet to come",
				job.ErrInvalid, orphansPrefix+"min-age-seconds", p.orphanAge)
		}
	}
	return p, o.err
}

// due reports whether one of the counts of s is reached.
func (s *schedule) due(done counts, since time.Duration) bool {
	return s != nil && done.commits > 0 && (s.commits > 0 && done.commits >= s.commits || s.files > 0 && done.files >= s.files ||
		s.bytes > 0 && done.bytes >= s.bytes || s.every > 0 && since >= s.every)
}

// counts are what a sink has committed since a task ran last.
type counts struct {
	commits, files int
	bytes          int64
	from           time.Time
}

// upkeep keeps the table of a committer in order, between its commits: one
// task at a time, in the background. What it commits is a snapshot like that of
// any other writer, so that nothing that a crash leaves of it is ever seen. A
// rewrite that meets deletes of the committer is tried once more while commits
// wait, then with a bound.
type upkeep struct {
	plan    upkeepPlan
	catalog *catalog.Catalog
	table   string // database.table
	log     *slog.Logger
	// gate is held by whoever must be alone with the table: a commit, or the
	// second attempt of a rewrite.
	gate *sync.Mutex

	since  map[*schedule]counts
	busy   chan struct{} // closed when the running task ends; nil when none runs
	cancel context.CancelFunc
}

// newUpkeep is nil when the plan asks for nothing.
func newUpkeep(plan upkeepPlan, c *Committer) *upkeep {
	if plan.rewrite == nil && plan.expire == nil && plan.orphans == nil {
		return nil
	}
	to := c.sink.target
	return &upkeep{plan: plan, catalog: c.catalog, table: to.Database + "." + to.Table, log: c.sink.env.Logger(), gate: &c.gate, since: map[*schedule]counts{}}
}

// committed counts a commit, and starts what has become due.
func (u *upkeep) committed(files int, bytes int64) {
	now := u.catalog.Now()
	var tasks []func(context.Context) error
	for _, task := range []struct {
		when *schedule
		run  func(context.Context) error
	}{{u.plan.rewrite, u.rewrite}, {u.plan.expire, u.expire}, {u.plan.orphans, u.orphans}} {
		if task.when == nil {
			continue
		}
		c := u.since[task.when]
		if c.commits == 0 && c.from.IsZero() {
			c.from = now
		}
		c.commits++
		c.files += files
		c.bytes += bytes
		if task.when.due(c, now.Sub(c.from)) && !u.running() {
			tasks, c = append(tasks, task.run), counts{from: now}
		}
		u.since[task.when] = c
	}
	if len(tasks) == 0 {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	u.busy, u.cancel = done, cancel
	go func() {
		defer close(done)
		defer cancel()
		for _, run := range tasks {
			if err := run(ctx); err != nil && ctx.Err() == nil {
				u.log.Warn("maintenance of an Iceberg table failed; it is tried again when it is due", slog.String("table", u.table), slog.Any("error", err))
			}
		}
	}()
}

func (u *upkeep) running() bool {
	if u.busy == nil {
		return false
	}
	select {
	case <-u.busy:
		u.busy = nil
		return false
	default:
		return true
	}
}

func (u *upkeep) rewrite(ctx context.Context) error {
	how := u.plan.rewriteHow
	how.Once = true
	done, err := maintain.RewriteDataFiles(ctx, u.catalog, u.table, how)
	if err != nil && maintain.IsConflict(err) {
		u.gate.Lock()
		defer u.gate.Unlock()
		if how.MaxBytes == 0 || how.MaxBytes > maxUpkeepBytes {
			how.MaxBytes = maxUpkeepBytes
		}
		var more maintain.Rewritten
		more, err = maintain.RewriteDataFiles(ctx, u.catalog, u.table, how)
		done.Add(more)
	}
	if done.Files > 0 {
		u.log.Info("rewrote data files of an Iceberg table", slog.String("table", u.table), slog.Int("replaced", done.Files),
			slog.Int("by", done.Added), slog.Int64("bytes", done.Bytes), slog.Int("deletes", done.Deletes))
	}
	return err
}

func (u *upkeep) expire(ctx context.Context) error {
	n, err := maintain.ExpireSnapshots(ctx, u.catalog, u.table, maintain.Expire{
		OlderThan: u.catalog.Now().Add(-u.plan.expireAge), RetainLast: u.plan.expireRetain,
	})
	if n > 0 {
		u.log.Info("expired snapshots of an Iceberg table", slog.String("table", u.table), slog.Int("snapshots", n))
	}
	return err
}

func (u *upkeep) orphans(ctx context.Context) error {
	files, err := maintain.RemoveOrphanFiles(ctx, u.catalog, u.table, maintain.Orphans{OlderThan: u.catalog.Now().Add(-u.plan.orphanAge)})
	if len(files) > 0 {
		u.log.Info("removed orphan files of an Iceberg table", slog.String("table", u.table), slog.Int("files", len(files)))
	}
	return err
}

// close ends the task that runs and waits for it.
func (u *upkeep) close() {
	if u.busy != nil {
		u.cancel()
		<-u.busy
	}
}
