package iceberg

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/internal/units"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

// The keys of a table that is read as a stream have the names of Iceberg's
// source for Flink, but for the last.
const (
	optStreaming     = "streaming"
	optMonitor       = "monitor-interval"
	optStrategy      = "starting-strategy"
	optStartID       = "start-snapshot-id"
	optStartTime     = "start-snapshot-timestamp"
	optEndID         = "end-snapshot-id"
	optPlanCount     = "max-planning-snapshot-count"
	optWatermark     = "watermark-column"
	optSkipOverwrite = "streaming-skip-overwrite-snapshots"
	optChangelog     = "streaming-changelog"
)

var streamOptions = []ops.Option{
	{Key: optStreaming, Default: "false", Help: "Read the table as a stream: what is committed while the job runs, too."},
	{Key: optMonitor, Default: "60 s", Help: "How often to look for new snapshots."},
	{Key: optStrategy, Default: string(fromLatest), Help: "Where a stream begins."},
	{Key: optStartID, Help: "The first snapshot, with INCREMENTAL_FROM_SNAPSHOT_ID."},
	{Key: optStartTime, Help: "The time of the first snapshot or before it, in milliseconds since 1970, with INCREMENTAL_FROM_SNAPSHOT_TIMESTAMP."},
	{Key: optEndID, Help: "The last snapshot of the stream, which ends behind it."},
	{Key: optPlanCount, Help: "How many snapshots to plan at once; by default all that there are."},
	{Key: optWatermark, Help: "Column by whose lower bounds the files of a plan are ordered."},
	{Key: optSkipOverwrite, Default: "false", Help: "Leave out snapshots that remove rows, instead of failing, when the stream has inserts only."},
	{Key: optChangelog, Help: "Give rows that are removed as -D; by default when the table has a primary key."},
}

// startingStrategy is where a stream of snapshots begins.
type startingStrategy string

const (
	scanFirst     startingStrategy = "TABLE_SCAN_THEN_INCREMENTAL"
	fromLatest    startingStrategy = "INCREMENTAL_FROM_LATEST_SNAPSHOT"
	behindLatest  startingStrategy = "INCREMENTAL_FROM_LATEST_SNAPSHOT_EXCLUSIVE"
	fromEarliest  startingStrategy = "INCREMENTAL_FROM_EARLIEST_SNAPSHOT"
	fromSnapshot  startingStrategy = "INCREMENTAL_FROM_SNAPSHOT_ID"
	fromTimestamp startingStrategy = "INCREMENTAL_FROM_SNAPSHOT_TIMESTAMP"
)

var strategies = []startingStrategy{scanFirst, fromLatest, behindLatest, fromEarliest, fromSnapshot, fromTimestamp}

// streamPlan is how a table is read as a stream; the zero value is not at all.
type streamPlan struct {
	on            bool
	interval      time.Duration
	strategy      startingStrategy
	start, end    int64 // snapshots; end 0 is none
	startTime     int64
	most          int // snapshots of a plan; 0 for all
	watermark     string
	skipOverwrite bool
	changelog     bool
}

// parseStream reads the options of t.
func parseStream(t job.Table) (p streamPlan, err error) {
	o := t.Options
	p.strategy, p.changelog = fromLatest, len(t.PrimaryKey) > 0
	bad := func(key, want string) (streamPlan, error) {
		return p, fmt.Errorf("table %s: %w: option %q is %q; want %s", t.Ident, job.ErrInvalid, key, o[key], want)
	}
	for key, to := range map[string]*bool{optStreaming: &p.on, optSkipOverwrite: &p.skipOverwrite, optChangelog: &p.changelog} {
		if text := o[key]; text != "" {
			if *to, err = strconv.ParseBool(text); err != nil {
				return bad(key, "true or false")
			}
		}
	}
	if !p.on {
		return streamPlan{}, nil
	}
	interval := o[optMonitor]
	if interval == "" {
		interval = "60 s"
	}
	if p.interval, err = units.ParseDuration(interval); err != nil || p.interval <= 0 {
		return bad(optMonitor, "a duration such as 10 s")
	}
	for key, to := range map[string]*int64{optStartID: &p.start, optStartTime: &p.startTime, optEndID: &p.end} {
		if text := o[key]; text != "" {
			if *to, err = strconv.ParseInt(text, 10, 64); err != nil {
				return bad(key, "a number")
			}
		}
	}
	if text := o[optPlanCount]; text != "" {
		if p.most, err = strconv.Atoi(text); err != nil || p.most <= 0 {
			return bad(optPlanCount, "a number above 0")
		}
	}
	p.watermark = o[optWatermark]
	return p, p.check(t)
}

// check reads the strategy and refuses what does not go together.
func (p *streamPlan) check(t job.Table) error {
	o := t.Options
	if text := o[optStrategy]; text != "" {
		p.strategy = startingStrategy(strings.ToUpper(text))
	}
	known := false
	for _, s := range strategies {
		known = known || s == p.strategy
	}
	wrong := ""
	switch {
	case !known:
		wrong = fmt.Sprintf("option '%s' is %q; there are %q", optStrategy, p.strategy, strategies)
	case (p.strategy == fromSnapshot) != (o[optStartID] != ""):
		wrong = fmt.Sprintf("option '%s' and the strategy %s need each other", optStartID, fromSnapshot)
	case (p.strategy == fromTimestamp) != (o[optStartTime] != ""):
		wrong = fmt.Sprintf("option '%s' and the strategy %s need each other", optStartTime, fromTimestamp)
	case o[optSnapshot] != "" || o[optAsOf] != "" || o[optTag] != "":
		wrong = fmt.Sprintf("a stream goes on with new snapshots: '%s', '%s' and '%s' are for tables that are not read as one; see '%s'",
			optSnapshot, optAsOf, optTag, optStrategy)
	}
	if wrong != "" {
		return fmt.Errorf("table %s: %w: %s", t.Ident, job.ErrInvalid, wrong)
	}
	return nil
}
