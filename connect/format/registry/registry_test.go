package registry_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/wadi-engine/wadi/connect/format/registry"
)

// TestAway: a registry that does not answer is asked again for a while, and then named.
func TestAway(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	r, err := registry.New("f", map[string]string{"f.url": strings.Replace(gone.URL, "http://", "http://user:secret@", 1)})
	if err != nil {
		t.Fatal(err)
	}
	r.SetPatience(50 * time.Millisecond)
	_, _, err = r.Schema(t.Context(), 7)
	if err == nil || !strings.Contains(err.Error(), "schema 7: the schema registry at http://user:xxxxx@") || !strings.Contains(err.Error(), "does not answer") {
		t.Error(err)
	}
}

// TestWho: names, passwords and tokens are sent, and one that is refused is told at once.
func TestWho(t *testing.T) {
	for _, c := range []struct {
		auth, key, value, want string
	}{
		{"Basic dTpw", "f.basic-auth.user-info", "u:p", ""},
		{"Bearer tok", "f.bearer-auth.token", "tok", ""},
		{"Basic dTpw", "f.basic-auth.user-info", "u:x", "the schema registry refuses"},
	} {
		fake := srfake.New(srfake.WithAuth(c.auth))
		fake.SeedSchema("s", 1, 1, sr.Schema{Schema: `"string"`})
		r, err := registry.New("f", map[string]string{"f.url": fake.URL(), c.key: c.value})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = r.Schema(t.Context(), 1)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s = %s: %v, want %q", c.key, c.value, err, c.want)
		}
		fake.Close()
	}
}

func TestOptions(t *testing.T) {
	for _, c := range []struct{ key, value, want string }{
		{"f.url", "", "option 'f.url' is missing"},
		{"f.url", "localhost:8081", "begins with http:// or https://"},
		{"f.basic-auth.user-info", "name", "want name:password"},
		{"f.basic-auth.credentials-source", "SASL_INHERIT", "want USER_INFO or URL"},
		{"f.ssl.truststore.location", "/no/such", "no such file"},
	} {
		_, err := registry.New("f", map[string]string{"f.url": "http://localhost", c.key: c.value})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s = %s: %v, want %s", c.key, c.value, err, c.want)
		}
	}
}
