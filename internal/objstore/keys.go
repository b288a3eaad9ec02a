package objstore

import (
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/ops"
)

// Keys are the options with which tables and catalogs say how to reach a
// cloud; the openers read them. What is not given comes from the environment.
// Names of Iceberg and Hadoop are known beside Flink's.
var Keys = []ops.Option{
	{Key: "s3.endpoint", Help: "URL of a server that speaks S3."},
	{Key: "s3.region", Help: "Region of the bucket; also client.region."},
	{Key: "s3.access-key", Help: "Access key; also s3.access-key-id, fs.s3a.access.key."},
	{Key: "s3.secret-key", Help: "Secret key; also s3.secret-access-key, fs.s3a.secret.key.", Secret: true},
	{Key: "s3.session-token", Help: "Token of a temporary key; also fs.s3a.session.token.", Secret: true},
	{Key: "s3.path-style-access", Help: "Name the bucket in the path, not in the host; default with an endpoint."},
	{Key: "azure.account", Help: "Storage account, where the URL does not name it; also adls.account-name."},
	{Key: "azure.key", Help: "Key of the storage account; also fs.azure.account.key.<host>, adls.account-key.", Secret: true},
	{Key: "azure.sas-token", Help: "Shared access signature; also fs.azure.sas.fixed.token.<host>, adls.sas-token.<host>.", Secret: true},
	{Key: "azure.endpoint", Help: "URL of the blob service, for emulators."},
	{Key: "gs.endpoint", Help: "URL of a server that speaks GCS, for emulators."},
	{Key: "gcs.oauth2.token", Help: "Access token of Google Cloud.", Secret: true},
	{Key: "client.region", Help: "Iceberg's name of s3.region."},
	{Key: "s3.#", Help: "Iceberg's and Flink's other names."},
	{Key: "fs.#", Help: "Hadoop's names: fs.azure.…, fs.s3a.…, fs.gs.…."},
	{Key: "adls.#", Help: "Iceberg's names for Azure."},
	{Key: "gcs.#", Help: "Iceberg's names for Google Cloud Storage."},
}

// Prefixes begin the keys that openers read.
var Prefixes = []string{"s3.", "azure.", "adls.", "gs.", "gcs.", "fs.azure.", "fs.s3a.", "fs.gs."}

// IsProperty reports whether openers may read a key.
func IsProperty(key string) bool {
	return key == "client.region" || slices.ContainsFunc(Prefixes, func(p string) bool { return strings.HasPrefix(key, p) })
}

// Properties picks the options that openers read.
func Properties(options map[string]string) map[string]string {
	props := map[string]string{}
	for k, v := range options {
		if IsProperty(k) {
			props[k] = v
		}
	}
	return props
}

// First is the value of the first of keys that has one, or "".
func First(props map[string]string, keys ...string) string {
	for _, k := range keys {
		if v := props[k]; v != "" {
			return v
		}
	}
	return ""
}
