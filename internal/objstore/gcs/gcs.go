// Package gcs opens gs:// URLs: Google Cloud Storage.
package gcs

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"

	"cloud.google.com/go/storage"
	"gocloud.dev/blob/gcsblob"
	"gocloud.dev/gcp"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
	"google.golang.org/api/option"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/internal/objstore/cloud"
	"github.com/wadi-engine/wadi/job"
)

// Open is an objstore.Opener for gs://. Credentials are those of
// gcs.oauth2.token, of the key file fs.gs.auth.service.account.json.keyfile, or
// the application's default ones. The property gs.endpoint names another server, which is spoken
// to without credentials: an emulator.
func Open(ctx context.Context, root *url.URL, props map[string]string) (objstore.Driver, error) {
	client := &gcp.HTTPClient{Client: http.Client{Transport: gcp.DefaultTransport()}}
	var opts gcsblob.Options
	if endpoint := props["gs.endpoint"]; endpoint != "" {
		opts.ClientOptions = append(opts.ClientOptions, option.WithEndpoint(endpoint), option.WithoutAuthentication())
	} else if token := props["gcs.oauth2.token"]; token != "" {
		var err error
		source := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token})
		if client, err = gcp.NewHTTPClient(gcp.DefaultTransport(), gcp.TokenSource(source)); err != nil {
			return nil, err
		}
	} else {
		creds, err := credentials(ctx, props)
		if err != nil {
			return nil, fmt.Errorf("%w: credentials for Google Cloud: %w", job.ErrInvalid, err)
		}
		if client, err = gcp.NewHTTPClient(gcp.DefaultTransport(), gcp.CredentialsTokenSource(creds)); err != nil {
			return nil, err
		}
	}
	b, err := gcsblob.OpenBucket(ctx, client, root.Host, &opts)
	if err != nil {
		return nil, err
	}
	return cloud.New(b, root.Path, cloud.Options{ETag: generation, PinRead: pin}), nil
}

// credentials are those of the key file that the options name, or the
// application's default ones.
func credentials(ctx context.Context, props map[string]string) (*google.Credentials, error) {
	file := objstore.First(props, "fs.gs.auth.service.account.json.keyfile", "gs.keyfile")
	if file == "" {
		return gcp.DefaultCredentials(ctx)
	}
	key, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return google.CredentialsFromJSONWithType(ctx, key, google.ServiceAccount, storage.ScopeReadWrite)
}

// generation is the number that GCS gives each version of an object.
func generation(as func(any) bool) string {
	var attrs storage.ObjectAttrs
	if !as(&attrs) {
		return ""
	}
	return strconv.FormatInt(attrs.Generation, 10)
}

func pin(as func(any) bool, etag string) {
	var object **storage.ObjectHandle
	if n, err := strconv.ParseInt(etag, 10, 64); err == nil && as(&object) {
		*object = (*object).Generation(n)
	}
}
