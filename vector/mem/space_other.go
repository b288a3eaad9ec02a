//go:build !linux

package mem

func hugePages([]byte) {}

func freeHuge() int { return 0 }

// moveSpace cannot move pages here.
func moveSpace([]byte, int) []byte { return nil }
