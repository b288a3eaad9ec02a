package logs

import (
	"log/slog"
	"slices"
	"time"

	"github.com/wadi-engine/wadi/engine/rpc"
)

// LogLine is a line of the log.
type LogLine = rpc.LogLine

// ring keeps the newest lines, numbered from 1.
type ring struct {
	lines    []LogLine
	bytes    int
	last     uint64
	modified time.Time
}

const (
	// ringBytes is how many bytes of text a ring keeps, at about.
	ringBytes = 1 << 20
	// lineBytes is how much of a line it keeps.
	lineBytes = 16 << 10
)

func (r *ring) add(l LogLine) {
	if len(l.Text) > lineBytes {
		l.Text = l.Text[:lineBytes] + " …"
	}
	r.last++
	l.Number, r.modified = r.last, l.Time
	r.lines = append(r.lines, l)
	if r.bytes += len(l.Text); r.bytes <= 2*ringBytes {
		return
	}
	gone := 0
	for ; r.bytes > ringBytes; gone++ {
		r.bytes -= len(r.lines[gone].Text)
	}
	r.lines = slices.Clone(r.lines[gone:])
}

// text is all of it.
func (r *ring) text() []byte {
	text := make([]byte, 0, r.bytes+len(r.lines))
	for _, l := range r.lines {
		text = append(append(text, l.Text...), '\n')
	}
	return text
}

// query finds the newest lines that are asked for, the oldest first.
func (r *ring) query(q rpc.LogQuery, least slog.Level) []LogLine {
	var found []LogLine
	bytes := 0
	if q.After > r.last {
		q.After = 0 // it is of an earlier process
	}
	for _, l := range slices.Backward(r.lines) {
		if l.Number <= q.After || len(found) == q.Limit || bytes > rpc.MaxLogRead {
			break
		}
		if q.Job != "" && l.Job != q.Job {
			continue
		}
		var level slog.Level
		if err := level.UnmarshalText([]byte(l.Level)); err == nil && level < least {
			continue
		}
		bytes += len(l.Text)
		found = append(found, l)
	}
	slices.Reverse(found)
	return found
}
