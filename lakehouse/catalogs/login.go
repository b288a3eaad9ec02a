package catalogs

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/apache/iceberg-go/catalog/rest"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// loggingIn is how long the server that gives tokens may take.
const loggingIn = time.Minute

// statusExpired is a catalog's word for a token that was good for some time.
const statusExpired = 419

// login sends requests with a token that it gets by OAuth2 client credentials. It
// gets another one when that one expires, and when the catalog does not accept it
// any more although it should be good: the request is sent again then, once.
type login struct {
	base   http.RoundTripper
	config clientcredentials.Config

	mu    sync.Mutex
	token *oauth2.Token
}

// newLogin reads the options that say who the client is. The token comes from the
// catalog unless there is another server for that.
func newLogin(uri, credential, scope, audience, resource string, server *url.URL) *login {
	id, secret, ok := strings.Cut(credential, ":")
	if !ok {
		id, secret = "", credential
	}
	if scope == "" {
		scope = "catalog"
	}
	l := &login{config: clientcredentials.Config{
		ClientID: id, ClientSecret: secret, TokenURL: uri + "/v1/oauth/tokens", Scopes: []string{scope},
		EndpointParams: url.Values{}, AuthStyle: oauth2.AuthStyleInParams,
	}}
	if server != nil {
		l.config.TokenURL = server.String()
	}
	if audience != "" {
		l.config.EndpointParams.Set("audience", audience)
	}
	if resource != "" {
		l.config.EndpointParams.Set("resource", resource)
	}
	return l
}

// transport is a rest.TransportFactory.
func (l *login) transport(secure *tls.Config) (http.RoundTripper, func()) {
	base := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: secure}
	l.base = base
	return l, base.CloseIdleConnections
}

// RoundTrip implements http.RoundTripper.
func (l *login) RoundTrip(r *http.Request) (*http.Response, error) {
	token, err := l.get(nil)
	if err != nil {
		closeBody(r)
		return nil, err
	}
	reply, err := l.send(r, r.Body, token)
	if err != nil || reply.StatusCode != http.StatusUnauthorized && reply.StatusCode != statusExpired || r.Body != nil && r.GetBody == nil {
		return reply, err
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(reply.Body, 64<<10)) // so that the connection is used again
	_ = reply.Body.Close()
	if token, err = l.get(token); err != nil {
		return nil, err
	}
	var body io.ReadCloser
	if r.Body != nil {
		if body, err = r.GetBody(); err != nil {
			return nil, err
		}
	}
	return l.send(r, body, token)
}

// send sends a copy of a request.
func (l *login) send(r *http.Request, body io.ReadCloser, token *oauth2.Token) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Body = body
	token.SetAuthHeader(r)
	return l.base.RoundTrip(r)
}

// closeBody does what a RoundTripper must that does not send a request.
func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}

// get is the token to use, and another one than that which was refused.
func (l *login) get(refused *oauth2.Token) (*oauth2.Token, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.token.Valid() && l.token != refused {
		return l.token, nil
	}
	client := &http.Client{Transport: l.base, Timeout: loggingIn}
	token, err := l.config.Token(context.WithValue(context.Background(), oauth2.HTTPClient, client)) // others wait for it too
	if err != nil {
		return nil, loginError(l.config.TokenURL, err)
	}
	l.token = token
	return token, nil
}

// loginError tells a refusal, which is one of the catalog's errors that stay, from
// a server that does not answer.
func loginError(server string, err error) error {
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) || refused.Response == nil {
		return fmt.Errorf("get a token from %s: %w", server, err)
	}
	switch status := refused.Response.StatusCode; {
	case status >= 500, status == http.StatusTooManyRequests, status == http.StatusRequestTimeout:
		return fmt.Errorf("get a token from %s: %w", server, err)
	}
	return fmt.Errorf("get a token from %s: %w: %w", server, rest.ErrOAuthError, err)
}
