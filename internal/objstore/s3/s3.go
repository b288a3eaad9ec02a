// Package s3 opens s3:// URLs: Amazon S3 and servers that speak its protocol.
package s3

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"gocloud.dev/blob/s3blob"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/internal/objstore/cloud"
	"github.com/wadi-engine/wadi/job"
)

// Open is an objstore.Opener for s3://, s3a:// and s3n://. Its properties have
// Flink's names: s3.endpoint, s3.region, s3.access-key, s3.secret-key,
// s3.session-token and s3.path-style-access (default: true with an endpoint),
// Iceberg's (s3.access-key-id, s3.secret-access-key, client.region), which
// catalogs that lend credentials use and which therefore go first, or Hadoop's
// (fs.s3a.access.key, …).
// What is not given comes from the environment, profiles and instance roles,
// as with every AWS tool.
func Open(ctx context.Context, root *url.URL, props map[string]string) (objstore.Driver, error) {
	var load []func(*config.LoadOptions) error
	if key := objstore.First(props, "s3.access-key-id", "s3.access-key", "fs.s3a.access.key"); key != "" {
		secret := objstore.First(props, "s3.secret-access-key", "s3.secret-key", "fs.s3a.secret.key")
		if secret == "" {
			return nil, fmt.Errorf("%w: option 's3.access-key' without 's3.secret-key'", job.ErrInvalid)
		}
		load = append(load, config.WithCredentialsProvider(
			credentials.NewStaticCredentialsProvider(key, secret, objstore.First(props, "s3.session-token", "fs.s3a.session.token"))))
	}
	if region := objstore.First(props, "s3.region", "client.region", "fs.s3a.endpoint.region"); region != "" {
		load = append(load, config.WithRegion(region))
	}
	cfg, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, fmt.Errorf("%w: configuration of S3: %w", job.ErrInvalid, err)
	}
	endpoint := objstore.First(props, "s3.endpoint", "fs.s3a.endpoint")
	if endpoint != "" && !strings.Contains(endpoint, "://") {
		endpoint = "https://" + endpoint // as Hadoop reads it
	}
	if endpoint != "" || cfg.BaseEndpoint != nil {
		// Servers other than Amazon's may not know the newer checksums.
		cfg.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		if cfg.Region == "" {
			cfg.Region = "us-east-1"
		}
	}
	pathStyle := endpoint != ""
	for _, key := range []string{"s3.path-style-access", "s3.path.style.access", "fs.s3a.path.style.access"} {
		if text := props[key]; text != "" {
			if pathStyle, err = strconv.ParseBool(text); err != nil {
				return nil, fmt.Errorf("%w: option %q is not a boolean: %q", job.ErrInvalid, key, text)
			}
		}
	}
	client := s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = pathStyle
		if endpoint != "" {
			o.BaseEndpoint = &endpoint
		}
	})
	b, err := s3blob.OpenBucket(ctx, client, root.Host, &s3blob.Options{
		RequestChecksumCalculation: cfg.RequestChecksumCalculation,
	})
	if err != nil {
		return nil, err
	}
	return cloud.New(b, root.Path, cloud.Options{PinRead: pin, Code: code, BeforeWrite: thorough(client), Sweep: sweep(client, root.Host)}), nil
}

// thorough lets an upload that is cancelled remove its parts: with the time
// that it is given for that, and not with the context that is at its end.
func thorough(client *s3.Client) func(as func(any) bool) error {
	manager := transfermanager.New(client, func(o *transfermanager.Options) { o.FailTimeout = 30 * time.Second })
	return func(as func(any) bool) error {
		var own *transfermanager.Client
		if as(&own) {
			*own = *manager
		}
		return nil
	}
}

func pin(as func(any) bool, etag string) {
	var in *s3.GetObjectInput
	if as(&in) {
		in.IfMatch = &etag
	}
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// sweep aborts the uploads to keys that start with prefix.
func sweep(client *s3.Client, bucket string) func(ctx context.Context, prefix string) error {
	return func(ctx context.Context, prefix string) error {
		pages := s3.NewListMultipartUploadsPaginator(client, &s3.ListMultipartUploadsInput{Bucket: &bucket, Prefix: &prefix})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return err
			}
			for _, u := range page.Uploads {
				_, err := client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &bucket, Key: u.Key, UploadId: u.UploadId})
				if err != nil && code(err) != "NoSuchUpload" {
					return err
				}
			}
		}
		return nil
	}
}
