package wadi_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator/rest"
)

// TestCatalogsOfClusterSurvive: a catalog that was created in one life of a cluster
// is there in the next, and its file shows no secret.
func TestCatalogsOfClusterSurvive(t *testing.T) {
	const password = "swordfish-7"
	dir, lake := t.TempDir(), filepath.ToSlash(t.TempDir())
	o := wadi.Options{Config: map[string]string{"wadi.cluster.secret": "one"}}
	first, _, end := available(t, dir, o, nil)
	run := func(s served, statement string) (int, string) {
		return s.ask(http.MethodPost, "/api/sql", fmt.Sprintf(`{"statement": %q}`, statement), "Content-Type", "application/json")
	}
	if code, text := run(first, "CREATE CATALOG lake WITH ('type' = 'iceberg', 'catalog-type' = 'hadoop', 'warehouse' = 'file://"+lake+"', 's3.secret-access-key' = '"+password+"')"); code != http.StatusOK {
		t.Fatal(text)
	}
	end()
	data, err := os.ReadFile(filepath.Join(dir, "default", "catalogs", "lake.yaml"))
	if err != nil || strings.Contains(string(data), password) || !strings.Contains(string(data), "sealed") {
		t.Errorf("%s, %v", data, err)
	}
	second, _, end := available(t, dir, o, nil)
	defer end()
	if code, text := run(second, "SHOW DATABASES IN lake"); code != http.StatusOK {
		t.Error(text)
	}
	for _, statement := range []string{"SHOW DATABASES IN lake", "CREATE CATALOG lake WITH ('type' = 'generic_in_memory')"} {
		for range 2 { // a script's catalogs are its own
			if _, err := second.client().Submit(t.Context(), rest.SQLRequest{Statement: statement, Detached: true}); err != nil {
				t.Errorf("%s: %v", statement, err)
			}
		}
	}
}
