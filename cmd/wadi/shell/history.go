package shell

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/reeflective/readline"
)

// history is readline's file of statements, but for those that hold secrets.
type history struct{ statements }

// statements is readline's source of history, whose type it does not export.
type statements interface {
	Write(line string) (int, error)
	GetLine(pos int) (string, error)
	Len() int
	Dump() any
}

// openHistory opens a file of statements; it makes the file and its folder, for the user's eyes only.
func openHistory(path string) (*history, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the history: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make the history file: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("make the history file %s: %w", path, err)
	}
	h, err := readline.NewHistoryFromFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the history of %s: %w", path, err)
	}
	return &history{h}, nil
}

// secrets finds options whose values are nobody's business.
var secrets = regexp.MustCompile(`(?i)'[^']*(password|passwd|secret|token|credential|access[-._]?key|account[-._]?key|private[-._]?key|jaas|connection[-_]string|user-info)[^']*'\s*=`)

// Write keeps a statement, unless it sets a secret.
func (h *history) Write(line string) (int, error) {
	if secrets.MatchString(line) {
		return h.Len(), nil
	}
	return h.statements.Write(line)
}
