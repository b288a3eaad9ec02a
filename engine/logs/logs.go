// Package logs is the log of a process: lines of text or JSON for standard error
// and for files that are rotated, the newest of them in memory, to be asked for
// from elsewhere, and levels that can be changed while it runs.
//
//	slog.Logger ─► handler: level of the component, secrets masked ─► Log ─┬► standard error
//	                                                                       ├► file, file.1, …
//	  rpc.Ask ─► Answer ◄───────────────────────────────────────── ring ◄──┘
package logs

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/wadi-engine/wadi/job"
)

// Options make a Log. The zero value, but for the clock, works: it keeps lines of
// text in memory alone.
type Options struct {
	// JSON says that a line is a JSON object.
	JSON bool
	// Level is the least that is logged.
	Level slog.Level
	// Output, if not nil, is where lines go, too.
	Output io.Writer
	// Dir, if not "", is the directory of the files (env.log.dir), which it makes.
	// Name begins the name of each: a number and .log follow.
	Dir, Name string
	// MaxSize is how large a file becomes before the next one is begun
	// (wadi.log.max-size), 0 means 100 MiB; MaxFiles how many are kept
	// (env.log.max), 0 means 10.
	MaxSize  int64
	MaxFiles int
	// Mask hides secrets in the value of a key; nil hides nothing.
	Mask func(key, value string) string
	Now  func() time.Time
}

// Log is the log of a process. Its methods may be called from several goroutines.
type Log struct {
	o      Options
	levels levels
	logger *slog.Logger

	mu   sync.Mutex
	line LogLine // what is about to be written, without its text
	ring ring
	file *file // nil: none
}

// New returns a Log, and makes its file.
func New(o Options) (*Log, error) {
	if o.Name == "" {
		o.Name = "wadi"
	}
	l := &Log{o: o}
	l.levels.init(o.Level)
	if o.Dir != "" {
		var err error
		if l.file, err = openFile(o); err != nil {
			return nil, fmt.Errorf("%w: the log files in %s (env.log.dir): %w", job.ErrInvalid, o.Dir, err)
		}
	}
	l.logger = slog.New(newHandler(l))
	return l, nil
}

// Logger writes to the log.
func (l *Log) Logger() *slog.Logger { return l.logger }

// Close gives the files up. What is logged afterwards goes elsewhere only.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	err := l.file.close()
	l.file = nil
	return err
}

// Write takes one line that the handler has made. It implements io.Writer for
// the handler alone, which holds the lock.
func (l *Log) Write(p []byte) (int, error) {
	line := l.line
	line.Text = strings.TrimSuffix(string(p), "\n")
	l.ring.add(line)
	if l.o.Output != nil {
		_, _ = l.o.Output.Write(p) // nobody is there to be told
	}
	if l.file != nil {
		l.file.write(p)
	}
	return len(p), nil
}

// ParseLevel reads a level by slog's name, or by one that Flink's users know.
func ParseLevel(text string) (slog.Level, error) {
	switch strings.ToUpper(strings.TrimSpace(text)) {
	case "TRACE", "ALL":
		return slog.LevelDebug, nil
	case "WARNING":
		return slog.LevelWarn, nil
	case "FATAL":
		return slog.LevelError, nil
	case "OFF":
		return slog.LevelError + 4, nil
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(strings.ToUpper(strings.TrimSpace(text)))); err != nil {
		return 0, fmt.Errorf("%w: log level %q: want DEBUG, INFO, WARN, ERROR or OFF", job.ErrInvalid, text)
	}
	return level, nil
}
