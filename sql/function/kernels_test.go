package function

import (
	"slices"
	"testing"

	"github.com/wadi-engine/wadi/vector/expr"
)

// TestKernels lists the functions that no kernel computes: planning refuses
// them with "not supported yet".
func TestKernels(t *testing.T) {
	known := expr.Functions()
	var missing []string
	for _, l := range scalarLines {
		if !slices.Contains(known, l.fn) {
			missing = append(missing, l.fn)
		}
	}
	slices.Sort(missing)
	t.Logf("without a kernel: %q", slices.Compact(missing))
	t.Logf("known: %q", known)
}
