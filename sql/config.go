package sql

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/internal/nearest"
	"github.com/wadi-engine/wadi/internal/units"
	"github.com/wadi-engine/wadi/job"
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

// keys are the keys that SET takes, with their defaults. The engine, the
// coordinator and the shell read those that planning does not.
var keys = map[string]string{
	KeyName:              "",
	KeyRuntimeMode:       "STREAMING",
	KeyParallelism:       "1",
	KeyTableParallelism:  "-1",
	KeyMaxParallelism:    "-1",
	KeyWatermarkInterval: "200 ms",
	KeyIdleTimeout:       "0 ms",
	KeyZone:              "default",
	KeyStateTTL:          "0 ms",
	KeyDuplicates:        "false",
	KeyRecursionSteps:    "1000",
	KeyRecursionSize:     "256 mb",
	keyEarlyFire:         "false",
	keyEarlyFireDelay:    "0 ms",
	keyLateFire:          "false",
	keyLateFireDelay:     "0 ms",
	keyLateness:          "0 ms",

	"execution.buffer-timeout.interval":                         "100 ms",
	"execution.checkpointing.aligned-checkpoint-timeout":        "0 ms",
	"execution.checkpointing.checkpoints-after-tasks-finish":    "true",
	"execution.checkpointing.create-subdir":                     "true",
	"execution.checkpointing.dir":                               "",
	"execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
	"execution.checkpointing.incremental":                       "true",
	"execution.checkpointing.interval":                          "",
	"execution.checkpointing.max-concurrent-checkpoints":        "1",
	"execution.checkpointing.min-pause":                         "0 ms",
	"execution.checkpointing.mode":                              "EXACTLY_ONCE",
	"execution.checkpointing.num-retained":                      "5",
	"execution.checkpointing.savepoint-dir":                     "",
	"execution.checkpointing.storage":                           "",
	"execution.checkpointing.timeout":                           "10 min",
	"execution.checkpointing.tolerable-failed-checkpoints":      "0",
	"execution.checkpointing.unaligned.enabled":                 "false",
	"execution.gear":                                  "pipelined",
	"execution.shutdown-on-attached-exit":             "false",
	"execution.state-recovery.claim-mode":             "NO_CLAIM",
	"execution.state-recovery.ignore-unclaimed-state": "false",
	"execution.state-recovery.path":                   "",
	"execution.attached":                              "false",
	"execution.target":                                "local",
	"high-availability.type":                          "",
	"high-availability.storageDir":                    "",
	"high-availability.cluster-id":                    "default",
	"heartbeat.interval":                              "10 s",
	"heartbeat.timeout":                               "50 s",
	"io.tmp.dirs":                                     "",
	"jobmanager.bind-host":                            "",
	"jobmanager.rpc.address":                          "localhost",
	"jobmanager.rpc.bind-port":                        "",
	"jobmanager.rpc.port":                             "6123",
	"pipeline.object-reuse":                           "true",
	"pipeline.operator-chaining.enabled":              "true",
	"pipeline.jars":                                   "",
	"restart-strategy.type":                           "",
	"restart-strategy.exponential-delay.attempts-before-reset-backoff": "infinite",
	"restart-strategy.exponential-delay.backoff-multiplier":            "1.5",
	"restart-strategy.exponential-delay.initial-backoff":               "1 s",
	"restart-strategy.exponential-delay.jitter-factor":                 "0.1",
	"restart-strategy.exponential-delay.max-backoff":                   "1 min",
	"restart-strategy.exponential-delay.reset-backoff-threshold":       "1 h",
	"restart-strategy.failure-rate.delay":                              "1 s",
	"restart-strategy.failure-rate.failure-rate-interval":              "1 min",
	"restart-strategy.failure-rate.max-failures-per-interval":          "1",
	"restart-strategy.fixed-delay.attempts":                            "1",
	"restart-strategy.fixed-delay.delay":                               "1 s",
	"security.ssl.internal.enabled":                                    "false",
	"security.ssl.internal.keystore":                                   "",
	"security.ssl.internal.keystore-type":                              "PEM",
	"security.ssl.internal.truststore":                                 "",
	"security.ssl.internal.truststore-type":                            "PEM",
	"slot.request.timeout":                                             "5 min",
	"sql-client.display.color-schema":                                  "DEFAULT",
	"sql-client.display.print-time-cost":                               "true",
	"sql-client.display.show-line-numbers":                             "false",
	"sql-client.execution.max-table-result.rows":                       "1000000",
	"sql-client.execution.result-mode":                                 "TABLE",
	"sql-client.verbose":                                               "false",
	"state.backend.type":                                               "hashmap",
	"table.builtin-catalog-name":                                       "default_catalog",
	"table.builtin-database-name":                                      "default_database",
	"table.display.max-column-width":                                   "30",
	"table.dml-sync":                                                   "false",
	"table.dynamic-table-options.enabled":                              "true",
	"table.exec.mini-batch.allow-latency":                              "0 ms",
	"table.exec.mini-batch.enabled":                                    "false",
	"table.exec.mini-batch.size":                                       "-1",
	"table.exec.sink.keyed-shuffle":                                    "AUTO",
	"table.exec.sink.nested-constraint-enforcer":                       "IGNORE",
	"table.exec.sink.not-null-enforcer":                                "ERROR",
	"table.exec.sink.require-on-conflict":                              "false",
	"table.exec.sink.type-length-enforcer":                             "IGNORE",
	"table.exec.sink.upsert-materialize":                               "AUTO",
	"table.plan.compile.catalog-objects":                               "ALL",
	"table.plan.restore.catalog-objects":                               "ALL",
	"table.sql-dialect":                                                "default",
	"cluster.evenly-spread-out-slots":                                  "false",
	"taskmanager.bind-host":                                            "",
	"taskmanager.data.bind-port":                                       "",
	"taskmanager.data.port":                                            "0",
	"taskmanager.host":                                                 "",
	"taskmanager.load-balance.mode":                                    "NONE",
	"taskmanager.memory.managed.fraction":                              "0.4",
	"taskmanager.memory.managed.size":                                  "",
	"taskmanager.memory.process.size":                                  "",
	"taskmanager.network.compression.codec":                            "NONE",
	"wadi.exchange.channel-size":                                       "2 mb",
	"taskmanager.numberOfTaskSlots":                                    "1",
	"taskmanager.registration.timeout":                                 "5 min",
	"taskmanager.resource-id":                                          "",
	"wadi.cluster.secret":                                              "",
	"wadi.tmp.max-size":                                                "",
	"wadi.staged.rows-per-epoch":                                       "0",
}

// families are prefixes of keys that people name themselves, or that others read.
var families = []string{
	"metrics.reporter.", "events.reporter.", "traces.reporter.", "external-resource.", "security.delegation.token.provider.",
	"flink.hadoop.", "containerized.", "env.", "fs.", "s3.", "azure.", "gs.", "kubernetes.", "wadi.",
}

// flinkKeys lists every key of Flink, one a line, with its older names behind "<-".
//
//go:embed keys.txt
var flinkKeys string

// known is every key that SET takes: those above, and Flink's, most of which
// have no meaning here. Older names of keys are aliases of the current ones.
var known, aliases = func() (known map[string]bool, aliases map[string]string) {
	known = map[string]bool{}
	for k := range keys {
		known[k] = true
	}
	aliases = map[string]string{
		"execution.checkpointing.externalized-checkpoint": "execution.checkpointing.externalized-checkpoint-retention",
		"execution.runtime.mode":                          KeyRuntimeMode,
		"restart-strategy":                                "restart-strategy.type",
		"sql-client.display.max-column-width":             "table.display.max-column-width",
		"sql-client.execution.mode":                       KeyRuntimeMode,
		"table.exec.source.idle.timeout":                  KeyIdleTimeout,
	}
	for line := range strings.Lines(flinkKeys) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		key, older, _ := strings.Cut(strings.TrimSpace(line), " <- ")
		known[key] = true
		for _, o := range strings.Fields(older) {
			aliases[o] = key
		}
	}
	return known, aliases
}()

// Config is the configuration of a session: what was SET.
type Config struct{ values map[string]string }

// canonical gives the current name of a key, or the error that names the
// nearest one.
func canonical(key string) (string, error) {
	if now, ok := aliases[key]; ok {
		return now, nil
	}
	if known[key] {
		return key, nil
	}
	for _, f := range families {
		if strings.HasPrefix(key, f) && len(key) > len(f) {
			return key, nil
		}
	}
	return "", fmt.Errorf("%w: no configuration key '%s'%s", job.ErrInvalid, key, nearest.Hint(key, slices.Sorted(maps.Keys(known)), "'"))
}

// Set sets a key, under its current name, after checking the values of those
// that planning reads.
func (c *Config) Set(key, value string) error {
	name, err := canonical(key)
	if err != nil {
		return err
	}
	if err := check(name, value); err != nil {
		return err
	}
	if c.values == nil {
		c.values = map[string]string{}
	}
	c.values[name] = value
	return nil
}

func check(key, value string) error {
	bad := func(want string) error {
		return fmt.Errorf("%w: '%s' must be %s, not '%s'", job.ErrInvalid, key, want, value)
	}
	switch key {
	case KeyRuntimeMode:
		if m := strings.ToUpper(value); m != "STREAMING" && m != "BATCH" {
			return bad("'streaming' or 'batch'")
		}
	case KeyParallelism, KeyTableParallelism, KeyMaxParallelism:
		n, err := strconv.Atoi(value)
		if err != nil || n > 32768 || n < 1 && (key == KeyParallelism || n != -1) {
			return bad("a number from 1 to 32768")
		}
	case KeyWatermarkInterval, KeyIdleTimeout, KeyStateTTL, keyEarlyFireDelay, keyLateFireDelay, keyLateness:
		if d, err := units.ParseDuration(value); err != nil || d < 0 {
			return bad("a duration such as '200 ms'")
		}
	case keyEarlyFire, keyLateFire:
		if value != "true" && value != "false" {
			return bad("true or false")
		}
	case KeyRecursionSteps:
		if n, err := strconv.Atoi(value); err != nil || n < 1 {
			return bad("a number from 1 on")
		}
	case KeyRecursionSize:
		if n, err := units.ParseSize(value); err != nil || n < 1 {
			return bad("a size such as '256 mb'")
		}
	case KeyZone:
		if _, err := zone(value); err != nil {
			return bad("a time zone such as 'UTC', 'Europe/Paris' or 'GMT-03:00'")
		}
	case "table.exec.sink.keyed-shuffle", "table.exec.sink.upsert-materialize":
		if v := strings.ToUpper(value); v != "NONE" && v != "AUTO" && v != "FORCE" {
			return bad("'NONE', 'AUTO' or 'FORCE'")
		}
	case "table.sql-dialect":
		if !strings.EqualFold(value, "default") {
			return bad("'default'")
		}
	}
	return nil
}

// Get is the value of a key: what was set, or the default.
func (c *Config) Get(key string) string {
	if name, ok := aliases[key]; ok {
		key = name
	}
	if v, ok := c.values[key]; ok {
		return v
	}
	return keys[key]
}

// Reset forgets one key, or all when key is "".
func (c *Config) Reset(key string) error {
	if key == "" {
		c.values = nil
		return nil
	}
	name, err := canonical(key)
	if err == nil {
		delete(c.values, name)
	}
	return err
}

// All are the keys that were set, with their values.
func (c *Config) All() map[string]string { return maps.Clone(c.values) }

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
	loc, err := zone(c.Get(KeyZone))
	if err != nil {
		return time.UTC
	}
	return loc
}

// zone reads a time zone by name, or as an offset of whole hours: GMT-03:00,
// +08:00. The result has a name by which any process can load it, because plans
// carry the name.
func zone(name string) (*time.Location, error) {
	if name == "" || strings.EqualFold(name, "default") {
		return time.UTC, nil
	}
	offset := strings.TrimPrefix(strings.TrimPrefix(name, "GMT"), "UTC")
	if t, err := time.Parse("-07:00", offset); err == nil {
		_, seconds := t.Zone()
		if seconds%3600 != 0 {
			return nil, fmt.Errorf("%w: time zone %s: name a region, such as Asia/Kolkata", job.ErrInvalid, name)
		}
		return time.LoadLocation(fmt.Sprintf("Etc/GMT%+d", -seconds/3600)) // Etc's signs are the other way round
	}
	return time.LoadLocation(name)
}
