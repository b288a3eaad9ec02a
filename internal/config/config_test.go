package config_test

import (
	"bufio"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi/internal/config"
	"github.com/wadi-engine/wadi/internal/corpora"
	"github.com/wadi-engine/wadi/job"
)

func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range config.Keys() {
		if seen[k.Name] {
			t.Errorf("%s is there twice", k.Name)
		}
		seen[k.Name] = true
		if err := k.Check(k.Default); err != nil {
			t.Errorf("%s: its default: %v", k.Name, err)
		}
		if (k.Fate == config.Honoured) != (k.Text != "") || (k.Fate == config.Honoured) != (k.Reason == "") {
			t.Errorf("%s: want a text if it is honoured, otherwise a reason: %q, %q", k.Name, k.Text, k.Reason)
		}
		if k.Fate == config.Honoured && k.Type == config.Enum && len(k.Words) == 0 {
			t.Errorf("%s: want the words that it may be", k.Name)
		}
		for _, o := range k.Older {
			found, err := config.Resolve(o)
			if err != nil || len(found) == 0 {
				t.Errorf("%s, older than %s: %v", o, k.Name, err)
			}
		}
	}
}

func TestCheck(t *testing.T) {
	t.Setenv("CONFIG_TEST", "7 parsecs")
	for _, c := range []struct{ key, value, problem string }{
		{"parallelism.default", "4", ""},
		{"parallelism.default", "0", "'parallelism.default' must be a number from 1 to 32768, not '0'"},
		{"pipeline.max-parallelism", "-1", ""},
		{"pipeline.max-parallelism", "-2", "must be a number from 1 to 32768 or '-1'"},
		{"execution.runtime-mode", "BATCH", ""},
		{"execution.runtime-mode", "fast", "must be 'streaming' or 'batch', not 'fast'"},
		{"heartbeat.interval", "10 s", ""},
		{"heartbeat.interval", "soon", "must be a duration such as '200 ms', not 'soon'"},
		{"heartbeat.interval", "${env:CONFIG_TEST}", "must be a duration such as '200 ms', not '7 parsecs'"},
		{"heartbeat.interval", "${env:CONFIG_TEST_UNSET}", "'heartbeat.interval': invalid request: ${env:CONFIG_TEST_UNSET}: the environment has no variable"},
		{"taskmanager.memory.process.size", "1g", ""},
		{"taskmanager.memory.process.size", "lots", "must be a size such as '256 mb'"},
		{"web.submit.enable", "FALSE", ""},
		{"web.submit.enable", "yes", "must be true or false"},
		{"table.local-time-zone", "Mars/Base", "must be a time zone such as"},
		{"restart-strategy.fixed-delay.attempts", "infinite", ""},
		{"restart-strategy.fixed-delay.attempts", "often", "must be a number from 0 on or 'infinite'"},
		{"table.sql-dialect", "hive", "must be 'default', not 'hive'"},
		{"security.ssl.rest.keystore-type", "JKS", "must be 'PEM', not 'JKS': certificates are in PEM files"},
		{"state.backend.rocksdb.files.open", "whatever", ""}, // nobody reads it
		{"wadi.cluster.sekret", "x", "no configuration key 'wadi.cluster.sekret'; did you mean 'wadi.cluster.secret'?"},
		{"state.backend.local-recoveri", "true", "no configuration key"},
		{"temperature", "1", "an option of one model"},
		{"kubernetes.jobmanager.labels.app", "x", ""},
		{"pipeline.global-job-parameters.mine", "x", ""},
		{"metrics.reporter.prom.port", "9250", ""},
		{"metrics.reporter.", "9250", "no configuration key"},
		{"s3.endpoint", "http://localhost:9000", ""},
		{"", "", "no configuration key ''"},
	} {
		_, _, err := config.Check(c.key, c.value)
		switch {
		case c.problem == "" && err != nil:
			t.Errorf("%s = %s: %v", c.key, c.value, err)
		case c.problem != "" && (err == nil || !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), c.problem)):
			t.Errorf("%s = %s: %v, want %q", c.key, c.value, err, c.problem)
		}
	}
}

func TestValues(t *testing.T) {
	t.Setenv("CONFIG_TEST", "secret")
	var v config.Values
	for k, text := range map[string]string{"state.checkpoints.num-retained": "2", "wadi.cluster.secret": "${env:CONFIG_TEST}", "state.backend.local-recovery": "TRUE"} {
		if err := v.Set(k, text); err != nil {
			t.Error(err)
		}
	}
	for k, want := range map[string]string{
		"execution.checkpointing.num-retained": "2", "state.checkpoints.num-retained": "2", "wadi.cluster.secret": "secret",
		"execution.checkpointing.local-backup.enabled": "true", "execution.state-recovery.from-local": "true", "parallelism.default": "1",
	} {
		if got := v.Get(k); got != want {
			t.Errorf("%s is %q, want %q", k, got, want)
		}
	}
	all := v.All()
	if len(all) != 4 || all["wadi.cluster.secret"] != "${env:CONFIG_TEST}" {
		t.Errorf("what was set: %v", all)
	}
	if err := v.Reset("state.checkpoints.num-retained"); err != nil || v.Get("execution.checkpointing.num-retained") != "5" {
		t.Errorf("reset by an older name: %v, %v", v.All(), err)
	}
}

// TestEveryKeyOfFlink: no key of Flink's lists is unknown but those that are
// refused. The lists lie beside the corpora.
func TestEveryKeyOfFlink(t *testing.T) {
	f, err := os.Open(corpora.Path(t, "..", "reference", "flink-config-keys.md"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	row := regexp.MustCompile("^- `([^`]+)`")
	fates := map[config.Fate]int{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		m := row.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		keys, err := config.Resolve(m[1])
		switch {
		case err == nil:
			fates[keys[0].Fate]++
		case strings.Contains(err.Error(), "it is an option of"):
			fates[config.Refused]++
		default:
			t.Error(err)
		}
	}
	t.Logf("%d honoured, %d without meaning, %d refused", fates[config.Honoured], fates[config.Unread], fates[config.Refused])
}
