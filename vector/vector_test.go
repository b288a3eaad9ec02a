package vector_test

import (
	"fmt"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"pgregory.net/rapid"

	"github.com/wadi-engine/wadi/internal/arraytest"
)

// eachType runs a property for each type.
func eachType(t *testing.T, types []arrow.DataType, f func(t *rapid.T, alloc memory.Allocator, dt arrow.DataType)) {
	for _, dt := range types {
		t.Run(fmt.Sprint(dt), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				arraytest.Checked(t, func(alloc memory.Allocator) { f(t, alloc, dt) })
			})
		})
	}
}
