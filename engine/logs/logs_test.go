package logs_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/engine/logs"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
)

func open(t *testing.T, o logs.Options) *logs.Log {
	t.Helper()
	o.Now = time.Now
	l, err := logs.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// texts are the lines that a query finds.
func texts(l *logs.Log, q rpc.LogQuery) string {
	var all []string
	for _, line := range l.Answer(rpc.Ask{Lines: &q}).Lines {
		_, text, _ := strings.Cut(line.Text, "msg=")
		all = append(all, fmt.Sprintf("%d %s", line.Number, text))
	}
	return strings.Join(all, "; ")
}

func TestLinesOfJobs(t *testing.T) {
	var out bytes.Buffer
	l := open(t, logs.Options{Output: &out, Level: slog.LevelInfo})
	log := l.Logger()
	a := log.With(slog.String(logs.Job, "a"))
	a.Info("one")
	log.Warn("two", slog.String(logs.Job, "b"))
	a.WithGroup("g").Error("three", slog.String("x", "y"))
	a.Debug("never")
	log.With(slog.String("z", "z")).Info("four")
	for _, c := range []struct {
		q    rpc.LogQuery
		want string
	}{
		{rpc.LogQuery{}, `1 one job=a; 2 two job=b; 3 three job=a g.x=y; 4 four z=z`},
		{rpc.LogQuery{Job: "a"}, `1 one job=a; 3 three job=a g.x=y`},
		{rpc.LogQuery{Job: "b"}, `2 two job=b`},
		{rpc.LogQuery{After: 2}, `3 three job=a g.x=y; 4 four z=z`},
		{rpc.LogQuery{Limit: 1}, `4 four z=z`},
		{rpc.LogQuery{Level: "warn"}, `2 two job=b; 3 three job=a g.x=y`},
	} {
		if got := texts(l, c.q); got != c.want {
			t.Errorf("%+v: %s, want %s", c.q, got, c.want)
		}
	}
	if got := strings.Count(out.String(), "\n"); got != 4 {
		t.Errorf("%d lines on the output", got)
	}
	if a := l.Answer(rpc.Ask{Lines: &rpc.LogQuery{Level: "loud"}}); a.Error == "" {
		t.Error("a level that is none")
	}
}

func TestLevels(t *testing.T) {
	l := open(t, logs.Options{Level: slog.LevelWarn})
	log := l.Logger()
	part := log.With(slog.String(logs.Component, "iceberg"))
	say := func() string {
		before := len(l.Answer(rpc.Ask{Lines: &rpc.LogQuery{}}).Lines)
		log.Info("all")
		part.Info("part")
		return fmt.Sprint(len(l.Answer(rpc.Ask{Lines: &rpc.LogQuery{}}).Lines) - before)
	}
	set := func(component, level string) string {
		return fmt.Sprint(l.Answer(rpc.Ask{Levels: true, Set: &rpc.LogLevel{Component: component, Level: level}}).Levels)
	}
	steps := []struct{ component, level, levels, lines string }{
		{"iceberg", "info", "map[:WARN iceberg:INFO]", "1"},
		{"", "debug", "map[:DEBUG iceberg:INFO]", "2"},
		{"iceberg", "error", "map[:DEBUG iceberg:ERROR]", "1"},
		{"iceberg", "", "map[:DEBUG]", "2"},
		{"", "", "map[:WARN]", "0"},
	}
	if say() != "0" {
		t.Error("lines below the level")
	}
	for _, s := range steps {
		if got := set(s.component, s.level); got != s.levels {
			t.Errorf("%+v: %s", s, got)
		}
		if got := say(); got != s.lines {
			t.Errorf("%+v: %s lines", s, got)
		}
	}
	if a := l.Answer(rpc.Ask{Levels: true, Set: &rpc.LogLevel{Level: "loud"}}); a.Error == "" {
		t.Error("a level that is none")
	}
}

func TestSecretsAreMasked(t *testing.T) {
	l := open(t, logs.Options{JSON: true, Mask: func(key, value string) string {
		if key == "password" {
			return "******"
		}
		return strings.ReplaceAll(value, "sesame", "******")
	}})
	l.Logger().With(slog.String("url", "http://u:sesame@h")).Info("x", slog.String("password", "p1"), slog.Any("error", errors.New("sesame is wrong")), slog.Group("g", slog.String("password", "p2")))
	got := l.Answer(rpc.Ask{Lines: &rpc.LogQuery{}}).Lines[0].Text
	for _, secret := range []string{"sesame", "p1", "p2"} {
		if strings.Contains(got, secret) {
			t.Errorf("%s is in %s", secret, got)
		}
	}
	if !strings.HasPrefix(got, "{") || !strings.Contains(got, "****** is wrong") {
		t.Error(got)
	}
}

func TestFilesAreRotated(t *testing.T) {
	dir := t.TempDir()
	l := open(t, logs.Options{Dir: filepath.Join(dir, "logs"), Name: "w", MaxSize: 300, MaxFiles: 3})
	other := open(t, logs.Options{Dir: filepath.Join(dir, "logs"), Name: "w"})
	other.Logger().Info("of another process")
	for i := range 100 {
		l.Logger().Info("line", slog.Int("n", i))
	}
	files := l.Answer(rpc.Ask{Files: true}).Files
	if len(files) != 3 || files[0].Name != "w-0.log" || files[2].Name != "w-0.log.2" {
		t.Fatalf("%+v", files)
	}
	all := ""
	for i := range files {
		f := files[2-i]
		if f.Size > 300 {
			t.Errorf("%s has %d bytes", f.Name, f.Size)
		}
		for at := int64(0); ; {
			part := l.Answer(rpc.Ask{Read: &rpc.LogRead{File: f.Name, Offset: at, Limit: 100}})
			if part.Error != "" {
				t.Fatal(part.Error)
			}
			if len(part.Data) == 0 {
				break
			}
			all, at = all+string(part.Data), at+int64(len(part.Data))
		}
	}
	if !strings.HasSuffix(all, "n=99\n") || !strings.Contains(all, "n=90\n") || strings.Contains(all, "n=1\n") {
		t.Error(all)
	}
	if got := other.Answer(rpc.Ask{Files: true}).Files; len(got) != 1 || got[0].Name != "w-1.log" {
		t.Errorf("of another process: %+v", got)
	}
	for _, name := range []string{"../secret", "w-1.log", "w-0.log.3", ""} {
		if a := l.Answer(rpc.Ask{Read: &rpc.LogRead{File: name}}); a.Error == "" {
			t.Errorf("%q can be read", name)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, logs.Options{Dir: filepath.Join(dir, "logs"), Name: "w", MaxFiles: 3})
	again.Logger().Info("again")
	data, err := os.ReadFile(filepath.Join(dir, "logs", "w-0.log"))
	if err != nil || !strings.Contains(string(data), "n=99") || !strings.Contains(string(data), "again") {
		t.Errorf("the next process does not go on with the file: %s %v", data, err)
	}
}

func TestMemoryIsLimited(t *testing.T) {
	l := open(t, logs.Options{Name: "w"})
	long := strings.Repeat("x", 100_000)
	for range 300 {
		l.Logger().Info("long", slog.String("text", long))
	}
	f := l.Answer(rpc.Ask{Files: true}).Files[0]
	if f.Name != "w.log" || f.Size > 3<<20 {
		t.Errorf("%+v", f)
	}
	if n := len(l.Answer(rpc.Ask{Read: &rpc.LogRead{File: "w.log", Limit: 1 << 40}}).Data); n != rpc.MaxLogRead {
		t.Errorf("an answer of %d bytes", n)
	}
	if lines := l.Answer(rpc.Ask{Lines: &rpc.LogQuery{}}).Lines; len(lines) < 50 || len(lines) > 70 || lines[len(lines)-1].Number != 300 {
		t.Errorf("%d lines", len(lines))
	}
}

func TestNoLog(t *testing.T) {
	var l *logs.Log
	if a := l.Answer(rpc.Ask{ID: 7, Stacks: true}); a.ID != 7 || !bytes.Contains(a.Data, []byte("goroutine ")) {
		t.Errorf("%s", a.Data)
	}
	if a := l.Answer(rpc.Ask{Read: &rpc.LogRead{File: "x"}}); a.Error == "" {
		t.Error("a file that is not there")
	}
}

func TestDirectoryIsNoDirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := logs.New(logs.Options{Dir: path}); !errors.Is(err, job.ErrInvalid) {
		t.Error(err)
	}
}
