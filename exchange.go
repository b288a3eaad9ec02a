package wadi

import (
	"strings"

	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/engine/exchange"
)

const (
	keyChannelSize      = "wadi.exchange.channel-size"
	keyDebloat          = "taskmanager.network.memory.buffer-debloat.enabled"
	keyDebloatTarget    = "taskmanager.network.memory.buffer-debloat.target"
	keyDebloatPeriod    = "taskmanager.network.memory.buffer-debloat.period"
	keyDebloatSamples   = "taskmanager.network.memory.buffer-debloat.samples"
	keyDebloatThreshold = "taskmanager.network.memory.buffer-debloat.threshold-percentages"
)

// debloat reads whether the size of channels follows the speed of tasks; nil means
// that it does not. The values were checked when they were set.
func (e *Env) debloat() *exchange.Debloat {
	if !strings.EqualFold(e.Config(keyDebloat), "true") {
		return nil
	}
	k := &keyReader{get: e.Config}
	return &exchange.Debloat{
		Clock: engine.WallClock{}, Target: k.duration(keyDebloatTarget), Period: k.duration(keyDebloatPeriod),
		Samples: k.int(keyDebloatSamples), Threshold: int64(k.int(keyDebloatThreshold)),
	}
}
