package kafka

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/wadi-engine/wadi/job"
)

// The properties of OAUTHBEARER, by the names that Kafka has for them.
const (
	tokenEndpoint = "sasl.oauthbearer.token.endpoint.url"
	clientID      = "sasl.oauthbearer.client.credentials.client.id"
	clientSecret  = "sasl.oauthbearer.client.credentials.client.secret"
	scope         = "sasl.oauthbearer.scope"
)

// oauthbearer shows a token that an endpoint gives for the client's id and secret, which
// stand in properties or in the login module's options.
func (p properties) oauthbearer(module map[string]string) (sasl.Mechanism, error) {
	c := clientcredentials.Config{
		ClientID: cmp.Or(p[clientID], module["clientId"]), ClientSecret: cmp.Or(p[clientSecret], module["clientSecret"]), TokenURL: p[tokenEndpoint],
		Scopes: strings.Fields(cmp.Or(p[scope], module["scope"])),
	}
	if u, err := url.Parse(c.TokenURL); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return nil, fmt.Errorf("%w: option '%s%s': want the address of a token endpoint that begins with https://", job.ErrInvalid, prefix, tokenEndpoint)
	}
	if c.ClientID == "" || c.ClientSecret == "" {
		return nil, fmt.Errorf(`%w: OAUTHBEARER needs '%s%s' and '…secret', or clientId="…" clientSecret="…" in '%ssasl.jaas.config'`, job.ErrInvalid, prefix, clientID, prefix)
	}
	extensions := map[string]string{}
	for k, v := range module {
		if name, ok := strings.CutPrefix(k, "extension_"); ok {
			extensions[name] = v
		}
	}
	const patience = 30 * time.Second
	// The source has a token until it expires, and outlives the calls of the client.
	tokens := c.TokenSource(context.WithValue(context.Background(), oauth2.HTTPClient, &http.Client{Timeout: patience}))
	return oauth.Oauth(func(context.Context) (oauth.Auth, error) {
		t, err := tokens.Token()
		if err != nil {
			return oauth.Auth{}, fmt.Errorf("a token of %s: %w", c.TokenURL, err)
		}
		return oauth.Auth{Token: t.AccessToken, Extensions: extensions}, nil
	}), nil
}
