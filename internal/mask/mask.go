// Package mask hides secrets in options and configuration wherever they are
// shown.
package mask

import (
	"regexp"
	"slices"
	"strings"
)

// Hidden stands for a secret.
const Hidden = "******"

// words mark keys whose values are secrets.
var words = []string{
	"password", "secret", "token", "credential", "access-key", "apikey", "api-key", "auth-params", "service-key", "jaas", "keystore.key", "connection-string",
	"user-info", "access.key", "account.key", "account-key", "azure.key", "sas.fixed", "authorization", "keyfile",
}

// inURL finds passwords in URLs.
var inURL = regexp.MustCompile(`(://[^/:@\s]+:|[?&](?i:password)=)[^@/&\s]+(@|&|$)`)

// Value is the value of an option as it may be shown: without secrets.
func Value(key, value string) string {
	key = strings.ToLower(key)
	if slices.ContainsFunc(words, func(w string) bool { return strings.Contains(key, w) }) {
		return Hidden
	}
	return inURL.ReplaceAllString(value, "${1}"+Hidden+"${2}")
}
