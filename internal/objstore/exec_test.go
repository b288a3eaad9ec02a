package objstore_test

import (
	"os"
	"os/exec"
	"testing"
)

// runSelf runs one test of this binary in a child process.
func runSelf(t *testing.T, test, env string) (string, error) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+test+"$", "-test.count=1")
	cmd.Env = append(os.Environ(), env)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
