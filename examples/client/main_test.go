package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/queuednet/queuednet/examples/internal/lines"
)

// The manual's message on the wire, with each header size.
const (
	message  = "\x01\x0d\x00Hello, world!"
	message2 = "\x10\x00" + message
	message4 = "\x10\x00\x00\x00" + message
)

// noServer is a port that no server has, and that no other test is given.
const noServer = "1"

// listen returns a plain listening socket and its port.
func listen(t *testing.T) (net.Listener, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return listener, port
}

// start runs a client and returns what it prints, the server's side of its
// connection, and what ends it; ended has its result.
func start(t *testing.T, args ...string) (stdout *lines.Lines, server *net.TCPConn, stop func(), ended <-chan error) {
	t.Helper()
	listener, port := listen(t)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	stdout = lines.New(t)
	result := make(chan error, 1)
	go func() { result <- run(ctx, append([]string{"-port", port}, args...), stdout) }()
	socket, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	if err := socket.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if got, want := stdout.Await("connected to "), listener.Addr().String(); got != want {
		t.Fatalf("connected to %s, not %s", got, want)
	}
	return stdout, socket.(*net.TCPConn), cancel, result
}

func send(t *testing.T, socket net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(socket, text); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, socket net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(socket, got); err != nil || string(got) != want {
		t.Fatalf("received %q, %v; not %q", got, err, want)
	}
}

func TestMessageIsSentAndPrinted(t *testing.T) {
	for _, test := range []struct {
		args []string
		wire string
	}{{nil, message2}, {[]string{"-header", "2"}, message2}, {[]string{"-header", "4"}, message4}} {
		stdout, server, stop, ended := start(t, test.args...)
		expect(t, server, test.wire)
		const n = 1_000
		send(t, server, strings.Repeat(test.wire, n))
		for range n {
			stdout.Await("received: Hello, world!")
		}
		stop()
		if rest, err := io.ReadAll(server); len(rest) > 0 || err != nil {
			t.Fatalf("Ctrl-C sends %q, %v; not the end", rest, err)
		}
		server.Close()
		if err := <-ended; err != nil {
			t.Error("Ctrl-C ends with", err)
		}
	}
}

func TestBadMessages(t *testing.T) {
	stdout, server, _, _ := start(t)
	for _, test := range []struct{ wire, line string }{
		{"\x00\x00", "broken message: queuednet: cannot read uint8"},
		{"\x02\x00\x01\x0d", "broken message: queuednet: cannot read string"},
		{"\x01\x00\x07", "unknown message 7"},
		{"\x05\x00\x01\x02\x00a\n", "received: a\uFFFD"},
	} {
		send(t, server, test.wire)
		stdout.Await(test.line)
	}
}

func TestServerGoes(t *testing.T) {
	for wire, reason := range map[string]string{message2: "EOF", message2 + "\x10": "unexpected EOF"} {
		stdout, server, _, ended := start(t)
		expect(t, server, message2)
		send(t, server, wire)
		server.CloseWrite()
		stdout.Await("received: Hello, world!")
		if got := stdout.Await("the server has gone: "); got != reason {
			t.Errorf("the server has gone: %s, not %s", got, reason)
		}
		if err := <-ended; err != nil {
			t.Error("ended with", err)
		}
	}
}

func TestNoServer(t *testing.T) {
	var stdout bytes.Buffer
	err := run(t.Context(), []string{"-port", noServer}, &stdout)
	if err == nil || !strings.HasPrefix(err.Error(), "cannot connect: ") || strings.Contains(err.Error(), "\n") || stdout.Len() > 0 {
		t.Error("no server:", err, stdout.String())
	}
}

func TestInterruptedBeforeConnected(t *testing.T) {
	_, port := listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout bytes.Buffer
	if err := run(ctx, []string{"-port", port}, &stdout); err != nil || stdout.Len() > 0 {
		t.Error("Ctrl-C ends with", err, stdout.String())
	}
}

func TestFlags(t *testing.T) {
	for _, wrong := range [][]string{
		{"-header", "0"}, {"-header", "3"}, {"-port", "0"}, {"-port", "65536"}, {"-address", ""}, {"-unknown"}, {"more"},
	} {
		if err := run(t.Context(), wrong, io.Discard); err == nil {
			t.Error(wrong, "is accepted")
		}
	}
	var stdout bytes.Buffer
	if err := run(t.Context(), []string{"-h"}, &stdout); !errors.Is(err, flag.ErrHelp) {
		t.Error(err)
	}
	for _, documented := range []string{"-address", "-port", "-header"} {
		if !strings.Contains(stdout.String(), documented) {
			t.Error(documented, "is not in the help")
		}
	}
}
