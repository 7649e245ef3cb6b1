//go:build unix

package main

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"

	"github.com/queuednet/queuednet"
)

// The program knows its players by the addresses that the proxy tells.
func TestProxyAddresses(t *testing.T) {
	binary := build(t)
	p := launch(t, binary, nil, "-proxies", "127.0.0.0/8,::1/128")
	v2 := func(client, server string) string {
		from, err := net.ResolveTCPAddr("tcp", client)
		if err != nil {
			t.Fatal(err)
		}
		to, err := net.ResolveTCPAddr("tcp", server)
		if err != nil {
			t.Fatal(err)
		}
		line, err := proxyproto.HeaderProxyFromAddrs(2, from, to).Format()
		if err != nil {
			t.Fatal(err)
		}
		return string(line)
	}
	for line, address := range map[string]string{
		"PROXY TCP4 203.0.113.7 192.0.2.1 4711 4000\r\n":   "203.0.113.7:4711",
		"PROXY TCP6 2001:db8::7 2001:db8::1 4712 4000\r\n": "[2001:db8::7]:4712",
		v2("203.0.113.8:4713", "192.0.2.1:4000"):           "203.0.113.8:4713",
		v2("[2001:db8::8]:4714", "[2001:db8::1]:4000"):     "[2001:db8::8]:4714",
	} {
		player, welcome := mustJoin(t, p.players, line)
		if !strings.HasPrefix(welcome, "welcome, "+address+": ") {
			t.Errorf("%q, not %s", welcome, address)
		}
		player.socket.Close()
		p.await("msg=left", "address="+address, "reason=EOF")
	}

	// Without a proxy's line nobody gets in.
	stranger, err := connect(p.players, "")
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.socket.Close()
	if err := stranger.say("let me in"); err != nil {
		t.Fatal(err)
	}
	p.await("msg=left", "proxyproto:")
}

// Who is no proxy of ours could claim any address, and is turned away.
func TestNotAProxy(t *testing.T) {
	p := launch(t, build(t), nil, "-proxies", "10.0.0.0/8")
	stranger, err := connect(p.players, "")
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.socket.Close()
	stranger.say("PROXY") // may fail: it is closed already
	if text, err := stranger.hear(); err == nil {
		t.Errorf("it hears %q", text)
	}
	if code := p.code("/readyz"); code != 200 {
		t.Errorf("/readyz: %d", code)
	}
}

// SIGTERM: the players are told, and have some time. When the last one has left there is
// nothing to wait for.
func TestDrain(t *testing.T) {
	p := launch(t, build(t), nil, "-drain", "1h")
	leaves, _ := mustJoin(t, p.players, "")
	stays, _ := mustJoin(t, p.players, "")
	if p.code("/healthz") != 200 || p.code("/readyz") != 200 {
		t.Error("not healthy before")
	}
	p.signal(syscall.SIGTERM)
	for _, player := range []*player{leaves, stays} {
		if text, err := player.hear(); err != nil || text != "the server ends in 1h0m0s: please leave" {
			t.Errorf("%q, %v", text, err)
		}
	}
	if health, ready := p.code("/healthz"), p.code("/readyz"); health != 200 || ready != 503 {
		t.Errorf("while it drains: /healthz %d, /readyz %d", health, ready)
	}
	leaves.socket.Close()
	p.await("msg=left", "reason=EOF")
	late, welcome, err := join(p.players, "") // the load balancer has not noticed yet
	if err != nil {
		t.Fatal(err)
	}
	if text, err := late.hear(); err != nil || !strings.HasPrefix(welcome, "welcome") || text != "the server ends soon: please come again later" {
		t.Errorf("%q, %q, %v", welcome, text, err)
	}
	late.socket.Close()
	if _, err := stays.ask("one more move"); err != nil {
		t.Error("no play while it drains: ", err)
	}
	stays.socket.Close()
	p.ends()
}

// Who is still there at the end of the time gets a last word.
func TestDrainRunsOut(t *testing.T) {
	p := launch(t, build(t), nil, "-drain", "1s")
	player, _ := mustJoin(t, p.players, "")
	p.signal(syscall.SIGTERM)
	for _, want := range []string{"the server ends in 1s: please leave", "goodbye"} {
		if text, err := player.hear(); err != nil || text != want {
			t.Errorf("%q, %v", text, err)
		}
	}
	if _, err := player.hear(); err != io.EOF {
		t.Errorf("the end is %v", err)
	}
	player.socket.Close()
	p.ends()
}

// Agones is told that the game is ready, that it lives, and that it is over.
func TestAgones(t *testing.T) {
	calls := make(chan string, 100)
	sdk := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		calls <- r.Method + " " + r.URL.Path + " " + r.Header.Get("Content-Type") + " " + string(body)
	}))
	defer sdk.Close()
	_, port, _ := net.SplitHostPort(sdk.Listener.Addr().String())
	p := launch(t, build(t), []string{"AGONES_SDK_HTTP_PORT=" + port})
	const ready, health = "POST /ready application/json {}", "POST /health application/json {}"
	first, second := <-calls, <-calls
	for second == ready { // again, where the answer was slow
		second = <-calls
	}
	if third := <-calls; first != ready || second != health || third != health {
		t.Errorf("%q, %q, %q", first, second, third)
	}
	p.signal(syscall.SIGTERM)
	last := ""
	for last != "POST /shutdown application/json {}" {
		select {
		case last = <-calls:
		case <-time.After(patience):
			t.Fatalf("the last call is %q", last)
		}
	}
	p.ends()
}

// A loop that is stuck is not healthy, and not ready.
func TestStuck(t *testing.T) {
	manager := queuednet.NewQueuedConnectionManager(nil)
	defer manager.Close()
	w := &watch{game: &game{manager: manager}, log: slog.New(slog.DiscardHandler)}
	w.game.welcoming.Store(true)
	ask := func(handler http.HandlerFunc) int {
		response := httptest.NewRecorder()
		handler(response, httptest.NewRequest(http.MethodGet, "/", nil))
		return response.Code
	}
	w.game.lastFrame.Store(time.Now().UnixNano())
	if health, ready := ask(w.healthz), ask(w.readyz); health != 200 || ready != 200 {
		t.Errorf("%d, %d", health, ready)
	}
	w.game.lastFrame.Store(time.Now().Add(-stuckAfter).UnixNano())
	if health, ready := ask(w.healthz), ask(w.readyz); health != 503 || ready != 503 {
		t.Errorf("stuck: %d, %d", health, ready)
	}
}

// A full server is healthy, and not ready until somebody leaves.
func TestFull(t *testing.T) {
	p := launch(t, build(t), nil, "-players", "1")
	player, _ := mustJoin(t, p.players, "")
	if health, ready := p.code("/healthz"), p.code("/readyz"); health != 200 || ready != 503 {
		t.Errorf("while it is full: /healthz %d, /readyz %d", health, ready)
	}
	player.socket.Close()
	p.await("msg=left")
	deadline := time.Now().Add(patience)
	for p.code("/readyz") != 200 { // when the socket is closed
		if time.Now().After(deadline) {
			t.Fatal("not ready although the player has left")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestArguments(t *testing.T) {
	for args, want := range map[string]string{
		"-proxies x":                     "invalid",
		"more":                           `unexpected argument "more"`,
		"-address 127.0.0.1:70000":       "invalid port",
		"-address 127.0.0.1:0 -health x": "missing port",
	} {
		err := run(t.Context(), strings.Fields(args), nil, io.Discard)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", args, err)
		}
	}
}
