package config_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi/internal/config"
	"github.com/wadi-engine/wadi/job"
)

// load reads a config.yaml of this text, with an environment and -D.
func load(t *testing.T, file string, env map[string]string, define ...string) (*config.Loaded, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{"WADI_CONF_DIR": dir}
	maps.Copy(all, env)
	return config.Load(config.Sources{Getenv: func(k string) string { return all[k] }, Define: define})
}

func TestLayers(t *testing.T) {
	t.Setenv("CONFIG_TEST", "of the environment")
	l, err := load(t, `
# nested, flat, and with older names
rest:
  port: 9000
  address: &host example.org
execution.checkpointing.num-retained: 3
execution:
  checkpointing:
    timeout: 5 min
state.checkpoints.num-retained: 2
taskmanager.host: *host
taskmanager: {numberOfTaskSlots: 4}
io.tmp.dirs: [/a, /b]
wadi.cluster.secret: ${env:CONFIG_TEST}
jobmanager.web.submit.enable: False
pipeline.name: "yes: no"
table.local-time-zone:
heartbeat.interval: 1 s
`, map[string]string{"WADI_PROPERTIES": "heartbeat.interval: 2 s\nrest.port: 9001\nstate.checkpoints.num-retained: 7", "FLINK_PROPERTIES": "rest.port: 1"}, "heartbeat.interval=3 s", " heartbeat.interval = 4 s ")
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]struct {
		value string
		layer config.Layer
		place string
	}{
		"rest.address":                         {"example.org", config.File, "config.yaml:5:3"},
		"rest.port":                            {"9001", config.Environment, "WADI_PROPERTIES:2:1"},
		"execution.checkpointing.num-retained": {"7", config.Environment, "WADI_PROPERTIES:3:1"}, // by its older name, over the newer one below
		"execution.checkpointing.timeout":      {"5 min", config.File, "config.yaml:9:5"},
		"taskmanager.host":                     {"example.org", config.File, "config.yaml:11:1"},
		"taskmanager.numberOfTaskSlots":        {"4", config.File, "config.yaml:12:15"},
		"io.tmp.dirs":                          {"/a;/b", config.File, "config.yaml:13:1"},
		"wadi.cluster.secret":                  {"of the environment", config.File, "config.yaml:14:1"},
		"web.submit.enable":                    {"false", config.File, "config.yaml:15:1"},
		"pipeline.name":                        {"yes: no", config.File, "config.yaml:16:1"},
		"heartbeat.interval":                   {"4 s", config.CommandLine, "-D"},
		"parallelism.default":                  {"1", config.BuiltIn, ""},
	} {
		o := l.Origin(key)
		if got := l.Get(key); got != want.value || o.Layer != want.layer || !strings.HasSuffix(o.Place, want.place) {
			t.Errorf("%s is %q from %v at %s, want %+v", key, got, o.Layer, o.Place, want)
		}
	}
	l, err = load(t, "execution.checkpointing.num-retained: 3\nstate.checkpoints.num-retained: 2", nil)
	if err != nil || l.Get("execution.checkpointing.num-retained") != "3" {
		t.Errorf("in one layer the newest name wins: %v, %v", l, err)
	}
}

func TestWrongLines(t *testing.T) {
	for _, c := range []struct{ file, want string }{
		{"a: b: c", "config.yaml:1:5: invalid request: mapping values are not allowed in this context"},
		{"rest:\n  prot: 1", "config.yaml:2:3: invalid request: no configuration key 'rest.prot'; did you mean 'rest.port'?"},
		{"rest.port: 1\nrest:\n  port: 2", "config.yaml:3:3: invalid request: 'rest.port' has a value already, at "},
		{"parallelism.default: many", "config.yaml:1:1: invalid request: 'parallelism.default' must be a number from 1 to 32768, not 'many'"},
		{"- a", "config.yaml:1:1: invalid request: want lines of key: value"},
		{"rest.port: 1\n---\nrest.port: 2", "invalid request: want one document"},
		{"[a]: b", "invalid request: want the name of a key"},
		{"rest.port: 'x", "config.yaml:1:14: invalid request: found unexpected end of stream"},
		{"wadi.cluster.secret: ${file:/none/such}", "config.yaml:1:1: 'wadi.cluster.secret': invalid request: ${file:/none/such}"},
		{"a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d]", "want at most 10000 values"},
	} {
		if _, err := load(t, c.file, nil); err == nil || !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.file, err, c.want)
		}
	}
	if _, err := load(t, "", nil, "rest.port"); err == nil || !strings.Contains(err.Error(), "-D rest.port: want key=value") {
		t.Error(err)
	}
	if _, err := load(t, "", nil, "rest.prot=1"); err == nil || !strings.HasPrefix(err.Error(), "-D: ") {
		t.Error(err)
	}
	if _, err := load(t, "", map[string]string{"WADI_PROPERTIES": "x"}); err == nil || !strings.HasPrefix(err.Error(), "WADI_PROPERTIES:1:1: ") {
		t.Error(err)
	}
}

func TestConfigDirectory(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte("rest.port: 7"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		s     config.Sources
		env   map[string]string
		port  string
		notes int
		fails bool
	}{
		"none":                  {port: "8081"},
		"flag":                  {s: config.Sources{Dir: dir}, env: map[string]string{"WADI_CONF_DIR": "/none"}, port: "7"},
		"ours":                  {env: map[string]string{"WADI_CONF_DIR": dir, "FLINK_CONF_DIR": "/none"}, port: "7"},
		"Flink's":               {env: map[string]string{"FLINK_CONF_DIR": dir}, port: "7", notes: 1},
		"Flink's of old":        {env: map[string]string{"FLINK_CONF_DIR": t.TempDir()}, port: "8081"},
		"Flink's properties":    {env: map[string]string{"FLINK_PROPERTIES": "rest.port: 8"}, port: "8", notes: 1},
		"a flag without a file": {s: config.Sources{Dir: t.TempDir()}, fails: true},
		"ours without a file":   {env: map[string]string{"WADI_CONF_DIR": t.TempDir()}, fails: true},
	} {
		c.s.Getenv = func(k string) string { return c.env[k] }
		l, err := config.Load(c.s)
		switch {
		case c.fails:
			if !errors.Is(err, job.ErrInvalid) {
				t.Errorf("%s: %v, want a refusal", name, err)
			}
		case err != nil || l.Get("rest.port") != c.port || len(l.Notes) != c.notes:
			t.Errorf("%s: %+v, %v", name, l, err)
		}
	}
}
