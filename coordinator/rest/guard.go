package rest

import (
	"crypto/subtle"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// may is what a route does, for those who switch it off.
type may uint8

const (
	look   may = iota // it changes nothing
	change            // it changes something
	submit            // it starts jobs, or uploads them
	cancel            // it ends jobs
)

// maxRequests is how many requests are served at the same time, streams included.
const maxRequests = 512

// guard turns requests away that should not be served.
type guard struct {
	o      Options
	origin *http.CrossOriginProtection
	slots  chan struct{}
}

func newGuard(o Options) *guard {
	return &guard{o: o, origin: http.NewCrossOriginProtection(), slots: make(chan struct{}, maxRequests)}
}

func (g *guard) enter() bool {
	select {
	case g.slots <- struct{}{}:
		return true
	default:
		return false
	}
}

func (g *guard) leave() { <-g.slots }

// check looks at who asks, from where, and what of: a page of another site must
// not be able to make the browser of somebody who has access start a job. A page
// of the UI is open to those who cannot bear a token yet.
func (g *guard) check(r *http.Request, page bool) error {
	if g.o.Loopback && !local(r.Host) {
		return Error{http.StatusForbidden, "The host " + r.Host + " is not this machine; bind another address with rest.bind-address to be reached from others."}
	}
	if g.o.Token != "" && !page {
		given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok || subtle.ConstantTimeCompare([]byte(given), []byte(g.o.Token)) != 1 {
			return Error{http.StatusUnauthorized, "Unauthorized: a bearer token is needed."}
		}
	}
	if err := g.origin.Check(r); err != nil {
		return Error{http.StatusForbidden, "Forbidden: the request comes from a page of another site."}
	}
	if r.ContentLength != 0 && fromBrowser(r) && r.Method != http.MethodGet && r.Method != http.MethodHead {
		return contentType(r)
	}
	return nil
}

// fromBrowser reports whether a page has sent the request. Scripts send forms
// as JSON, as curl -d does.
func fromBrowser(r *http.Request) bool {
	return r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != ""
}

// contentType takes JSON and, where files go, forms with files: a form of a page
// can send no JSON without asking.
func contentType(r *http.Request) error {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		kind = r.Header.Get("Content-Type")
	}
	switch {
	case kind == "application/json":
		return nil
	case strings.HasSuffix(r.URL.Path, "/jars/upload"):
		return nil
	}
	return Error{http.StatusUnsupportedMediaType, "Content type " + kind + " is not supported: want application/json."}
}

// local reports whether a Host header names this machine.
func local(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// allows says whether what a route does is switched on.
func (g *guard) allows(m may) error {
	switch {
	case m != look && g.o.ReadOnly:
		return Error{http.StatusForbidden, "The cluster is read-only (wadi.rest.read-only)."}
	case m == submit && g.o.NoSubmit:
		return Error{http.StatusForbidden, "Submitting jobs is switched off (web.submit.enable)."}
	case m == cancel && g.o.NoCancel:
		return Error{http.StatusForbidden, "Cancelling jobs is switched off (web.cancel.enable)."}
	}
	return nil
}
