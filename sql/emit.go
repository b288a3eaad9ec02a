package sql

import (
	"fmt"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/sql/lower"
)

// The keys that say when windows of GROUP BY give their results.
const (
	keyEarlyFire      = "table.exec.emit.early-fire.enabled"
	keyEarlyFireDelay = "table.exec.emit.early-fire.delay"
	keyLateFire       = "table.exec.emit.late-fire.enabled"
	keyLateFireDelay  = "table.exec.emit.late-fire.delay"
	keyLateness       = "table.exec.emit.allow-lateness"
)

// emission is what the configuration says of it; nil gives each window once.
func (c *Config) emission() (*lower.Emission, error) {
	e := &lower.Emission{LatenessMillis: c.millis(keyLateness)}
	if c.Get(keyEarlyFire) == "true" {
		e.EarlyMillis = new(int64)
		*e.EarlyMillis = c.millis(keyEarlyFireDelay)
	}
	if c.Get(keyLateFire) == "true" {
		e.LateMillis = new(int64)
		*e.LateMillis = c.millis(keyLateFireDelay)
		if e.LatenessMillis == 0 {
			return nil, fmt.Errorf("%w: '%s' needs '%s': behind the end of a window no rows are taken otherwise", job.ErrInvalid, keyLateFire, keyLateness)
		}
	}
	if e.EarlyMillis == nil && e.LateMillis == nil && e.LatenessMillis == 0 {
		return nil, nil
	}
	return e, nil
}

// emits reports that windows may give results more than once.
func (c *Config) emits() bool {
	e, err := c.emission()
	return err == nil && e != nil && !c.Batch()
}
