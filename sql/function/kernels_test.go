package function

import (
	"slices"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi/vector/expr"
)

// TestKernels holds the catalogue and the kernels together: every kernel that
// is a function of SQL is in the catalogue, and what has no kernel is known.
func TestKernels(t *testing.T) {
	kernels := expr.Functions()
	var ours []string
	for _, l := range scalarLines {
		ours = append(ours, l.fn)
	}
	var missing []string
	for _, fn := range ours {
		if !slices.Contains(kernels, fn) {
			missing = append(missing, fn)
		}
	}
	slices.Sort(missing)
	if got := strings.Join(slices.Compact(missing), " "); got != withoutKernel {
		t.Errorf("functions without a kernel: %s; known are: %s", got, withoutKernel)
	}
	for _, fn := range kernels {
		if !slices.Contains(ours, fn) && !strings.Contains(" "+bound+" ", " "+fn+" ") {
			t.Errorf("kernel %s is no function of the catalogue", fn)
		}
	}
}

const (
	// withoutKernel are refused with "not supported yet".
	withoutKernel = "hash_code"
	// bound are the kernels behind operators and special syntax.
	bound = "copies broken_constraint checked single key_bytes of_key_bytes add and array case cast div eq extract field ge gt in is_distinct_from is_false is_json is_not_distinct_from is_not_false " +
		"is_not_null is_not_true is_not_unknown is_null is_true is_unknown item json_array json_object le like lt map mod mul ne neg not nullif or proctime row " +
		"similar_to sub timestampadd timestampdiff trim try_cast try_variant_text variant_item variant_text now"
)
