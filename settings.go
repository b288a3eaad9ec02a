package wadi

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/internal/units"
	"github.com/wadi-engine/wadi/job"
)

// The keys that decide how a job is run. All but the last two are Flink's.
const (
	keyCheckpointDir      = "execution.checkpointing.dir"
	keyCheckpointInterval = "execution.checkpointing.interval"
	keyCheckpointTimeout  = "execution.checkpointing.timeout"
	keyCheckpointPause    = "execution.checkpointing.min-pause"
	keyCheckpointRetained = "execution.checkpointing.num-retained"
	keyCheckpointOutlives = "execution.checkpointing.externalized-checkpoint-retention"
	keyUnaligned          = "execution.checkpointing.unaligned.enabled"
	keyAlignedTimeout     = "execution.checkpointing.aligned-checkpoint-timeout"
	keyCheckpointTolerate = "execution.checkpointing.tolerable-failed-checkpoints"
	keyIgnoreUnclaimed    = "execution.state-recovery.ignore-unclaimed-state"
	keyRestart            = "restart-strategy.type"
	keyFailover           = "jobmanager.execution.failover-strategy"
	keySavepointDir       = "execution.checkpointing.savepoint-dir"
	keySavepointEvery     = "wadi.savepoint.interval"
	keySavepointOffset    = "wadi.savepoint.offset"
	keySavepointRetained  = "wadi.savepoint.num-retained"
	keyClaimMode          = "execution.state-recovery.claim-mode"
	keyRestorePath        = "execution.state-recovery.path"
	keyJobsKept           = "completed-application-store.max-capacity"
	keyEpochRows          = "wadi.staged.rows-per-epoch"
)

// keyReader reads typed configuration and keeps the first error.
type keyReader struct {
	get func(string) string
	err error
}

func (k *keyReader) duration(key string) time.Duration {
	text := k.get(key)
	if text == "" {
		return 0
	}
	d, err := units.ParseDuration(text)
	if err != nil && k.err == nil {
		k.err = fmt.Errorf("%w: '%s' = '%s': %w", job.ErrInvalid, key, text, err)
	}
	return d
}

func (k *keyReader) int(key string) int {
	text := k.get(key)
	if text == "" {
		return 0
	}
	if text == "infinite" {
		return -1
	}
	n, err := strconv.Atoi(text)
	if err != nil && k.err == nil {
		k.err = fmt.Errorf("%w: '%s' = '%s': want a whole number", job.ErrInvalid, key, text)
	}
	return n
}

func (k *keyReader) float(key string) float64 {
	f, err := strconv.ParseFloat(k.get(key), 64)
	if err != nil && k.err == nil {
		k.err = fmt.Errorf("%w: '%s' = '%s': want a number", job.ErrInvalid, key, k.get(key))
	}
	return f
}

// settings reads the session's configuration: how to run a job, and where its
// checkpoints go ("" when it takes none).
func (e *Env) settings() (coordinator.Settings, string, error) {
	k := &keyReader{get: e.Config}
	s := coordinator.Settings{
		Interval: k.duration(keyCheckpointInterval), Timeout: k.duration(keyCheckpointTimeout),
		MinPause: k.duration(keyCheckpointPause), TolerableFailures: k.int(keyCheckpointTolerate),
		Unaligned: e.unaligned(), AlignedTimeout: k.duration(keyAlignedTimeout),
		Retained: k.int(keyCheckpointRetained), EpochRows: int64(k.int(keyEpochRows)),
		Regions: strings.EqualFold(e.Config(keyFailover), "region"),
	}
	if fresh := k.duration(keyFreshness); s.Interval == 0 {
		s.Interval = fresh / 2
	}
	var err error
	if s.Retention, err = retention(e.Config(keyCheckpointOutlives)); err != nil {
		return s, "", err
	}
	switch strings.ToLower(e.Config(keyRestart)) { // otherwise it is not started again
	case "fixed-delay", "fixeddelay":
		s.Restart = coordinator.RestartStrategy{Attempts: k.int("restart-strategy.fixed-delay.attempts"), Delay: k.duration("restart-strategy.fixed-delay.delay")}
	case "exponential-delay", "exponentialdelay":
		s.Restart = coordinator.RestartStrategy{
			Attempts: k.int("restart-strategy.exponential-delay.attempts-before-reset-backoff"),
			Delay:    k.duration("restart-strategy.exponential-delay.initial-backoff"), MaxDelay: k.duration("restart-strategy.exponential-delay.max-backoff"),
			Multiplier: k.float("restart-strategy.exponential-delay.backoff-multiplier"), ResetAfter: k.duration("restart-strategy.exponential-delay.reset-backoff-threshold"),
		}
	case "failure-rate", "failurerate":
		s.Restart = coordinator.RestartStrategy{
			Attempts: k.int("restart-strategy.failure-rate.max-failures-per-interval"), Delay: k.duration("restart-strategy.failure-rate.delay"),
			ResetAfter: k.duration("restart-strategy.failure-rate.failure-rate-interval"),
		}
	}
	return s, e.Config(keyCheckpointDir), k.err
}

// retention reads which checkpoints outlive a job.
func retention(text string) (coordinator.Retention, error) {
	switch strings.ToUpper(text) {
	case "RETAIN_ON_CANCELLATION":
		return coordinator.RetainOnCancellation, nil
	case "DELETE_ON_CANCELLATION":
		return coordinator.DeleteOnCancellation, nil
	case "NO_EXTERNALIZED_CHECKPOINTS":
		return coordinator.NoExternalized, nil
	}
	return 0, fmt.Errorf("%w: '%s' = '%s': want RETAIN_ON_CANCELLATION, DELETE_ON_CANCELLATION or NO_EXTERNALIZED_CHECKPOINTS", job.ErrInvalid, keyCheckpointOutlives, text)
}

// unaligned reads whether barriers may overtake rows.
func (e *Env) unaligned() bool { return strings.EqualFold(e.Config(keyUnaligned), "true") }

// shown reads how much of a job's past is kept for those who look at it.
func (e *Env) shown(h *coordinator.History) error {
	k := &keyReader{get: e.Config}
	h.KeptCheckpoints, h.KeptFailures = k.int(keyCheckpointsShown), k.int(keyFailuresShown)
	return k.err
}
