package bench_test

import (
	"context"
	"slices"
	"testing"

	"github.com/wadi-engine/wadi/bench"
)

// TestNexmarkCEP: the queries with MATCH_RECOGNIZE find matches, and are a group
// of their own.
func TestNexmarkCEP(t *testing.T) {
	var names []string
	err := bench.Nexmark(t.Context(), bench.NexmarkOptions{Queries: []string{"cep"}, Events: 50_000, Rate: 10_000}, func(_ context.Context, r bench.Result) error {
		if names = append(names, r.Query); r.RowsOut == 0 {
			t.Errorf("%s found nothing", r.Query)
		}
		return nil
	})
	if want := []string{"cep0", "cep1", "cep2", "cep3"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("%q %v, want %q", names, err, want)
	}
}
