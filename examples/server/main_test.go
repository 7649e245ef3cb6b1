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

// start runs a server and returns what it prints, its address, and what ends it.
func start(t *testing.T, args ...string) (stdout *lines.Lines, address string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	stdout = lines.New(t)
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, append([]string{"-port", "0"}, args...), stdout) }()
	stop = func() error {
		cancel()
		err := <-ended
		ended <- err
		return err
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error("the server ended with", err)
		}
	})
	return stdout, stdout.Await("listening on "), stop
}

// join connects a plain socket and waits until the server has it.
func join(t *testing.T, stdout *lines.Lines, address string) *net.TCPConn {
	t.Helper()
	socket, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	if err := socket.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if got, want := stdout.Await("+ "), socket.LocalAddr().String(); got != want {
		t.Fatalf("%s has come, not %s", got, want)
	}
	return socket.(*net.TCPConn)
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

func expectEnd(t *testing.T, socket net.Conn) {
	t.Helper()
	if rest, err := io.ReadAll(socket); len(rest) > 0 || err != nil {
		t.Fatalf("received %q, %v; not the end", rest, err)
	}
}

func TestMessageIsPrintedAndSentToAll(t *testing.T) {
	stdout, address, _ := start(t, "-address", "127.0.0.1")
	first, second := join(t, stdout, address), join(t, stdout, address)
	for range 3 {
		send(t, first, message2)
		stdout.Await(first.LocalAddr().String() + ": Hello, world!")
		expect(t, first, message2)
		expect(t, second, message2)
	}
}

func TestHeaderOf4Bytes(t *testing.T) {
	stdout, address, _ := start(t, "-address", "127.0.0.1", "-header", "4")
	socket := join(t, stdout, address)
	send(t, socket, message4)
	expect(t, socket, message4)
}

func TestAllThatIsQueuedIsTaken(t *testing.T) {
	const n = 10_000 // three minutes, at one a frame
	stdout, address, _ := start(t, "-address", "127.0.0.1")
	socket := join(t, stdout, address)
	go io.WriteString(socket, strings.Repeat(message2, n))
	expect(t, socket, strings.Repeat(message2, n))
}

func TestAllInterfaces(t *testing.T) {
	stdout, address, _ := start(t)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	socket := join(t, stdout, net.JoinHostPort("127.0.0.1", port))
	send(t, socket, message2)
	expect(t, socket, message2)
}

func TestAddressByName(t *testing.T) {
	start(t, "-address", "localhost")
}

func TestEndsArePolled(t *testing.T) {
	stdout, address, _ := start(t, "-address", "127.0.0.1")
	stays := join(t, stdout, address)

	leaves := join(t, stdout, address)
	send(t, leaves, message2)
	expect(t, leaves, message2)
	send(t, leaves, message2)
	leaves.CloseWrite()
	for range 2 {
		stdout.Await(leaves.LocalAddr().String() + ": Hello, world!")
	}
	if reason := stdout.Await("- " + leaves.LocalAddr().String() + ": "); reason != "EOF" {
		t.Error("left because of", reason)
	}
	// Whether the answer to its last words still goes out is a matter of luck.
	if rest, err := io.ReadAll(leaves); err != nil {
		t.Errorf("received %q, %v; not the end", rest, err)
	}

	broken := join(t, stdout, address)
	send(t, broken, message2[:5])
	broken.CloseWrite()
	if reason := stdout.Await("- " + broken.LocalAddr().String() + ": "); reason != "unexpected EOF" {
		t.Error("left because of", reason)
	}

	expect(t, stays, message2+message2)
	send(t, stays, message2)
	expect(t, stays, message2)
}

func TestBadMessages(t *testing.T) {
	stdout, address, _ := start(t, "-address", "127.0.0.1")
	socket := join(t, stdout, address)
	name := socket.LocalAddr().String()
	for _, test := range []struct{ wire, line string }{
		{"\x00\x00", ": broken message: queuednet: cannot read uint8"},
		{"\x02\x00\x01\x0d", ": broken message: queuednet: cannot read string"},
		{"\x01\x00\x07", ": unknown message 7"},
		{"\x05\x00\x01\x02\x00a\n", ": a\uFFFD"},
	} {
		send(t, socket, test.wire)
		stdout.Await(name + test.line)
	}
	expect(t, socket, "\x05\x00\x01\x02\x00a\n") // only what was a message is sent on
}

func TestClientsAreClosedInTheEnd(t *testing.T) {
	stdout, address, stop := start(t, "-address", "127.0.0.1")
	clients := []net.Conn{join(t, stdout, address), join(t, stdout, address)}
	// A client that has closed its side keeps nobody waiting.
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for _, client := range clients {
			expectEnd(t, client)
			client.Close()
		}
	}()
	if err := stop(); err != nil {
		t.Error(err)
	}
	<-ended
}

func TestPortInUse(t *testing.T) {
	_, address, _ := start(t, "-address", "127.0.0.1")
	_, port, _ := net.SplitHostPort(address)
	err := run(t.Context(), []string{"-address", "127.0.0.1", "-port", port}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), address) || strings.Contains(err.Error(), "\n") {
		t.Error("two servers at one port:", err)
	}
}

func TestFlags(t *testing.T) {
	for _, wrong := range [][]string{
		{"-header", "0"}, {"-header", "3"}, {"-port", "-1"}, {"-port", "65536"}, {"-address", "nowhere.invalid"}, {"-unknown"}, {"more"},
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
