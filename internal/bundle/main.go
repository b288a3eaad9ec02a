// Command bundle writes files into a zip archive that is the same, to the byte,
// whenever and wherever it is made of the same files.
//
//	go run ./internal/bundle OUT.zip NAME=FILE…
package main

import (
	"archive/zip"
	"compress/flate"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: bundle OUT.zip NAME=FILE…")
		os.Exit(2)
	}
	if err := bundle(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "bundle:", err)
		os.Exit(1)
	}
}

func bundle(out string, files []string) (err error) {
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	z := zip.NewWriter(f)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
	for _, pair := range files {
		name, file, ok := strings.Cut(pair, "=")
		if !ok {
			return fmt.Errorf("%s: want NAME=FILE", pair)
		}
		if err := add(z, name, file); err != nil {
			return err
		}
	}
	return z.Close()
}

// add adds a program; its time is none.
func add(z *zip.Writer, name, file string) error {
	h := &zip.FileHeader{Name: name, Method: zip.Deflate}
	h.SetMode(0o755)
	w, err := z.CreateHeader(h)
	if err != nil {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}
