package kafka_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wadi-engine/wadi/connect/kafka"
)

// reach asks the brokers something.
func reach(t *testing.T, props map[string]string) error {
	t.Helper()
	c, err := kafka.OpenTransactions(props)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Lingering(t.Context(), "x")
	return err
}

// authority signs certificates, and writes them in PEM.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir()}
	a.cert, a.key = a.issue(t, "ca", nil)
	return a
}

// issue writes <name>.pem, with a certificate and its key.
func (a *authority) issue(t *testing.T, name string, ips []net.IP) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: ips,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		IsCA: a.cert == nil, BasicConstraintsValid: true,
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = tmpl, key
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
	if err := os.WriteFile(a.path(name), text, 0o600); err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func (a *authority) path(name string) string { return filepath.Join(a.dir, name+".pem") }

// TestTLS: brokers are trusted by their certificates, and want one of the client.
func TestTLS(t *testing.T) {
	a := newAuthority(t)
	a.issue(t, "broker", []net.IP{net.IPv4(127, 0, 0, 1)})
	a.issue(t, "client", nil)
	other := newAuthority(t)
	other.issue(t, "client", nil)
	pair, err := tls.LoadX509KeyPair(a.path("broker"), a.path("broker"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	_, address := brokers(t, kfake.TLS(&tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}))
	client, err := os.ReadFile(a.path("client"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		props map[string]string
		good  bool
	}{
		{map[string]string{"ssl.truststore.location": a.path("ca"), "ssl.keystore.location": a.path("client")}, true},
		{map[string]string{"ssl.truststore.location": a.path("ca"), "ssl.keystore.certificate.chain": string(client), "ssl.keystore.key": string(client), "ssl.keystore.type": "PEM"}, true},
		{map[string]string{"ssl.truststore.location": a.path("ca")}, false},                                                // no certificate
		{map[string]string{"ssl.truststore.location": a.path("ca"), "ssl.keystore.location": other.path("client")}, false}, // one that is not trusted
		{map[string]string{"ssl.truststore.location": other.path("ca"), "ssl.keystore.location": a.path("client")}, false}, // the broker is not trusted
		{map[string]string{"ssl.keystore.location": a.path("client")}, false},                                              // nor by the system
		{map[string]string{"security.protocol": "PLAINTEXT"}, false},
	} {
		props := map[string]string{"bootstrap.servers": address, "security.protocol": "SSL", "request.timeout.ms": "500", "retries": "0"}
		maps.Copy(props, c.props)
		if c.good {
			if err := reach(t, props); err != nil {
				t.Errorf("%v: %v", c.props, err)
			}
			continue
		}
		if testing.Short() {
			continue // it is tried for long
		}
		if err := reach(t, props); err == nil {
			t.Errorf("%v: the broker lets it in", c.props)
		}
	}
}

// TestOAuth: a token is asked for with the client's id and secret, and shown to brokers
// until it expires.
func TestOAuth(t *testing.T) {
	var asked atomic.Int32
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		user, password, _ := r.BasicAuth()
		if user == "" {
			user, password = r.FormValue("client_id"), r.FormValue("client_secret")
		}
		if user != "me" || password != "secret" || r.FormValue("scope") != "kafka all" || r.FormValue("grant_type") != "client_credentials" {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"access_token":"the-token","token_type":"Bearer","expires_in":3600}`)
	}))
	defer tokens.Close()
	cluster, address := brokers(t)
	var shown atomic.Value
	cluster.ControlKey(int16(kmsg.SASLHandshake), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		resp := r.ResponseKind().(*kmsg.SASLHandshakeResponse)
		resp.SupportedMechanisms = []string{r.(*kmsg.SASLHandshakeRequest).Mechanism}
		return resp, nil, true
	})
	cluster.ControlKey(int16(kmsg.SASLAuthenticate), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		shown.Store(string(r.(*kmsg.SASLAuthenticateRequest).SASLAuthBytes))
		return r.ResponseKind(), nil, true
	})
	base := map[string]string{
		"bootstrap.servers": address, "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "OAUTHBEARER", "sasl.oauthbearer.token.endpoint.url": tokens.URL + "/token",
	}
	for _, more := range []map[string]string{
		{"sasl.oauthbearer.client.credentials.client.id": "me", "sasl.oauthbearer.client.credentials.client.secret": "secret", "sasl.oauthbearer.scope": "kafka all"},
		{"sasl.jaas.config": `org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required clientId="me" clientSecret="secret" scope="kafka all" extension_cluster="c1";`},
	} {
		props := maps.Clone(base)
		maps.Copy(props, more)
		before := asked.Load()
		if err := reach(t, props); err != nil {
			t.Fatal(err)
		}
		text, _ := shown.Load().(string)
		if !strings.Contains(text, "auth=Bearer the-token") || strings.Contains(more["sasl.jaas.config"], "extension") && !strings.Contains(text, "cluster=c1") {
			t.Errorf("%q was shown", text)
		}
		if n := asked.Load() - before; n != 1 {
			t.Errorf("%d tokens for all connections", n)
		}
	}
	for _, c := range []struct{ key, want string }{
		{"sasl.oauthbearer.token.endpoint.url", "want the address of a token endpoint"},
		{"sasl.oauthbearer.client.credentials.client.id", "OAUTHBEARER needs"},
	} {
		props := maps.Clone(base)
		props[c.key] = ""
		if err := reach(t, props); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}
