package logs

import (
	"fmt"
	"io/fs"
	"runtime/pprof"
	"strings"

	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
)

// Answer answers a question about this process. A nil Log knows no lines.
func (l *Log) Answer(a rpc.Ask) rpc.Answer {
	reply := rpc.Answer{ID: a.ID}
	var err error
	switch {
	case a.Stacks:
		reply.Data, err = stacks()
	case l == nil:
		if a.Read != nil {
			err = fs.ErrNotExist
		}
	case a.Files:
		reply.Files = l.files()
	case a.Read != nil:
		reply.Data, err = l.read(*a.Read)
	case a.Lines != nil:
		reply.Lines, err = l.lines(*a.Lines)
	case a.Levels:
		if a.Set != nil {
			err = l.set(*a.Set)
		}
		reply.Levels = make(map[string]string)
		for component, level := range l.Levels() {
			reply.Levels[component] = level.String()
		}
	}
	if err != nil {
		reply.Error = err.Error()
	}
	return reply
}

func (l *Log) files() []rpc.LogFile {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		return l.file.files()
	}
	return []rpc.LogFile{{Name: l.o.Name + ".log", Size: int64(len(l.ring.text())), Modified: l.ring.modified}}
}

func (l *Log) read(r rpc.LogRead) ([]byte, error) {
	if r.Limit <= 0 || r.Limit > rpc.MaxLogRead {
		r.Limit = rpc.MaxLogRead
	}
	if r.Offset < 0 {
		return nil, fmt.Errorf("%w: offset %d", job.ErrInvalid, r.Offset)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		return l.file.read(r)
	}
	if r.File != l.o.Name+".log" {
		return nil, fs.ErrNotExist
	}
	text := l.ring.text()
	from := min(r.Offset, int64(len(text)))
	return text[from:min(from+r.Limit, int64(len(text)))], nil
}

// mostLines is how many lines an answer holds.
const mostLines = 10_000

func (l *Log) lines(q rpc.LogQuery) ([]rpc.LogLine, error) {
	if q.Limit <= 0 || q.Limit > mostLines {
		q.Limit = mostLines
	}
	least, err := ParseLevel("DEBUG")
	if q.Level != "" {
		least, err = ParseLevel(q.Level)
	}
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ring.query(q, least), nil
}

func (l *Log) set(s rpc.LogLevel) error {
	if s.Level == "" {
		l.ResetLevel(s.Component)
		return nil
	}
	level, err := ParseLevel(s.Level)
	if err == nil {
		l.SetLevel(s.Component, level)
	}
	return err
}

// maxStacks is how many bytes of stacks are told.
const maxStacks = 8 << 20

// stacks is what every goroutine does.
func stacks() ([]byte, error) {
	var text strings.Builder
	if err := pprof.Lookup("goroutine").WriteTo(&text, 2); err != nil {
		return nil, err
	}
	all := text.String()
	return []byte(all[:min(len(all), maxStacks)]), nil
}
