package reference

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi/job"
)

func TestText(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	if err := os.WriteFile(key, []byte("s3cret\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("REF_SET", "value}${env:REF_EMPTY}")
	t.Setenv("REF_EMPTY", "")
	for _, c := range []struct{ in, want, problem string }{
		{in: "plain $ { }", want: "plain $ { }"},
		{in: "a-${env:REF_SET}-b", want: "a-value}${env:REF_EMPTY}-b"}, // a value is not looked into
		{in: "${env:REF_EMPTY}", want: ""},
		{in: "${env:REF_EMPTY:-x:-y}", want: "x:-y"},
		{in: "${env:REF_UNSET:-}", want: ""},
		{in: "${env:REF_SET:-x}${env:REF_UNSET:-z}", want: "value}${env:REF_EMPTY}z"},
		{in: "${file:" + key + "}", want: "s3cret"},
		{in: "$${env:REF_SET}", want: "${env:REF_SET}"},
		{in: "${env:REF_UNSET}", problem: "no variable REF_UNSET"},
		{in: "${file:" + key + ".gone}", problem: "key.gone"},
		{in: "${file:" + dir + "}", problem: "at most"},
		{in: "${DIR}/x", want: "${DIR}/x"},
		{in: "${env:}", problem: "want ${env:NAME}"},
		{in: "${vault:x}", problem: "want ${env:NAME}"},
		{in: "${env:REF_SET", problem: "no closing brace"},
	} {
		got, err := Text(c.in)
		switch {
		case c.problem == "" && (err != nil || got != c.want):
			t.Errorf("%s: %q, %v; want %q", c.in, got, err, c.want)
		case c.problem != "" && (!errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), c.problem)):
			t.Errorf("%s: error %v, want one that says %q", c.in, err, c.problem)
		}
	}
}
