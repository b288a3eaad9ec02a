package golden_test

import (
	"testing"

	"github.com/wadi-engine/wadi/internal/golden"
)

func TestSQL(t *testing.T) { golden.Run(t, "../../testdata/sql") }
