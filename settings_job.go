package wadi

import (
	"maps"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/sql"
)

// jobKeys are prefixes of the keys that belong to a job: its plan, its
// checkpoints, what becomes of it when it fails. They go with it wherever it
// runs. All others belong to a process, which has its own: where it listens, how
// it proves who it is, how much memory it has.
var jobKeys = []string{
	"execution.", "parallelism.", "pipeline.", "restart-strategy.", "state.", "table.", "wadi.recursion.", "wadi.staged.",
}

// stageKeys are prefixes of the keys that decide how a process that runs one
// stage uses its memory.
var stageKeys = []string{"taskmanager.memory.", keyTmpDirs, keyTmpSize}

// jobConfig is what was set of the keys that belong to a job. It is written to
// storage and sent to workers, so that no secret is in it.
func (e *Env) jobConfig() map[string]string { return e.configured(jobKeys) }

// stageConfig is what was set of the keys that a process needs which runs
// stages of a job.
func (e *Env) stageConfig() map[string]string { return e.configured(slices.Concat(jobKeys, stageKeys)) }

// configured is what was set of the keys with these prefixes, without secrets.
func (e *Env) configured(prefixes []string) map[string]string {
	e.mu.Lock()
	all := e.session.Config().All() // a copy
	e.mu.Unlock()
	maps.DeleteFunc(all, func(key, value string) bool {
		mine := slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(key, p) })
		return !mine || sql.Masked(key, value) != value
	})
	return all
}
