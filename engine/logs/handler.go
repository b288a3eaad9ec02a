package logs

import (
	"context"
	"log/slog"

	"github.com/wadi-engine/wadi/job"
)

// The attributes that a log knows of. Loggers are passed on with them.
const (
	// Component is the part of the program that logs: it may have a level of its own.
	Component = "component"
	// Job is the id of the job that a line is about.
	Job = "job"
)

// handler is a slog.Handler whose lines go to a Log.
type handler struct {
	log       *Log
	inner     slog.Handler
	component string
	job       job.ID
	grouped   bool // attributes are inside a group
}

func newHandler(l *Log) *handler {
	o := &slog.HandlerOptions{Level: slog.Level(-1 << 10), ReplaceAttr: l.mask}
	if l.o.JSON {
		return &handler{log: l, inner: slog.NewJSONHandler(l, o)}
	}
	return &handler{log: l, inner: slog.NewTextHandler(l, o)}
}

// mask hides secrets.
func (l *Log) mask(_ []string, a slog.Attr) slog.Attr {
	if l.o.Mask == nil {
		return a
	}
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(l.o.Mask(a.Key, a.Value.String()))
	case slog.KindAny:
		if err, ok := a.Value.Any().(error); ok {
			a.Value = slog.StringValue(l.o.Mask(a.Key, err.Error()))
		}
	case slog.KindBool, slog.KindDuration, slog.KindFloat64, slog.KindInt64, slog.KindTime, slog.KindUint64, slog.KindGroup, slog.KindLogValuer:
	}
	return a
}

// Enabled implements slog.Handler.
func (h *handler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.log.levels.of(h.component)
}

// Handle implements slog.Handler.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	line := LogLine{Time: r.Time, Level: r.Level.String(), Job: h.job}
	if line.Job == "" {
		r.Attrs(func(a slog.Attr) bool {
			if a.Key == Job {
				line.Job = job.ID(a.Value.String())
			}
			return line.Job == ""
		})
	}
	h.log.mu.Lock()
	defer h.log.mu.Unlock()
	h.log.line = line
	return h.inner.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	c.inner = h.inner.WithAttrs(attrs)
	for _, a := range attrs {
		switch {
		case h.grouped:
		case a.Key == Component:
			c.component = a.Value.String()
		case a.Key == Job:
			c.job = job.ID(a.Value.String())
		}
	}
	return &c
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	c := *h
	c.inner, c.grouped = h.inner.WithGroup(name), true
	return &c
}
