package mask_test

import (
	"testing"

	"github.com/wadi-engine/wadi/internal/mask"
)

func TestValue(t *testing.T) {
	for key, value := range map[string]string{
		"credential": "a:b", "token": "x", "s3.secret-key": "x", "s3.access-key-id": "x", "fs.s3a.access.key": "x",
		"azure.key": "x", "fs.azure.account.key.a.dfs.core.windows.net": "x", "adls.account-key": "x", "adls.sas-token.a": "x",
		"fs.azure.sas.fixed.token.a": "x", "jdbc.password": "x", "header.Authorization": "Bearer x",
	} {
		if got := mask.Value(key, value); got != mask.Hidden {
			t.Errorf("%s is shown as %s", key, got)
		}
	}
	for value, want := range map[string]string{
		"http://127.0.0.1:8181/x":               "http://127.0.0.1:8181/x",
		"jdbc:postgresql://u:pw@h:5432/db":      "jdbc:postgresql://u:******@h:5432/db",
		"jdbc:postgresql://h/db?password=a&b=c": "jdbc:postgresql://h/db?password=******&b=c",
	} {
		if got := mask.Value("uri", value); got != want {
			t.Errorf("%s is shown as %s, want %s", value, got, want)
		}
	}
}
