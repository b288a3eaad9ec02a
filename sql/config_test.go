package sql_test

import (
	"errors"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/sql"
)

func TestZones(t *testing.T) {
	at := time.Date(2020, 1, 2, 12, 0, 0, 0, time.UTC)
	for name, hour := range map[string]int{"UTC": 12, "GMT-03:00": 9, "+08:00": 20, "Asia/Shanghai": 20, "default": 12} {
		var c sql.Config
		if err := c.Set(sql.KeyZone, name); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := at.In(c.Zone()).Hour(); got != hour {
			t.Errorf("noon UTC is %d o'clock in %s, want %d", got, name, hour)
		}
		if _, err := time.LoadLocation(c.Zone().String()); err != nil {
			t.Errorf("%s cannot be loaded by its name %s", name, c.Zone())
		}
	}
	for _, name := range []string{"Mars/Base", "GMT+05:30"} {
		var c sql.Config
		if err := c.Set(sql.KeyZone, name); !errors.Is(err, job.ErrInvalid) {
			t.Errorf("%s: %v, want a refusal", name, err)
		}
	}
}

func TestConfig(t *testing.T) {
	var c sql.Config
	if c.Parallelism() != 1 || c.Batch() || c.Get("execution.checkpointing.num-retained") != "5" {
		t.Error("defaults differ")
	}
	for k, v := range map[string]string{"parallelism.default": "4", "state.checkpoints.num-retained": "2", "execution.runtime-mode": "BATCH"} {
		if err := c.Set(k, v); err != nil {
			t.Error(err)
		}
	}
	if c.Parallelism() != 4 || !c.Batch() || c.Get("execution.checkpointing.num-retained") != "2" {
		t.Errorf("after SET: %v", c.All())
	}
	if err := c.Set("table.exec.resource.default-parallelism", "2"); err != nil || c.Parallelism() != 2 {
		t.Errorf("parallelism %d, %v; want the tables' own", c.Parallelism(), err)
	}
	if err := c.Reset("state.checkpoints.num-retained"); err != nil || c.Get("execution.checkpointing.num-retained") != "5" {
		t.Error("reset by an old name")
	}
}
