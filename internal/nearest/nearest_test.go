package nearest_test

import (
	"testing"

	"github.com/wadi-engine/wadi/internal/nearest"
)

func TestHint(t *testing.T) {
	known := []string{"price", "prize", "scan.startup.mode", "UPPER"}
	for got, want := range map[string]string{
		"prise":             "; did you mean 'price'?", // the first of two
		"PRIZE":             "; did you mean 'prize'?",
		"uper":              "; did you mean 'UPPER'?",
		"scan.start.mode":   "; did you mean 'scan.startup.mode'?",
		"watermark":         "",
		"scan.bounded.stop": "",
		"":                  "",
	} {
		if hint := nearest.Hint(got, known, "'"); hint != want {
			t.Errorf("%q: %q, want %q", got, hint, want)
		}
	}
	if hint := nearest.Hint("price", nil, "'"); hint != "" {
		t.Errorf("nothing known: %q", hint)
	}
}
