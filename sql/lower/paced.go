package lower

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/internal/units"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

// The options of a table about its event time, as Flink calls them; the second is ours.
const (
	idleTimeout    = "scan.watermark.idle-timeout"
	idleAtEnd      = "scan.watermark.idle-at-end"
	alignGroup     = "scan.watermark.alignment.group"
	alignMaxDrift  = "scan.watermark.alignment.max-drift"
	alignFrequency = "scan.watermark.alignment.update-interval"
)

// paced reads them.
func (b *builder) paced(t job.Table, spec *ops.WatermarkSpec) error {
	if t.Options[idleTimeout] != "" {
		d, err := duration(t, idleTimeout)
		if err != nil {
			return err
		}
		spec.IdleMillis = d.Milliseconds()
	}
	atEnd := false
	if text := t.Options[idleAtEnd]; text != "" {
		var err error
		if atEnd, err = strconv.ParseBool(strings.ToLower(text)); err != nil {
			return fmt.Errorf("%w: option '%s' of %s: want true or false, not %q", job.ErrInvalid, idleAtEnd, t.Ident, text)
		}
	}
	b.idles = b.idles || spec.IdleMillis > 0 || atEnd
	group := t.Options[alignGroup]
	if group == "" || b.o.Batch {
		return nil
	}
	if t.Options[alignMaxDrift] == "" {
		return fmt.Errorf("%w: option '%s' of %s is missing: how far a source may be ahead of others of its group, such as 30 s", job.ErrInvalid, alignMaxDrift, t.Ident)
	}
	drift, err := duration(t, alignMaxDrift)
	if err != nil {
		return err
	}
	update := time.Second
	if t.Options[alignFrequency] != "" {
		if update, err = duration(t, alignFrequency); err != nil {
			return err
		}
	}
	spec.Align = &ops.AlignSpec{Group: group, MaxDriftMillis: drift.Milliseconds(), UpdateMillis: max(1, update.Milliseconds())}
	return nil
}

func duration(t job.Table, key string) (time.Duration, error) {
	d, err := units.ParseDuration(t.Options[key])
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%w: option '%s' of %s: want a time, such as 30 s, not %q", job.ErrInvalid, key, t.Ident, t.Options[key])
	}
	return d, nil
}
