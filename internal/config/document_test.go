package config_test

import (
	"flag"
	"os"
	"testing"

	"github.com/wadi-engine/wadi/internal/config"
)

var rewrite = flag.Bool("rewrite", false, "write docs/configuration.md")

// TestDocument: docs/configuration.md is what the table says; -rewrite writes it.
func TestDocument(t *testing.T) {
	const path = "../../docs/configuration.md"
	if *rewrite {
		if err := os.WriteFile(path, []byte(config.Document()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != config.Document() {
		t.Errorf("%s is not what the table says: make docs (%v)", path, err)
	}
}
