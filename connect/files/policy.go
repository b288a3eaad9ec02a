package files

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

const (
	optPolicy  = "sink.partition-commit.policy.kind"
	optTrigger = "sink.partition-commit.trigger"
	optDelay   = "sink.partition-commit.delay"
	optSuccess = "sink.partition-commit.success-file.name"
)

var policyOptions = []ops.Option{
	{Key: optPolicy, Help: "success-file: write a marker into each partition that is complete."},
	{Key: optSuccess, Default: "_SUCCESS", Help: "Name of that marker."},
	{Key: optTrigger, Default: "process-time", Help: "When a partition is complete: process-time or partition-time."},
	{Key: optDelay, Default: "0 s", Help: "How long after its first file, or after its time, a partition is complete."},
	{Key: optZone, Default: "UTC", Help: "Time zone of the times of partitions."},
	{Key: optExtractor, Default: "default", Help: "Only default."},
	{Key: optPattern, Help: "How the values of a partition are its time, such as $dt $hour:00:00; by default it is the first value."},
	{Key: optFormatter, Default: "yyyy-MM-dd HH:mm:ss", Help: "How that text is read as a time."},
	{Key: "sink.partition-commit.policy.class", Help: "Refused: it names a class of Java."},
	{Key: "sink.partition-commit.policy.class.parameters", Help: "Refused with the class."},
	{Key: "partition.time-extractor.class", Help: "Refused: it names a class of Java."},
}

// Timed reports whether files with these options are marked by event time.
func Timed(options map[string]string) bool {
	return options[optPolicy] != "" && options[optTrigger] == "partition-time"
}

// policy says when partitions are complete, and how they are marked.
type policy struct {
	success string         // name of the marker, or ""
	delay   time.Duration  // behind the first file, or the partition's time
	times   *timeExtractor // of the trigger partition-time; nil for process-time
}

func newPolicy(o settings, by []string) (*policy, error) {
	for _, key := range []string{"sink.partition-commit.policy.class", "sink.partition-commit.policy.class.parameters", "partition.time-extractor.class"} {
		if o[key] != "" {
			return nil, fmt.Errorf("%w: option %q names a class of Java, and there is none to run it; leave it out", errInvalid, key)
		}
	}
	p := &policy{}
	for kind := range strings.SplitSeq(o.text(optPolicy, ""), ",") {
		switch strings.TrimSpace(kind) {
		case "":
		case "success-file":
			p.success = o.text(optSuccess, "_SUCCESS")
			if !strings.HasPrefix(p.success, "_") && !strings.HasPrefix(p.success, ".") || strings.Contains(p.success, "/") {
				return nil, fmt.Errorf("%w: option %q is %q; want a name that begins with _ or ., which readers of the table pass over", errInvalid, optSuccess, p.success)
			}
		case "metastore":
			return nil, fmt.Errorf("%w: option %q is \"metastore\": a table of a directory is in no metastore; want success-file, or write to a table of a catalog", errInvalid, optPolicy)
		case "custom":
			return nil, fmt.Errorf("%w: option %q is \"custom\": there is no Java to run the class; want success-file", errInvalid, optPolicy)
		default:
			return nil, fmt.Errorf("%w: option %q is %q; want success-file", errInvalid, optPolicy, kind)
		}
	}
	var err error
	if p.delay, err = o.duration(optDelay, "0 s"); err != nil {
		return nil, err
	}
	switch trigger := o.text(optTrigger, "process-time"); trigger {
	case "process-time":
		return p, nil
	case "partition-time":
		p.times, err = newTimeExtractor(o, by)
		return p, err
	default:
		return nil, fmt.Errorf("%w: option %q is %q; want process-time or partition-time", errInvalid, optTrigger, trigger)
	}
}

// waits reports whether a partition may be marked later than with its files.
func (p *policy) waits() bool { return p.success != "" && (p.times != nil || p.delay > 0) }

// check reports a partition that would never be complete.
func (p *policy) check(dir string) error {
	if p.success == "" || p.times == nil {
		return nil
	}
	_, err := p.times.of(dir)
	return err
}

// due are the directories that are complete, in their order.
func (p *policy) due(at *progress, now time.Time) ([]string, error) {
	dirs := slices.Sorted(maps.Keys(at.Waiting))
	if !p.waits() || at.ended() {
		return dirs, nil
	}
	var out []string
	for _, dir := range dirs {
		ready := now.UnixMilli() > at.Waiting[dir]+p.delay.Milliseconds()
		if p.times != nil {
			t, err := p.times.of(dir)
			if err != nil {
				return nil, err
			}
			ready = at.watermark() > t+stream.Timestamp(p.delay.Milliseconds())
		}
		if ready {
			out = append(out, dir)
		}
	}
	return out, nil
}
