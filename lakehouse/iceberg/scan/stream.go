package scan

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/internal/units"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
	"github.com/wadi-engine/wadi/ops"
)

// StreamOptions are the keys of a table that is read as a stream.
var StreamOptions = []ops.Option{
	{Key: catalog.OptStreaming, Default: "false", Help: "Read the table as a stream: what is committed while the job runs, too."},
	{Key: catalog.OptMonitor, Default: "60 s", Help: "How often to look for new snapshots."},
	{Key: catalog.OptStrategy, Default: string(fromLatest), Help: "Where a stream begins."},
	{Key: catalog.OptStartID, Help: "The first snapshot, with INCREMENTAL_FROM_SNAPSHOT_ID."},
	{Key: catalog.OptStartTime, Help: "The time of the first snapshot or before it, in milliseconds since 1970, with INCREMENTAL_FROM_SNAPSHOT_TIMESTAMP."},
	{Key: catalog.OptEndID, Help: "The last snapshot of the stream, which ends behind it."},
	{Key: catalog.OptPlanCount, Help: "How many snapshots to plan at once; by default all that there are."},
	{Key: catalog.OptWatermark, Help: "Column by whose lower bounds the files of a plan are ordered."},
	{Key: catalog.OptSkipOverwrite, Default: "false", Help: "Leave out snapshots that remove rows, instead of failing, when the stream has inserts only."},
	{Key: catalog.OptChangelog, Help: "Give rows that are removed as -D; by default when the table has a primary key."},
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
	for key, to := range map[string]*bool{catalog.OptStreaming: &p.on, catalog.OptSkipOverwrite: &p.skipOverwrite, catalog.OptChangelog: &p.changelog} {
		if text := o[key]; text != "" {
			if *to, err = strconv.ParseBool(text); err != nil {
				return bad(key, "true or false")
			}
		}
	}
	if !p.on {
		return streamPlan{}, nil
	}
	interval := o[catalog.OptMonitor]
	if interval == "" {
		interval = "60 s"
	}
	if p.interval, err = units.ParseDuration(interval); err != nil || p.interval <= 0 {
		return bad(catalog.OptMonitor, "a duration such as 10 s")
	}
	for key, to := range map[string]*int64{catalog.OptStartID: &p.start, catalog.OptStartTime: &p.startTime, catalog.OptEndID: &p.end} {
		if text := o[key]; text != "" {
			if *to, err = strconv.ParseInt(text, 10, 64); err != nil {
				return bad(key, "a number")
			}
		}
	}
	if text := o[catalog.OptPlanCount]; text != "" {
		if p.most, err = strconv.Atoi(text); err != nil || p.most <= 0 {
			return bad(catalog.OptPlanCount, "a number above 0")
		}
	}
	p.watermark = o[catalog.OptWatermark]
	return p, p.check(t)
}

// check reads the strategy and refuses what does not go together.
func (p *streamPlan) check(t job.Table) error {
	o := t.Options
	if text := o[catalog.OptStrategy]; text != "" {
		p.strategy = startingStrategy(strings.ToUpper(text))
	}
	known := false
	for _, s := range strategies {
		known = known || s == p.strategy
	}
	wrong := ""
	switch {
	case !known:
		wrong = fmt.Sprintf("option '%s' is %q; there are %q", catalog.OptStrategy, p.strategy, strategies)
	case (p.strategy == fromSnapshot) != (o[catalog.OptStartID] != ""):
		wrong = fmt.Sprintf("option '%s' and the strategy %s need each other", catalog.OptStartID, fromSnapshot)
	case (p.strategy == fromTimestamp) != (o[catalog.OptStartTime] != ""):
		wrong = fmt.Sprintf("option '%s' and the strategy %s need each other", catalog.OptStartTime, fromTimestamp)
	case o[catalog.OptSnapshot] != "" || o[catalog.OptAsOf] != "" || o[catalog.OptTag] != "":
		wrong = fmt.Sprintf("a stream goes on with new snapshots: '%s', '%s' and '%s' are for tables that are not read as one; see '%s'",
			catalog.OptSnapshot, catalog.OptAsOf, catalog.OptTag, catalog.OptStrategy)
	}
	if wrong != "" {
		return fmt.Errorf("table %s: %w: %s", t.Ident, job.ErrInvalid, wrong)
	}
	return nil
}
