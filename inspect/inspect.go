// Package inspect shows what a manager of queuednet does: as a page for people, with
// plots that move, as JSON, and for package expvar.
//
//	mux.Handle("/debug/queuednet/", inspect.Handler(manager))
//
// Nothing is served unless the program does so, and nothing can be changed through it.
// It shows the addresses of the peers, and each request costs time: mount it on an
// address that only the operators reach, such as localhost:6060, or behind the program's
// own check of who they are. A program with several managers mounts a handler
// for each.
//
// The page is one file. It asks no other server for anything, and keeps the last minutes
// of its plots itself: the server remembers nothing for it. It needs a browser of 2023 or
// later. With ?format=json, or at a path that ends with stats.json, the answer is a
// [Report] in JSON, with durations in nanoseconds. These parameters hold for both:
//
//	limit=100     at most this many connections
//	sort=backlog  which ones: those with the most bytes that wait both ways (the default),
//	              traffic (most bytes both ways), newest or oldest
//	find=10.1.2.  only connections whose name contains this text
package inspect

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/queuednet/queuednet"
)

//go:embed page.html
var page []byte

// policy lets the page run its own script and style, and ask its own server.
var policy = fmt.Sprintf("default-src 'none'; script-src %s; style-src %s; connect-src 'self'; img-src data:; "+
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'", hashOf("script"), hashOf("style"))

// hashOf returns what a Content-Security-Policy calls an element of the page.
func hashOf(element string) string {
	_, text, _ := bytes.Cut(page, []byte("<"+element+">"))
	text, _, _ = bytes.Cut(text, []byte("</"+element+">"))
	sum := sha256.Sum256(text)
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// Handler returns the page of a manager, and its JSON, which the package
// documentation describes. It may be mounted at any path, and works after Close
// of the manager. A request for JSON takes Stats and String of each open
// connection, and makes the system calls of Connection for each one that is
// listed, on the goroutine of the request. The loop waits for none of it.
func Handler(manager *queuednet.QueuedConnectionManager) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Cache-Control", "no-store")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			header.Set("Allow", "GET, HEAD")
			http.Error(w, "inspect only shows: GET or HEAD", http.StatusMethodNotAllowed)
			return
		}
		asJSON := strings.HasSuffix(r.URL.Path, "stats.json")
		switch format := r.FormValue("format"); format {
		case "", "html":
		case "json":
			asJSON = true
		default:
			http.Error(w, fmt.Sprintf("format %q: html or json", format), http.StatusBadRequest)
			return
		}
		if asJSON {
			serveJSON(w, r, manager)
			return
		}
		header.Set("Content-Type", "text/html; charset=utf-8")
		header.Set("Content-Security-Policy", policy)
		_, _ = w.Write(page) // to a browser that may have gone
	})
}

func serveJSON(w http.ResponseWriter, r *http.Request, manager *queuednet.QueuedConnectionManager) {
	q, err := parseQuery(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(q.report(manager))
}

// Var returns a value for package expvar to publish, the ManagerStats as JSON:
//
//	expvar.Publish("queuednet", inspect.Var(manager))
//
// It has no connections, so it is short and tells no addresses. This package
// does not import expvar, because that serves /debug/vars on
// http.DefaultServeMux wherever it is imported.
func Var(manager *queuednet.QueuedConnectionManager) fmt.Stringer { return variable{manager} }

type variable struct {
	manager *queuednet.QueuedConnectionManager
}

// String returns JSON, as an expvar.Var must.
func (v variable) String() string {
	text, err := json.Marshal(v.manager.Stats())
	if err != nil { // there is nothing in it that has no JSON
		panic(err)
	}
	return string(text)
}
