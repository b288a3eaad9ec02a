package lint

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// foreign are words of how a text came about, which say nothing to its reader:
// places of one machine, numbers of a tracker, notes of work to be done.
var foreign = regexp.MustCompile(`(?i)(^|[\s"'(=])/(work|tmp/farm|root|home)/|\bissue #\d|\b(claude|chatgpt|copilot|anthropic|openai)\b|\b(TODO|FIXME|XXX)\b`)

// texts are the files that people read.
var texts = []string{".go", ".md", ".mod", ".s", ".sh", ".sql", ".yml", ".yaml", ".py"}

func TestWords(t *testing.T) {
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{".git", "bin", "testdata"}, d.Name()):
			return filepath.SkipDir
		case d.IsDir(), d.Name() == "words_test.go", !slices.Contains(texts, filepath.Ext(path)) && d.Name() != "Makefile":
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for n, line := range bytes.Split(text, []byte("\n")) {
			if w := foreign.Find(line); w != nil {
				t.Errorf("%s:%d: %q does not belong here", strings.TrimPrefix(path, root+"/"), n+1, strings.TrimSpace(string(w)))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
