package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	// A loop that has not run for so long is stuck.
	stuckAfter = 5 * time.Second

	// How often the SDK server of Agones is told that all is well: by default it
	// takes a game for dead after 5 seconds.
	agonesInterval = 2 * time.Second
)

// alive reports whether the loop runs. Any goroutine may ask.
func (g *game) alive() (silent time.Duration, ok bool) {
	silent = time.Since(time.Unix(0, g.lastFrame.Load()))
	return silent, silent < stuckAfter
}

// A watch answers those who look after the process. It has two goroutines, which
// read only what is atomic in the game: that of the HTTP server, and one that
// reports to Agones. Both end with stopServing.
type watch struct {
	game   *game
	log    *slog.Logger
	server *http.Server
	agones string // where its SDK server is; empty without one
	served sync.WaitGroup
	cancel context.CancelFunc
}

func watchOver(g *game, listener net.Listener, log *slog.Logger) *watch {
	w := &watch{game: g, log: log}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", w.healthz)
	mux.HandleFunc("GET /readyz", w.readyz)
	w.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	w.served.Go(func() { _ = w.server.Serve(listener) }) // until stopServing
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	if port := os.Getenv("AGONES_SDK_HTTP_PORT"); port != "" {
		w.agones = "http://" + net.JoinHostPort("localhost", port)
		w.served.Go(func() { w.report(ctx) })
	}
	return w
}

// healthz is 200 while the loop runs. A process of which it is not had better be
// started anew.
func (w *watch) healthz(rw http.ResponseWriter, _ *http.Request) {
	if silent, ok := w.game.alive(); !ok {
		http.Error(rw, fmt.Sprintf("the loop has not run for %v", silent), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(rw, "ok")
}

// readyz is 200 while new players are welcome and there is room for one.
func (w *watch) readyz(rw http.ResponseWriter, r *http.Request) {
	switch {
	case !w.game.welcoming.Load():
		http.Error(rw, "no new players", http.StatusServiceUnavailable)
	case w.game.full():
		http.Error(rw, "full", http.StatusServiceUnavailable)
	default:
		w.healthz(rw, r)
	}
}

// report tells Agones that the game is ready, and then again and again that it lives.
func (w *watch) report(ctx context.Context) {
	ready := false
	for {
		if !ready {
			ready = w.tell(ctx, "/ready")
		}
		if _, ok := w.game.alive(); ok {
			w.tell(ctx, "/health")
		}
		select {
		case <-time.After(agonesInterval):
		case <-ctx.Done():
			return
		}
	}
}

// tell calls the SDK server's REST interface. A failure is in the log.
func (w *watch) tell(ctx context.Context, path string) bool {
	ctx, cancel := context.WithTimeout(ctx, agonesInterval)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.agones+path, strings.NewReader("{}"))
	if err != nil {
		w.log.Error("Agones", "error", err)
		return false
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err == nil {
		response.Body.Close()
		if response.StatusCode == http.StatusOK {
			return true
		}
		err = fmt.Errorf("%s: %s", path, response.Status)
	}
	if ctx.Err() == nil || context.Cause(ctx) == context.DeadlineExceeded {
		w.log.Error("Agones", "error", err)
	}
	return false
}

// stopServing leaves the sockets to the successor: this process answers nothing
// more, and says nothing to Agones.
func (w *watch) stopServing() {
	w.cancel()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = w.server.Shutdown(ctx) // closes this process's descriptor only
	w.served.Wait()
	w.agones = ""
}

// shutdown tells Agones that the game is over.
func (w *watch) shutdown() {
	if w.agones != "" {
		w.tell(context.Background(), "/shutdown")
	}
}

func (w *watch) close() {
	w.stopServing()
	w.server.Close()
}
