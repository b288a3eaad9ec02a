package files

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector/chrono"
)

const (
	optZone      = "sink.partition-commit.watermark-time-zone"
	optExtractor = "partition.time-extractor.kind"
	optPattern   = "partition.time-extractor.timestamp-pattern"
	optFormatter = "partition.time-extractor.timestamp-formatter"
)

// timeExtractor finds the time of a partition in the values that its directory
// names, as Flink's default extractor does.
type timeExtractor struct {
	by      []string
	pattern string          // with $column for the value of a column
	format  *chrono.Pattern // nil is a timestamp, or a date, as SQL writes it
	zone    *time.Location
}

func newTimeExtractor(o settings, by []string) (*timeExtractor, error) {
	if len(by) == 0 {
		return nil, fmt.Errorf("%w: option %q is \"partition-time\", and the table is not PARTITIONED BY anything", errInvalid, optTrigger)
	}
	x := &timeExtractor{by: by, pattern: o.text(optPattern, "$"+by[0])}
	if kind := o.text(optExtractor, "default"); kind != "default" {
		return nil, fmt.Errorf("%w: option %q is %q; only default is known", errInvalid, optExtractor, kind)
	}
	if !slices.ContainsFunc(by, func(name string) bool { return strings.Contains(x.pattern, "$"+name) }) {
		return nil, fmt.Errorf("%w: option %q is %q, in which no partition column stands; want one such as $%s", errInvalid, optPattern, x.pattern, by[0])
	}
	var err error
	if f, ok := o[optFormatter]; ok {
		if x.format, err = chrono.ParsePattern(f); err != nil {
			return nil, fmt.Errorf("%w: option %q is %q: %w", errInvalid, optFormatter, f, err)
		}
	}
	if x.zone, err = chrono.LoadZone(o.text(optZone, "UTC")); err != nil {
		return nil, fmt.Errorf("%w: option %q: %w", errInvalid, optZone, err)
	}
	return x, nil
}

// of is the time of the partition with a directory.
func (x *timeExtractor) of(dir string) (stream.Timestamp, error) {
	names := slices.Clone(x.by)
	slices.SortStableFunc(names, func(a, b string) int { return len(b) - len(a) }) // $day is not $d and a y
	parts := strings.Split(dir, "/")
	var pairs []string
	for _, name := range names {
		_, value, _ := strings.Cut(parts[slices.Index(x.by, name)], "=")
		if plain, err := url.PathUnescape(value); err == nil {
			value = plain
		}
		pairs = append(pairs, "$"+name, value)
	}
	text := strings.NewReplacer(pairs...).Replace(x.pattern)
	c, ok := chrono.ParseTimestamp(text)
	if x.format != nil {
		c, _, _, ok = x.format.Parse(text)
	}
	if !ok {
		return 0, fmt.Errorf("%w: partition %s has no time: %q is not one; see the options %q and %q", errInvalid, dir, text, optPattern, optFormatter)
	}
	return stream.Timestamp(chrono.ToUTC(x.zone, c.Seconds())*1000 + int64(c.Nanosecond/1e6)), nil
}
