package web_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi/coordinator/web"
)

func get(t *testing.T, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	web.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return w
}

var imports = regexp.MustCompile(`\bimport ?[{*a-zA-Z][^;"\n]*from ?"([^"]+)"|<(?:link|script)[^>]* (?:href|src)="([^"]+)"`)

// TestModules follows what the page loads: everything is there, and everything is
// here.
func TestModules(t *testing.T) {
	seen, ahead := map[string]bool{}, []string{"/"}
	for len(ahead) > 0 {
		path := ahead[0]
		ahead = ahead[1:]
		if seen[path] {
			continue
		}
		seen[path] = true
		reply := get(t, path)
		if reply.Code != http.StatusOK {
			t.Errorf("%s: status %d", path, reply.Code)
			continue
		}
		if strings.HasSuffix(path, ".js") && reply.Header().Get("Content-Type") != "text/javascript; charset=utf-8" {
			t.Errorf("%s: content type %s", path, reply.Header().Get("Content-Type"))
		}
		if !strings.HasSuffix(path, ".js") && path != "/" || strings.HasPrefix(path, "/vendor/uplot") {
			continue
		}
		for _, m := range imports.FindAllStringSubmatch(reply.Body.String(), -1) {
			to := m[1] + m[2]
			switch {
			case strings.HasPrefix(to, "#"):
			case strings.Contains(to, "//"):
				t.Errorf("%s loads %s from elsewhere", path, to)
			case path == "/":
				ahead = append(ahead, "/"+to)
			case m[1] != "":
				ahead = append(ahead, join(path, to))
			}
		}
	}
	if len(seen) < 20 {
		t.Errorf("only %d files were found: %v", len(seen), seen)
	}
}

func join(from, to string) string {
	dir := from[:strings.LastIndex(from, "/")]
	for {
		switch {
		case strings.HasPrefix(to, "./"):
			to = to[2:]
		case strings.HasPrefix(to, "../"):
			to, dir = to[3:], dir[:strings.LastIndex(dir, "/")]
		default:
			return dir + "/" + to
		}
	}
}

func TestUnknownPath(t *testing.T) {
	reply := get(t, "/nonsense")
	if reply.Code != http.StatusNotFound || !strings.Contains(reply.Body.String(), `"errors"`) {
		t.Errorf("status %d, body %s", reply.Code, reply.Body)
	}
}

// TestUnchanged: a browser that has a file is told so.
func TestUnchanged(t *testing.T) {
	tag := get(t, "/assets/app.js").Header().Get("ETag")
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/assets/app.js", nil)
	r.Header.Set("If-None-Match", tag)
	w := httptest.NewRecorder()
	web.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusNotModified {
		t.Errorf("status %d", w.Code)
	}
}
