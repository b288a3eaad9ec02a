package objstore

import (
	"strings"

	"github.com/wadi-engine/wadi/ops"
)

// Keys are the options with which tables and catalogs say how to reach a
// cloud; the openers read them. What is not given comes from the environment.
var Keys = []ops.Option{
	{Key: "s3.endpoint", Help: "URL of a server that speaks S3."},
	{Key: "s3.region", Help: "Region of the bucket."},
	{Key: "s3.access-key", Help: "Access key."},
	{Key: "s3.secret-key", Help: "Secret key.", Secret: true},
	{Key: "s3.session-token", Help: "Token of a temporary key.", Secret: true},
	{Key: "s3.path-style-access", Help: "Name the bucket in the path, not in the host; default with an endpoint."},
	{Key: "azure.account", Help: "Storage account, where the URL does not name it."},
	{Key: "azure.key", Help: "Key of the storage account.", Secret: true},
	{Key: "azure.sas-token", Help: "Shared access signature.", Secret: true},
	{Key: "azure.endpoint", Help: "URL of the blob service, for emulators."},
	{Key: "gs.endpoint", Help: "URL of a server that speaks GCS, for emulators."},
}

// Properties picks the options that openers read.
func Properties(options map[string]string) map[string]string {
	props := map[string]string{}
	for k, v := range options {
		for _, prefix := range []string{"s3.", "azure.", "fs.azure.", "gs."} {
			if strings.HasPrefix(k, prefix) {
				props[k] = v
			}
		}
	}
	return props
}
