// Package web is the web UI: plain ES modules that talk to nothing but the REST
// API that serves them. There is no build step, and no page loads anything from
// elsewhere.
package web

import (
	"bytes"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/zeebo/xxh3"
)

//go:embed assets vendor
var files embed.FS

// policy lets a page load what this server has, and nothing else; no other page
// may frame it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// file is one file of the UI.
type file struct {
	data []byte
	kind string
	tag  string
}

// Handler serves the UI: its page at /, and what the page loads below it. What is
// neither is not found, in the words of the API.
func Handler() http.Handler {
	all := map[string]file{}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(name, ".md") {
			return err
		}
		data, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		sum := xxh3.Hash128(data).Bytes()
		all["/"+name] = file{data, kindOf(name), `"` + hex.EncodeToString(sum[:]) + `"`}
		return nil
	})
	if err != nil {
		panic(fmt.Sprintf("the files in this binary: %v", err))
	}
	all["/"] = all["/assets/index.html"]
	all["/index.html"] = all["/"]
	all["/favicon.ico"] = all["/assets/icon.svg"]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := all[r.URL.Path]
		if !ok {
			w.Header().Set("Content-Type", "application/json; charset=UTF-8")
			w.WriteHeader(http.StatusNotFound)
			_ = json.NewEncoder(w).Encode(map[string][]string{"errors": {"Not found: " + r.URL.Path}}) // the client may be gone
			return
		}
		h := w.Header()
		h.Set("Content-Type", f.kind)
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-cache") // ask, by the tag: another binary may answer next time
		h.Set("ETag", f.tag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.data))
	})
}

// kindOf is the content type of a file. Those that matter do not depend on what
// the machine has registered.
func kindOf(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".html":
		return "text/html; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	if kind := mime.TypeByExtension(path.Ext(name)); kind != "" {
		return kind
	}
	return "text/plain; charset=utf-8"
}
