package catalogs

import (
	"context"
	"fmt"
	"maps"
	"strconv"

	icecatalog "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/catalog/glue"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
)

// openGlue connects to AWS Glue. Region and credentials are glue.region,
// glue.access-key-id, glue.secret-access-key and glue.session-token, or
// client.region and client.*, or those of the environment.
func openGlue(ctx context.Context, _ string, props map[string]string) (icecatalog.Catalog, error) {
	var load []func(*config.LoadOptions) error
	if v := objstore.First(props, "glue.region", "client.region"); v != "" {
		load = append(load, config.WithRegion(v))
	}
	if v := objstore.First(props, "glue.endpoint", "uri"); v != "" {
		load = append(load, config.WithBaseEndpoint(v))
	}
	if v := props["glue.max-retries"]; v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("%w: option 'glue.max-retries' is %q; want a number", job.ErrInvalid, v)
		}
		load = append(load, config.WithRetryMaxAttempts(n+1))
	}
	key := objstore.First(props, "glue.access-key-id", "client.access-key-id")
	secret := objstore.First(props, "glue.secret-access-key", "client.secret-access-key")
	if (key == "") != (secret == "") {
		return nil, fmt.Errorf("%w: 'glue.access-key-id' and 'glue.secret-access-key' go together", job.ErrInvalid)
	}
	if key != "" {
		load = append(load, config.WithCredentialsProvider(
			credentials.NewStaticCredentialsProvider(key, secret, objstore.First(props, "glue.session-token", "client.session-token"))))
	}
	cfg, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, fmt.Errorf("%w: configuration of AWS: %w", job.ErrInvalid, err)
	}
	if cfg.Region == "" {
		return nil, fmt.Errorf("%w: no region: set 'client.region', 'glue.region' or AWS_REGION", job.ErrInvalid)
	}
	return glue.NewCatalog(glue.WithAwsConfig(cfg), glue.WithAwsProperties(maps.Clone(props)))
}
