package client

import (
	"crypto/tls"
	"net/http"

	"github.com/wadi-engine/wadi/internal/certs"
)

// The keys of TLS; all are Flink's.
const (
	keyTLS     = "security.ssl.rest.enabled"
	keyTLSBoth = "security.ssl.rest.authentication-enabled"
	keyCert    = "security.ssl.rest.keystore"
	keyTrust   = "security.ssl.rest.truststore"
)

// Transport is how the API of a cluster is reached, and the scheme of its URLs, as
// its configuration says. It trusts the authorities of the truststore, or those
// of the system, and shows the certificate of the keystore when the cluster wants
// to see one.
func Transport(get func(key string) string) (t http.RoundTripper, scheme string, err error) {
	if get(keyTLS) != "true" {
		return http.DefaultTransport, "http", nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if path := get(keyTrust); path != "" {
		if config.RootCAs, err = certs.Authorities(keyTrust, path); err != nil {
			return nil, "", err
		}
	}
	if get(keyTLSBoth) == "true" {
		if config.Certificates, err = certs.Pair(keyCert, get(keyCert)); err != nil {
			return nil, "", err
		}
	}
	own, _ := http.DefaultTransport.(*http.Transport)
	if own == nil {
		own = &http.Transport{}
	}
	own = own.Clone()
	own.TLSClientConfig = config
	return own, "https", nil
}

// ServerTLS is what a server of the API shows and demands; nil without TLS.
func ServerTLS(get func(key string) string) (*tls.Config, error) {
	if get(keyTLS) != "true" {
		return nil, nil //nolint:nilnil // no TLS
	}
	own, err := certs.Pair(keyCert, get(keyCert))
	if err != nil {
		return nil, err
	}
	config := &tls.Config{Certificates: own, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	if get(keyTLSBoth) == "true" {
		config.ClientAuth = tls.RequireAndVerifyClientCert
		if config.ClientCAs, err = certs.Authorities(keyTrust, get(keyTrust)); err != nil {
			return nil, err
		}
	}
	return config, nil
}
