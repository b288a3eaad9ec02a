package wadi

import (
	"errors"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi/job"
)

func TestMemoryPlan(t *testing.T) {
	for _, c := range []struct {
		name   string
		config map[string]string
		state  int64 // bytes of state in memory; 0 is no limit
		eager  bool
		err    string
	}{
		{name: "nothing is said"},
		{name: "a size", config: map[string]string{keyProcessSize: "1000m"}, state: 400 << 20},
		{name: "a fraction", config: map[string]string{keyProcessSize: "1000m", keyManagedFraction: "0.5"}, state: 500 << 20},
		{name: "managed", config: map[string]string{keyProcessSize: "1g", keyManagedSize: "100m"}, state: 100 << 20},
		{name: "a backend", config: map[string]string{keyBackend: "rocksdb"}, state: defaultManaged, eager: true},
		{name: "its other name", config: map[string]string{keyBackend: "pebble", keyManagedSize: "64m"}, state: 64 << 20, eager: true},
		{name: "memory", config: map[string]string{keyBackend: "memory"}},
		{name: "no backend", config: map[string]string{keyBackend: "bdb"}, err: "must be 'hashmap', 'memory', 'rocksdb' or 'pebble', not 'bdb'"},
		{name: "too small", config: map[string]string{keyProcessSize: "10m"}, err: "want at least 128m"},
		{name: "no size", config: map[string]string{keyProcessSize: "much"}, err: "'taskmanager.memory.process.size' must be a size"},
		{name: "more than there is", config: map[string]string{keyProcessSize: "1g", keyManagedSize: "1g"}, err: "more than four fifths"},
		{name: "no fraction", config: map[string]string{keyManagedFraction: "2"}, err: "at most 0.8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var p memoryPlan
			e, err := Local(Options{Config: c.config})
			if err == nil {
				p, err = e.memoryPlan()
			}
			if c.err != "" {
				if !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), c.err) {
					t.Errorf("error %v, want one with %q", err, c.err)
				}
				return
			}
			if err != nil || p.paging.Resident != c.state || p.paging.Eager != c.eager {
				t.Errorf("%d bytes, eager %v, error %v; want %d, %v", p.paging.Resident, p.paging.Eager, err, c.state, c.eager)
			}
		})
	}
}
