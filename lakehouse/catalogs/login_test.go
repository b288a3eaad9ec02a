package catalogs_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/catalogs"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
)

// guarded is a catalog that lets in who has its newest token.
type guarded struct {
	mu      sync.Mutex
	tokens  int    // so many were given
	revoked bool   // the newest is not good any more
	posting bool   // it is revoked by the next request with a body
	refusal int    // how it says so
	login   int    // how logging in fails, or 0
	form    string // what the last login has said
}

func (g *guarded) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if g.posting && r.Method == http.MethodPost && r.URL.Path == "/v1/namespaces" {
		g.posting, g.revoked = false, true
	}
	switch {
	case r.URL.Path == "/v1/oauth/tokens" && g.login != 0:
		w.WriteHeader(g.login)
		fmt.Fprint(w, `{"error":"invalid_client"}`)
	case r.URL.Path == "/v1/oauth/tokens":
		_ = r.ParseForm()
		g.form = r.Form.Encode()
		g.tokens++
		g.revoked = false
		fmt.Fprintf(w, `{"access_token":"t%d","token_type":"bearer","expires_in":3600}`, g.tokens)
	case r.Header.Get("Authorization") != fmt.Sprintf("Bearer t%d", g.tokens) || g.revoked:
		w.WriteHeader(g.refusal)
		fmt.Fprintf(w, `{"error":{"message":"the token is not good","type":"NotAuthorizedException","code":%d}}`, g.refusal)
	case r.URL.Path == "/v1/config":
		fmt.Fprint(w, `{"defaults":{},"overrides":{}}`)
	case strings.HasSuffix(r.URL.Path, "/new"):
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"error":{"message":"none","type":"NoSuchNamespaceException","code":404}}`)
	case r.Method == http.MethodPost && r.ContentLength > 0:
		fmt.Fprint(w, `{"namespace":["new"],"properties":{}}`)
	default:
		fmt.Fprint(w, `{"namespaces":[["db"]]}`)
	}
}

func (g *guarded) set(change func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	change()
}

func open(t *testing.T, url string, more ...string) *catalog.Catalog {
	t.Helper()
	options := map[string]string{"catalog-type": "rest", "uri": url, "warehouse": "file://" + t.TempDir()}
	for i := 0; i < len(more); i += 2 {
		options[more[i]] = more[i+1]
	}
	c, err := catalog.Open(t.Context(), "lake", options, catalog.Env{Stores: objstore.New(objstore.Options{}), Catalogs: catalogs.Openers()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// TestTokenExpires: a token that is refused before its time is replaced, also under
// a request with a body; a server of tokens that does not answer is asked again by
// whoever waits for the catalog, and one that refuses ends that.
func TestTokenExpires(t *testing.T) {
	for _, refusal := range []int{http.StatusUnauthorized, 419} {
		g := &guarded{refusal: refusal}
		server := httptest.NewServer(g)
		defer server.Close()
		c := open(t, server.URL, "credential", "me:secret", "scope", "lake", "audience", "them")
		if want := "audience=them&client_id=me&client_secret=secret&grant_type=client_credentials&scope=lake"; g.form != want {
			t.Errorf("login with %s, want %s", g.form, want)
		}
		before := g.tokens
		ask := func() error {
			_, err := c.Databases(t.Context())
			return err
		}
		if err := ask(); err != nil || g.tokens != before {
			t.Fatalf("%v, %d logins", err, g.tokens-before)
		}
		g.set(func() { g.revoked = true })
		if err := ask(); err != nil || g.tokens != before+1 {
			t.Errorf("%d: %v, %d logins", refusal, err, g.tokens-before)
		}
		g.set(func() { g.posting = true })
		if err := c.CreateDatabase(t.Context(), "new", nil); err != nil || g.tokens != before+2 {
			t.Errorf("%d, with a body: %v, %d logins", refusal, err, g.tokens-before)
		}
		g.set(func() { g.revoked, g.login = true, http.StatusServiceUnavailable })
		if err := ask(); !errors.Is(err, job.ErrUnavailable) || errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), "get a token from "+server.URL) {
			t.Errorf("%d, without a server of tokens: %v", refusal, err)
		}
		g.set(func() { g.login = http.StatusBadRequest })
		if err := ask(); !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), "invalid_client") {
			t.Errorf("%d, locked out: %v", refusal, err)
		}
		g.set(func() { g.login = 0 })
		if err := ask(); err != nil {
			t.Errorf("%d, let in again: %v", refusal, err)
		}
	}
}

// TestTokenGiven: a token that the user gave is not replaced, and its end is one.
func TestTokenGiven(t *testing.T) {
	for _, refusal := range []int{http.StatusUnauthorized, 419} {
		g := &guarded{refusal: refusal, tokens: 1}
		server := httptest.NewServer(g)
		defer server.Close()
		c := open(t, server.URL, "token", "t1")
		if _, err := c.Databases(t.Context()); err != nil {
			t.Fatal(err)
		}
		g.set(func() { g.revoked = true })
		if _, err := c.Databases(t.Context()); !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), "the token is not good") {
			t.Errorf("%d: %v", refusal, err)
		}
	}
}
