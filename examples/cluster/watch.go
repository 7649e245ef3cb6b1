package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/cluster"
)

// A loop that has not run for so long is stuck.
const stuckAfter = 5 * time.Second

// watch answers those who look after the process, until the server that it returns is
// closed. Its goroutines read only what any goroutine may.
func (s *server) watch(listener net.Listener) *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.HandleFunc("GET /stats", s.stats)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(listener) }()
	return server
}

// healthz is 200 while the loop runs. A process of which it is not had better be started
// anew. That other nodes cannot be reached is no reason: the players here play on.
func (s *server) healthz(w http.ResponseWriter, _ *http.Request) {
	if silent := time.Since(time.Unix(0, s.lastFrame.Load())); silent > stuckAfter {
		http.Error(w, fmt.Sprintf("the loop has not run for %v", silent), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// readyz is 200 while new players are welcome.
func (s *server) readyz(w http.ResponseWriter, r *http.Request) {
	switch {
	case !s.welcoming.Load():
		http.Error(w, "draining", http.StatusServiceUnavailable)
	case s.options.listen+s.options.nats != "" && !s.node.Connected():
		http.Error(w, "no way to the other nodes", http.StatusServiceUnavailable)
	default:
		s.healthz(w, r)
	}
}

// stats is what to watch, as JSON.
func (s *server) stats(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(struct {
		Node    cluster.Stats
		Peers   []cluster.Peer
		Players queuednet.ManagerStats
	}{s.node.Stats(), slices.Collect(s.node.Peers()), s.manager.Stats()})
}
