package kafka

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/connect/format"
	"github.com/wadi-engine/wadi/internal/units"
	"github.com/wadi-engine/wadi/job"
)

// mode says at which offset of a partition to begin or to end.
type mode string

const (
	groupOffsets    mode = "group-offsets"
	earliestOffset  mode = "earliest-offset"
	latestOffset    mode = "latest-offset"
	atTimestamp     mode = "timestamp"
	specificOffsets mode = "specific-offsets"
	unbounded       mode = "unbounded"
)

// bound is where partitions begin, or end.
type bound struct {
	mode    mode
	millis  int64           // of timestamp
	offsets map[int32]int64 // of specific-offsets, by partition
}

// config is the options of a table, checked.
type config struct {
	options    map[string]string
	properties properties
	topics     []string
	pattern    *regexp.Regexp // in place of topics
	layout
	start, end bound
	discovery  time.Duration // 0 means never
	policy     policy
}

func parse(t job.Table) (*config, error) {
	if err := unknown(t); err != nil {
		return nil, err
	}
	var err error
	if t.Connector == eventHubs {
		if t, err = hub(t); err != nil {
			return nil, err
		}
	}
	o := t.Options
	c := &config{options: o, properties: propertiesOf(o)}
	if c.layout, err = layoutOf(t); err != nil {
		return nil, err
	}
	if _, err := c.properties.client(); err != nil {
		return nil, err
	}
	if err := c.parseTopics(); err != nil {
		return nil, err
	}
	if err := c.parseBounds(); err != nil {
		return nil, err
	}
	c.discovery = 5 * time.Minute
	if text := o["scan.topic-partition-discovery.interval"]; text != "" {
		if c.discovery, err = units.ParseDuration(text); err != nil {
			return nil, fmt.Errorf("option 'scan.topic-partition-discovery.interval': %w", err)
		}
	}
	return c, c.parsePolicy()
}

func (c *config) parsePolicy() error {
	p, ok := policies[c.options["error.policy"]]
	if !ok {
		return fmt.Errorf("%w: option 'error.policy' = '%s': want fail, skip or dead-letter", job.ErrInvalid, c.options["error.policy"])
	}
	for _, s := range []*side{&c.key, &c.value} {
		ignore, err := format.Flag(s.options, s.format.Name+".ignore-parse-errors")
		if err != nil {
			return err
		}
		if ignore && p == fail {
			p = skip
		}
	}
	c.policy = p
	return nil
}

func (c *config) parseTopics() error {
	topic, pattern := c.options["topic"], c.options["topic-pattern"]
	switch {
	case topic != "" && pattern != "":
		return fmt.Errorf("%w: there are both 'topic' and 'topic-pattern': keep one", job.ErrInvalid)
	case topic != "":
		for name := range strings.SplitSeq(topic, ";") {
			if name = strings.TrimSpace(name); name != "" {
				c.topics = append(c.topics, name)
			}
		}
	case pattern != "":
		var err error
		if c.pattern, err = regexp.Compile("^(?:" + pattern + ")$"); err != nil {
			return fmt.Errorf("%w: option 'topic-pattern' = '%s': %w", job.ErrInvalid, pattern, err)
		}
	}
	if c.topics == nil && c.pattern == nil {
		return fmt.Errorf("%w: option 'topic' is missing, or 'topic-pattern'", job.ErrInvalid)
	}
	return nil
}

func (c *config) parseBounds() (err error) {
	if c.upsert {
		c.start.mode = earliestOffset
	} else if c.start, err = c.bound("scan.startup", groupOffsets, earliestOffset, latestOffset, atTimestamp, specificOffsets); err != nil {
		return err
	}
	if _, err := c.properties.acknowledges(); err != nil {
		return err
	}
	if c.end, err = c.bound("scan.bounded", unbounded, latestOffset, groupOffsets, atTimestamp, specificOffsets); err != nil {
		return err
	}
	switch reset := c.properties["auto.offset.reset"]; reset {
	case "", "none", "earliest", "latest":
	default:
		return fmt.Errorf("%w: option 'properties.auto.offset.reset' = '%s': want earliest, latest or none", job.ErrInvalid, reset)
	}
	return nil
}

// bound reads the options that begin with key; the first mode is the default.
func (c *config) bound(key string, modes ...mode) (b bound, err error) {
	text := c.options[key+".mode"]
	if text == "" {
		return bound{mode: modes[0]}, nil
	}
	for _, m := range modes {
		if string(m) == text {
			b.mode = m
		}
	}
	switch b.mode {
	case "":
		return b, fmt.Errorf("%w: option '%s.mode' = '%s': want one of %v", job.ErrInvalid, key, text, modes)
	case atTimestamp:
		millis := c.options[key+".timestamp-millis"]
		if b.millis, err = strconv.ParseInt(millis, 10, 64); err != nil {
			return b, fmt.Errorf("%w: option '%s.timestamp-millis' = '%s': want milliseconds since 1970", job.ErrInvalid, key, millis)
		}
	case specificOffsets:
		b.offsets, err = parseOffsets(key+".specific-offsets", c.options[key+".specific-offsets"])
	case groupOffsets, earliestOffset, latestOffset, unbounded:
	}
	return b, err
}

var offsetText = regexp.MustCompile(`^partition:(\d+),offset:(\d+)$`)

// parseOffsets reads partition:0,offset:42;partition:1,offset:300.
func parseOffsets(key, text string) (map[int32]int64, error) {
	offsets := map[int32]int64{}
	for part := range strings.SplitSeq(strings.TrimSuffix(text, ";"), ";") {
		m := offsetText.FindStringSubmatch(strings.ReplaceAll(part, " ", ""))
		if m == nil {
			return nil, fmt.Errorf("%w: option '%s' = '%s': want partition:0,offset:42;partition:1,offset:300", job.ErrInvalid, key, text)
		}
		p, err := strconv.ParseInt(m[1], 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%w: option '%s': partition %s", job.ErrInvalid, key, m[1])
		}
		if offsets[int32(p)], err = strconv.ParseInt(m[2], 10, 64); err != nil {
			return nil, fmt.Errorf("%w: option '%s': offset %s", job.ErrInvalid, key, m[2])
		}
	}
	return offsets, nil
}

// readable says what a table lacks to be read.
func (c *config) readable() error {
	if (c.start.mode == groupOffsets || c.end.mode == groupOffsets) && c.properties["group.id"] == "" {
		return fmt.Errorf("%w: 'properties.group.id' is missing: the offsets of which group to begin at; "+
			"or set 'scan.startup.mode' = 'earliest-offset'", job.ErrInvalid)
	}
	return nil
}
