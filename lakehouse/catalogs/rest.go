package catalogs

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	ice "github.com/apache/iceberg-go"
	icecatalog "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/catalog/rest"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
)

// openREST connects to a server of Iceberg's REST protocol. The options have
// Iceberg's names, and all go to the client: credential, token, scope,
// oauth2-server-uri, prefix, header.*, rest.sigv4-enabled and so on.
func openREST(ctx context.Context, name string, props map[string]string) (icecatalog.Catalog, error) {
	uri := props["uri"]
	if u, err := url.Parse(uri); uri == "" || err != nil || u.Host == "" || !strings.HasPrefix(u.Scheme, "http") {
		return nil, fmt.Errorf("%w: option 'uri' is %q; want the URL of the catalog, such as 'https://host/catalog'", job.ErrInvalid, objstore.Redact(uri))
	}
	// The server tells where its versions are; many give the URL with one.
	uri = strings.TrimSuffix(strings.TrimSuffix(uri, "/"), "/v1")
	own := ice.Properties{}
	for k, v := range props {
		own[k] = v
	}
	delete(own, "uri")
	opts := []rest.Option{rest.WithAdditionalProps(own)}
	opts, err := authorize(ctx, uri, opts, own)
	if err != nil {
		return nil, err
	}
	if w := own["warehouse"]; w != "" {
		opts = append(opts, rest.WithWarehouseLocation(w))
	}
	if p := own["prefix"]; p != "" {
		opts = append(opts, rest.WithPrefix(p))
	}
	c, err := rest.NewCatalog(ctx, name, uri, opts...)
	if err != nil {
		return nil, explain(objstore.Redact(uri), err)
	}
	return &restBackend{c}, nil
}

// restBackend is a REST catalog that knows which of its errors stay.
type restBackend struct{ *rest.Catalog }

var _ catalog.Judge = (*restBackend)(nil)

// Permanent implements catalog.Judge.
func (*restBackend) Permanent(err error) bool {
	return errors.Is(err, rest.ErrUnauthorized) || errors.Is(err, rest.ErrAuthorizationExpired) || errors.Is(err, rest.ErrForbidden) ||
		errors.Is(err, rest.ErrOAuthError) || errors.Is(err, rest.ErrBadRequest)
}

// authorize adds who the client is, and takes the secrets out of own, which
// goes along with every table.
func authorize(ctx context.Context, uri string, opts []rest.Option, own ice.Properties) ([]rest.Option, error) {
	take := func(key string) string {
		v := own[key]
		delete(own, key)
		return v
	}
	var server *url.URL
	if v := take("oauth2-server-uri"); v != "" {
		u, err := url.Parse(v)
		if err != nil || u.Host == "" {
			return nil, fmt.Errorf("%w: option 'oauth2-server-uri' is %q; want a URL", job.ErrInvalid, objstore.Redact(v))
		}
		server = u
	}
	token, credential := take("token"), take("credential")
	scope, audience, resource := take("scope"), take("audience"), take("resource")
	switch {
	case token != "":
		opts = append(opts, rest.WithOAuthToken(token))
	case credential != "":
		opts = append(opts, rest.WithTransportFactory(newLogin(uri, credential, scope, audience, resource, server).transport))
	}
	switch auth := strings.ToLower(take("rest.auth.type")); auth {
	case "", "none", "oauth2":
	case "sigv4":
		own["rest.sigv4-enabled"] = "true"
	default:
		return nil, fmt.Errorf("%w: option 'rest.auth.type' is %q; want none, oauth2 or sigv4", job.ErrInvalid, auth)
	}
	if !strings.EqualFold(take("rest.sigv4-enabled"), "true") {
		return opts, nil
	}
	region := objstore.First(own, "rest.signing-region", "client.region")
	key, secret := take("rest.access-key-id"), take("rest.secret-access-key")
	load := []func(*config.LoadOptions) error{config.WithRegion(region)}
	if key != "" {
		load = append(load, config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(key, secret, take("rest.session-token"))))
	}
	var cfg aws.Config
	cfg, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, fmt.Errorf("%w: credentials to sign requests with: %w", job.ErrInvalid, err)
	}
	return append(opts, rest.WithAwsConfig(cfg), rest.WithSigV4RegionSvc(region, own["rest.signing-name"])), nil
}

// explain says what to look at when the catalog cannot be opened.
func explain(uri string, err error) error {
	if (*restBackend)(nil).Permanent(err) {
		return fmt.Errorf("%w: the catalog at %s does not let us in; look at 'credential', 'token', 'scope' and 'warehouse': %w", job.ErrInvalid, uri, err)
	}
	return fmt.Errorf("the catalog at %s: %w", uri, err)
}
