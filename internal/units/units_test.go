package units_test

import (
	"errors"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/internal/units"
	"github.com/wadi-engine/wadi/job"
)

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "17": 17, "1b": 1, "64 kb": 64 << 10, "128MB": 128 << 20, "2 GiB": 2 << 30, "1t": 1 << 40, " 5 m ": 5 << 20,
	} {
		if got, err := units.ParseSize(text); err != nil || got != want {
			t.Errorf("ParseSize(%q) = %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "mb", "-1", "1 xb", "9999999t", "99999999999999999999", "1.5mb"} {
		if got, err := units.ParseSize(text); !errors.Is(err, job.ErrInvalid) {
			t.Errorf("ParseSize(%q) = %d, %v, want an error", text, got, err)
		}
	}
}

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "17": 17 * time.Millisecond, "10 s": 10 * time.Second, "1min": time.Minute, "1 min": time.Minute,
		"30 m": 30 * time.Minute, "2h": 2 * time.Hour, "1 d": 24 * time.Hour, "500ms": 500 * time.Millisecond, "3 us": 3 * time.Microsecond,
	} {
		if got, err := units.ParseDuration(text); err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "s", "-1 s", "1 fortnight", "999999999999 d"} {
		if got, err := units.ParseDuration(text); !errors.Is(err, job.ErrInvalid) {
			t.Errorf("ParseDuration(%q) = %v, %v, want an error", text, got, err)
		}
	}
}
