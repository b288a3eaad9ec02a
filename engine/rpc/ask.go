package rpc

import (
	"time"

	"github.com/wadi-engine/wadi/job"
)

// Ask is a question about a process: exactly one field is set besides ID.
type Ask struct {
	ID uint64 `json:"id"`
	// Files asks for the log files, Read for a part of one, Lines for the newest
	// lines.
	Files bool      `json:"files,omitempty"`
	Read  *LogRead  `json:"read,omitempty"`
	Lines *LogQuery `json:"lines,omitempty"`
	// Stacks asks what every goroutine does.
	Stacks bool `json:"stacks,omitempty"`
	// Levels asks what is logged; with Set, to change that before.
	Levels bool      `json:"levels,omitempty"`
	Set    *LogLevel `json:"set,omitempty"`
}

// Answer answers the Ask of the same ID.
type Answer struct {
	ID     uint64            `json:"id"`
	Files  []LogFile         `json:"files,omitempty"`
	Data   []byte            `json:"data,omitempty"`
	Lines  []LogLine         `json:"lines,omitempty"`
	Levels map[string]string `json:"levels,omitempty"`
	Error  string            `json:"error,omitempty"`
}

type (
	// LogRead asks for at most Limit bytes of a log file from Offset on. A Limit
	// above MaxLogRead is MaxLogRead.
	LogRead struct {
		File   string `json:"file"`
		Offset int64  `json:"offset"`
		Limit  int64  `json:"limit"`
	}
	// LogFile is a log file.
	LogFile struct {
		Name     string    `json:"name"`
		Size     int64     `json:"size"`
		Modified time.Time `json:"modified"`
	}
	// LogQuery asks for the newest Limit lines behind After: those about a Job,
	// unless it is "", and of no lower Level, unless it is "".
	LogQuery struct {
		After uint64 `json:"after"`
		Limit int    `json:"limit"`
		Job   job.ID `json:"job,omitempty"`
		Level string `json:"level,omitempty"`
	}
	// LogLine is a line, with its number in its process.
	LogLine struct {
		Number uint64    `json:"number"`
		Time   time.Time `json:"time"`
		Level  string    `json:"level"`
		Job    job.ID    `json:"job,omitempty"`
		Text   string    `json:"text"`
	}
	// LogLevel changes what a component logs; "" is all that have no level of
	// their own. A Level of "" takes that away again.
	LogLevel struct {
		Component string `json:"component"`
		Level     string `json:"level"`
	}
)

// MaxLogRead is how many bytes of a log file an answer holds, and how many bytes
// its lines may have together.
const MaxLogRead = 1 << 20
