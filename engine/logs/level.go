package logs

import (
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
)

// levels are what is logged: of all, and of components that have levels of their
// own. Reading them takes no lock.
type levels struct {
	mu  sync.Mutex // of those who change them
	all atomic.Pointer[map[string]slog.Level]
}

func (l *levels) init(level slog.Level) { l.all.Store(&map[string]slog.Level{"": level}) }

// of is the level of a component.
func (l *levels) of(component string) slog.Level {
	all := *l.all.Load()
	if level, ok := all[component]; ok {
		return level
	}
	return all[""]
}

// Levels are the levels by component; "" is all others.
func (l *Log) Levels() map[string]slog.Level { return maps.Clone(*l.levels.all.Load()) }

// SetLevel changes what a component logs from now on; "" is all that have no
// level of their own.
func (l *Log) SetLevel(component string, level slog.Level) {
	l.change(func(all map[string]slog.Level) { all[component] = level })
}

// ResetLevel makes a component log what all others do; "" what the process began
// with.
func (l *Log) ResetLevel(component string) {
	l.change(func(all map[string]slog.Level) {
		delete(all, component)
		if component == "" {
			all[""] = l.o.Level
		}
	})
}

// maxLevels is how many components may have a level of their own.
const maxLevels = 256

func (l *Log) change(f func(map[string]slog.Level)) {
	l.levels.mu.Lock()
	defer l.levels.mu.Unlock()
	all := l.Levels()
	f(all)
	if len(all) <= maxLevels {
		l.levels.all.Store(&all)
	}
}
