package wadi_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/coordinator/rest"
	"github.com/wadi-engine/wadi/coordinator/rest/client"
	"github.com/wadi-engine/wadi/internal/config"
)

// authority issues certificates for 127.0.0.1, into PEM files of a directory.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir()}
	a.issue(t, "ca")
	return a
}

// issue writes a certificate and its key, and gives the path.
func (a *authority) issue(t *testing.T, name string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: a.cert == nil, BasicConstraintsValid: true,
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert == nil {
		if a.cert, err = x509.ParseCertificate(der); err != nil {
			t.Fatal(err)
		}
		a.key = key
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})...)
	path := filepath.Join(a.dir, name+".pem")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestRESTByTLS: the API is served by TLS alone, and to those alone who have a
// certificate, if they are to show one.
func TestRESTByTLS(t *testing.T) {
	ours, others := newAuthority(t), newAuthority(t)
	server, of := ours.issue(t, "server"), ours.issue(t, "client")
	s := serve(t, map[string]string{
		"security.ssl.rest.enabled": "true", "security.ssl.rest.keystore": server, "security.ssl.rest.truststore": filepath.Join(ours.dir, "ca.pem"),
		"security.ssl.rest.authentication-enabled": "true",
	})
	_, at, _ := strings.Cut(s.url, "://")
	for name, c := range map[string]struct {
		scheme string
		config map[string]string
		good   bool
	}{
		"mutual":                 {"https", map[string]string{"truststore": filepath.Join(ours.dir, "ca.pem"), "keystore": of, "authentication-enabled": "true"}, true},
		"no certificate":         {"https", map[string]string{"truststore": filepath.Join(ours.dir, "ca.pem")}, false},
		"of another authority":   {"https", map[string]string{"truststore": filepath.Join(ours.dir, "ca.pem"), "keystore": others.issue(t, "x"), "authentication-enabled": "true"}, false},
		"trusts another":         {"https", map[string]string{"truststore": filepath.Join(others.dir, "ca.pem"), "keystore": of, "authentication-enabled": "true"}, false},
		"trusts whom all trust":  {"https", map[string]string{"keystore": of, "authentication-enabled": "true"}, false},
		"plain":                  {"http", map[string]string{"enabled": "false"}, false},
		"a keystore that is not": {"", map[string]string{"keystore": "/none", "authentication-enabled": "true"}, false},
	} {
		var set config.Values
		if c.config["enabled"] == "" {
			c.config["enabled"] = "true"
		}
		for k, v := range c.config {
			if err := set.Set("security.ssl.rest."+k, v); err != nil {
				t.Error(err)
			}
		}
		transport, scheme, err := client.Transport(set.Get)
		if scheme != c.scheme || (err != nil) != (c.scheme == "") {
			t.Errorf("%s: %q, %v", name, scheme, err)
		}
		if err != nil {
			continue
		}
		api := client.Client{Address: scheme + "://" + at, Transport: transport}
		var o rest.Overview
		if err := api.Do(t.Context(), http.MethodGet, "/overview", nil, &o); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}
