package sql

import (
	"strconv"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/internal/config"
	"github.com/wadi-engine/wadi/internal/units"
	"github.com/wadi-engine/wadi/sql/lower"
)

// The keys of the configuration that planning reads. All keys are Flink's.
const (
	KeyName              = "pipeline.name"
	KeyRuntimeMode       = "execution.runtime-mode"
	KeyParallelism       = "parallelism.default"
	KeyTableParallelism  = "table.exec.resource.default-parallelism"
	KeyMaxParallelism    = "pipeline.max-parallelism"
	KeyWatermarkInterval = "pipeline.auto-watermark-interval"
	KeyIdleTimeout       = "table.exec.source.idle-timeout"
	KeyZone              = "table.local-time-zone"
	KeyStateTTL          = "table.exec.state.ttl"
	KeyDuplicates        = "table.exec.source.cdc-events-duplicate"
	KeyRecursionSteps    = "wadi.recursion.max-iterations"
	KeyRecursionSize     = "wadi.recursion.max-size"
)

// Config is the configuration of a session: what was SET.
type Config struct{ config.Values }

// Batch reports whether queries run to their end over bounded tables.
func (c *Config) Batch() bool { return strings.EqualFold(c.Get(KeyRuntimeMode), "batch") }

// Parallelism is that of operators which say nothing else.
func (c *Config) Parallelism() int {
	if n, err := strconv.Atoi(c.Get(KeyTableParallelism)); err == nil && n > 0 {
		return n
	}
	n, _ := strconv.Atoi(c.Get(KeyParallelism))
	return max(n, 1)
}

// MaxParallelism is the number of key groups, or -1.
func (c *Config) MaxParallelism() int {
	n, err := strconv.Atoi(c.Get(KeyMaxParallelism))
	if err != nil {
		return -1
	}
	return n
}

func (c *Config) millis(key string) int64 {
	d, err := units.ParseDuration(c.Get(key))
	if err != nil {
		return 0
	}
	return d.Milliseconds()
}

// sinks are how rows reach tables with a primary key.
func (c *Config) sinks() lower.SinkOptions {
	return lower.SinkOptions{
		Materialize: strings.ToUpper(c.Get("table.exec.sink.upsert-materialize")),
		Shuffle:     strings.ToUpper(c.Get("table.exec.sink.keyed-shuffle")),
		Conflict:    strings.EqualFold(c.Get("table.exec.sink.require-on-conflict"), "true"),
	}
}

// duplicates reports whether changes that sources give may come twice.
func (c *Config) duplicates() bool { return strings.EqualFold(c.Get(KeyDuplicates), "true") }

// Zone is the session's time zone; UTC unless it was set.
func (c *Config) Zone() *time.Location {
	loc, err := units.ParseZone(c.Get(KeyZone))
	if err != nil {
		return time.UTC
	}
	return loc
}
