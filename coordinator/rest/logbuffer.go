package rest

import (
	"bytes"
	"sync"
	"time"
)

var _ Logs = (*LogBuffer)(nil)

// LogBuffer keeps the newest lines that are written to it, as one log file.
type LogBuffer struct {
	// Name is that of the file.
	Name string
	// Now is the clock.
	Now func() time.Time

	mu       sync.Mutex
	lines    []byte
	modified time.Time
}

// logBytes is how much a LogBuffer keeps, at about.
const logBytes = 1 << 20

// Write adds whole lines.
func (b *LogBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, p...)
	b.modified = b.Now()
	if len(b.lines) > 2*logBytes {
		kept := b.lines[len(b.lines)-logBytes:]
		if i := bytes.IndexByte(kept, '\n'); i >= 0 {
			kept = kept[i+1:]
		}
		b.lines = bytes.Clone(kept)
	}
	return len(p), nil
}

// Files is the one file.
func (b *LogBuffer) Files() []LogFile {
	b.mu.Lock()
	defer b.mu.Unlock()
	return []LogFile{{Name: b.Name, Size: int64(len(b.lines)), Modified: b.modified}}
}

// Read is what it holds.
func (b *LogBuffer) Read(name string) ([]byte, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Clone(b.lines), name == b.Name
}
