// Package gcs opens gs:// URLs: Google Cloud Storage.
package gcs

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"cloud.google.com/go/storage"
	"gocloud.dev/blob/gcsblob"
	"gocloud.dev/gcp"
	"google.golang.org/api/option"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/internal/objstore/cloud"
	"github.com/wadi-engine/wadi/job"
)

// Open is an objstore.Opener for gs://. Credentials are the application's
// default ones. The property gs.endpoint names another server, which is spoken
// to without credentials: an emulator.
func Open(ctx context.Context, root *url.URL, props map[string]string) (objstore.Driver, error) {
	client := &gcp.HTTPClient{Client: http.Client{Transport: gcp.DefaultTransport()}}
	var opts gcsblob.Options
	if endpoint := props["gs.endpoint"]; endpoint != "" {
		opts.ClientOptions = append(opts.ClientOptions, option.WithEndpoint(endpoint), option.WithoutAuthentication())
	} else {
		creds, err := gcp.DefaultCredentials(ctx)
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
