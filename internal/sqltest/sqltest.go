// Package sqltest is for tests of everything that is reached through SQL: it runs
// scripts, compares rows, and waits for what jobs come to.
package sqltest

import (
	"testing"

	"github.com/wadi-engine/wadi"
)

// Env is an environment with this configuration. It ends with the test.
func Env(t *testing.T, config map[string]string) *wadi.Env {
	t.Helper()
	env, err := wadi.Local(wadi.Options{Config: config})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = env.Close() })
	return env
}

// Lake is an environment in streaming mode with a catalog lake of Iceberg tables
// in dir.
func Lake(t *testing.T, dir string, config map[string]string) *wadi.Env {
	t.Helper()
	all := map[string]string{"execution.runtime-mode": "streaming", "pipeline.auto-watermark-interval": "0 ms"}
	for k, v := range config {
		all[k] = v
	}
	env := Env(t, all)
	Run(t, env, `CREATE CATALOG lake WITH ('type' = 'iceberg', 'catalog-type' = 'jdbc', 'uri' = 'jdbc:sqlite:`+dir+`/cat.db', 'warehouse' = '`+dir+`/lake')`)
	return env
}

// Run carries a script out to its end.
func Run(t *testing.T, env *wadi.Env, script string) {
	t.Helper()
	err := env.Execute(t.Context(), script, func(o wadi.Outcome) error {
		if o.Pipeline == nil {
			return nil
		}
		_, err := o.Pipeline.Run(t.Context())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Pipeline is the job of a script's last INSERT, not yet begun.
func Pipeline(t *testing.T, env *wadi.Env, script string) (p *wadi.Pipeline) {
	t.Helper()
	err := env.Execute(t.Context(), script, func(o wadi.Outcome) error {
		if o.Pipeline != nil {
			p = o.Pipeline
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}
