// Package certs reads the certificates of TLS from PEM files that configuration
// names.
package certs

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"github.com/wadi-engine/wadi/job"
)

// Pair reads a file with a certificate and its key; key is the name of the option
// that gives its path.
func Pair(key, path string) ([]tls.Certificate, error) {
	cert, err := tls.LoadX509KeyPair(path, path)
	if err != nil {
		return nil, fmt.Errorf("%w: '%s' = '%s': %w", job.ErrInvalid, key, path, err)
	}
	return []tls.Certificate{cert}, nil
}

// Authorities reads a file with the certificates of those who are trusted.
func Authorities(key, path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: '%s': %w", job.ErrInvalid, key, err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%w: '%s' = '%s': there is no certificate in it", job.ErrInvalid, key, path)
	}
	return pool, nil
}
