package aws

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/lambda"
)

// TestBilledOf: the line that AWS Lambda writes behind each invocation, with and
// without what is not always there.
func TestBilledOf(t *testing.T) {
	for text, want := range map[string]lambda.Billed{
		"START RequestId: 1 Version: $LATEST\nEND RequestId: 1\nREPORT RequestId: 1\tDuration: 12.34 ms\tBilled Duration: 113 ms\tMemory Size: 512 MB\tMax Memory Used: 61 MB\tInit Duration: 99.10 ms\t\n": {Duration: 113 * time.Millisecond, Memory: 512 << 20},
		"REPORT RequestId: 1\tDuration: 1.0 ms\tBilled Duration: 1 ms\tMemory Size: 128 MB\nREPORT RequestId: 2\tDuration: 2.0 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB":                              {Duration: 2 * time.Millisecond, Memory: 128 << 20},
		"level=INFO msg=\"Billed Duration: 5 ms Memory Size: 1 MB\"": {},
		"": {},
	} {
		if got := billedOf(base64.StdEncoding.EncodeToString([]byte(text))); got != want {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
	if got := billedOf("no base64!"); got != (lambda.Billed{}) {
		t.Error(got)
	}
}
