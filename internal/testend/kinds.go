package testend

import (
	"context"
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/queuednet/queuednet/internal/testnet"
	"github.com/queuednet/queuednet/queuednettest"
	"github.com/queuednet/queuednet/simulate"
)

// What some sockets lack.
const (
	pipeHasNoReset    = "a pipe ends in one way only"
	unixHasNoReset    = "a Unix socket has no reset"
	pipeHasNoHalves   = "a pipe is closed whole"
	pipeHasNoBuffer   = "a write to a pipe waits for the read"
	hidesReset        = "the wrapper hides the socket that could be reset: give it a NetConn method"
	hidesHalves       = "the wrapper has no CloseWrite, and hides the socket that has one"
	libraryOpens      = "the library opens the socket itself"
	breaksByDeadlines = "a deadline that has passed breaks the socket"
)

// Kinds returns all kinds of sockets that need the standard library only.
func Kinds() []Kind {
	noWrapper := map[Ability]string{Adopt: libraryOpens}
	opaque := map[Ability]string{Reset: hidesReset, HalfClose: hidesHalves}
	pipe := map[Ability]string{Reset: pipeHasNoReset, Break: pipeHasNoReset, HalfClose: pipeHasNoHalves, HalfEnd: pipeHasNoHalves, Buffer: pipeHasNoBuffer}
	simulated := map[Ability]string{Reset: pipeHasNoReset, Break: pipeHasNoReset, HalfClose: pipeHasNoHalves, HalfEnd: pipeHasNoHalves}
	return []Kind{
		{Name: "TCP", Cannot: noWrapper},
		overTCP("TCP by goroutines", func(c net.Conn) net.Conn { return hidden{c.(*net.TCPConn)} }, nil),
		withTLS(overTCP("TLS 1.2", same, nil), tls.VersionTLS12),
		withTLS(overTCP("TLS 1.3", same, nil), tls.VersionTLS13),
		{Name: "net.Pipe", Listen: listenPipe, Goroutines: 1, Cannot: pipe},
		overTCP("without CloseWrite", func(c net.Conn) net.Conn { return bare{c} }, opaque),
		overTCP("with NetConn", func(c net.Conn) net.Conn { return layered{c} }, nil),
		proxyKind(),
		overTCP("LimitListener", limit, opaque),
		tlsOverProxy(),
		simulatedKind("simulate over TCP", listenTCP, nil),
		simulatedKind("simulate over net.Pipe", listenPipe, simulated),
		{Name: "Unix", Listen: listenUnix, Goroutines: 1, Cannot: map[Ability]string{Reset: unixHasNoReset, Break: unixHasNoReset}},
		overTCP("broken by deadlines", func(c net.Conn) net.Conn { return &brittle{Conn: c} },
			map[Ability]string{Look: breaksByDeadlines}),
		{Name: "queuednettest", Listen: listenMemory, Goroutines: 1},
	}
}

func same(socket net.Conn) net.Conn { return socket }

// overTCP is a wrapper round a TCP socket, at both ends where both use the library.
func overTCP(name string, wrap func(net.Conn) net.Conn, cannot map[Ability]string) Kind {
	kind := Kind{Name: name, Listen: listenTCP, Client: wrap, Goroutines: 1, Cannot: cannot}
	return kind.Wrapped(wrap)
}

func proxyKind() Kind {
	kind := overTCP("PROXY", proxy, nil)
	kind.Client, kind.Greet = nil, introduce
	return kind
}

func tlsOverProxy() Kind {
	kind := withTLS(overTCP("TLS over PROXY", proxy, nil), tls.VersionTLS13)
	greet := kind.Greet
	kind.Greet = func(socket net.Conn) net.Conn { return greet(introduce(socket)) }
	return kind
}

// withTLS returns the kind with TLS over it.
func withTLS(kind Kind, version uint16) Kind {
	server, client := testnet.TLSConfigs()
	server.MaxVersion = version
	listen := kind.Listen
	kind.Listen = wrapListen(listen, func(l net.Listener) net.Listener { return tls.NewListener(l, server) })
	kind.Client = nil
	kind.Greet = func(socket net.Conn) net.Conn { return tls.Client(socket, client) }
	return kind
}

type listen = func(t testing.TB) (net.Listener, func() net.Conn)

// simulatedKind is a socket whose bytes arrive late.
func simulatedKind(name string, below listen, cannot map[Ability]string) Kind {
	network := simulate.NewNetwork(1)
	network.StartDelay(0, 2*time.Millisecond)
	return Kind{
		Name:       name,
		Listen:     wrapListen(below, network.Listener),
		Client:     network.Conn,
		Goroutines: 2,
		Cannot:     cannot,
	}
}

func wrapListen(below listen, wrap func(net.Listener) net.Listener) listen {
	return func(t testing.TB) (net.Listener, func() net.Conn) {
		listener, dial := below(t)
		return wrap(listener), dial
	}
}

func listenTCP(t testing.TB) (net.Listener, func() net.Conn) {
	return listenOn(t, "tcp", "127.0.0.1:0")
}

func listenMemory(t testing.TB) (net.Listener, func() net.Conn) {
	listener := queuednettest.NewListener(t, nil)
	return listener, func() net.Conn {
		socket, err := listener.Dial(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return socket
	}
}

func listenPipe(testing.TB) (net.Listener, func() net.Conn) {
	listener := newPipes()
	return listener, listener.dial
}

// listenUnix uses a directory with a short name, as the name of a socket must be
// short.
func listenUnix(t testing.TB) (net.Listener, func() net.Conn) {
	folder, err := os.MkdirTemp("", "q")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	return listenOn(t, "unix", filepath.Join(folder, "s"))
}

func listenOn(t testing.TB, network, address string) (net.Listener, func() net.Conn) {
	t.Helper()
	listener, err := net.Listen(network, address)
	if err != nil {
		if network == "unix" {
			t.Skip("no Unix sockets here: ", err)
		}
		t.Fatal(err)
	}
	return listener, func() net.Conn { return dial(t, network, listener.Addr().String()) }
}
