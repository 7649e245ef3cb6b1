package main

import (
	"context"
	"crypto/tls"
	_ "embed"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/inspect"
)

//go:embed index.html
var page []byte

// web is the HTTP side: the page, the client for it, and the WebSockets.
type web struct {
	socket net.Listener
	server *http.Server
}

// serveWeb begins to serve, in the background.
func serveWeb(o settings, sockets http.Handler) (*web, error) {
	socket, err := net.Listen("tcp", o.HTTP)
	if err != nil {
		return nil, fmt.Errorf("listening for browsers: %w", err)
	}
	if o.TLS != nil {
		socket = tls.NewListener(socket, o.TLS)
	}
	mux := http.NewServeMux()
	mux.Handle("/play", sockets)
	mux.HandleFunc("/{$}", servePage)
	mux.HandleFunc("/client.wasm", o.Client.serveProgram)
	mux.HandleFunc("/wasm_exec.js", o.Client.serveGlue)
	return serve(socket, mux), nil
}

// serveInspect begins to serve what an operator wants to see, in the background. It has
// an address of its own, because it tells those of the players.
func serveInspect(address string, manager *queuednet.QueuedConnectionManager) (*web, error) {
	socket, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening for operators (-inspect): %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("/debug/queuednet/", inspect.Handler(manager))
	return serve(socket, mux), nil
}

func serve(socket net.Listener, handler http.Handler) *web {
	w := &web{socket, &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}}
	go func() {
		if err := w.server.Serve(socket); !errors.Is(err, http.ErrServerClosed) {
			log.Print("the page: ", err)
		}
	}()
	return w
}

func servePage(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	w.Write(page)
}

// close BLOCKS until the requests that are under way have been answered, for a
// second at most.
func (w *web) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if w.server.Shutdown(ctx) != nil {
		w.server.Close()
	}
}
