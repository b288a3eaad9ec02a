package wadi

import (
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/internal/config"
	"github.com/wadi-engine/wadi/internal/mask"
	"github.com/wadi-engine/wadi/internal/objstore"
)

// jobConfig is what was set of the keys that belong to a job. It is written to
// storage and sent to workers, so that no secret is in it.
func (e *Env) jobConfig() map[string]string {
	return e.configured(func(key, text string) bool { return config.OfJob(key) && mask.Value(key, text) == text })
}

// stageConfig is what was set of the keys that a process needs which runs
// stages of a job: also how much memory it may use, and how it reaches storage.
func (e *Env) stageConfig() map[string]string {
	return e.configured(func(key, _ string) bool {
		return config.OfJob(key) || ofStart(key) || objstore.IsProperty(key)
	})
}

// configured is what was set of the keys that are wanted.
func (e *Env) configured(wanted func(key, text string) bool) map[string]string {
	e.mu.Lock()
	all := e.session.Config().All()
	e.mu.Unlock()
	maps.DeleteFunc(all, func(key, text string) bool { return !wanted(key, text) })
	return all
}

// configuredFor is the configuration of this process for a job: its own keys, and
// those of the job.
func (e *Env) configuredFor(job map[string]string) map[string]string {
	all := e.configured(func(key, _ string) bool { return !config.OfJob(key) })
	maps.Copy(all, job)
	return all
}

// checked is a configuration of which every value is good.
func checked(set map[string]string) (v config.Values, err error) {
	for _, k := range slices.Sorted(maps.Keys(set)) {
		if err := v.Set(k, set[k]); err != nil {
			return v, err
		}
	}
	return v, nil
}

// storeProperties are the keys with which stores are reached when nothing else
// says how.
func storeProperties(v config.Values) map[string]string {
	all := v.All()
	for k := range all {
		all[k] = v.Get(k)
	}
	return objstore.Properties(all)
}

// tellSet logs what has come of a key that a statement sets, if that is nothing.
func (e *Env) tellSet(key string) {
	keys, err := config.Resolve(key)
	if err != nil || keys[0].Fate == config.Unread {
		tellUnread(e.log, []string{key})
		return
	}
	name := keys[0].Name
	if !config.OfJob(name) && !ofStart(name) {
		e.log.Warn("this belongs to the process and changes nothing now: set it in config.yaml, the environment or with -D", slog.String("key", name))
	}
}

// ofStart reports whether a key of the process is read when a job starts.
func ofStart(name string) bool {
	return strings.HasPrefix(name, "taskmanager.memory.") || name == keyTmpDirs || name == keyTmpSize || name == keyCheckpointsShown || name == keyFailuresShown
}

// tellUnread logs which of the keys that were set have no meaning, a line for each
// reason.
func tellUnread(log *slog.Logger, keys []string) {
	slices.Sort(keys)
	reasons, by := config.Reason(keys)
	for _, r := range reasons {
		log.Warn("this has no meaning here", slog.String("keys", strings.Join(by[r], ", ")), slog.String("because", r))
	}
}
