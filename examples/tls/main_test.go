package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/queuednet/queuednet/examples/internal/lines"
	"github.com/queuednet/queuednet/examples/tls/keys"
)

// start runs a command until stop, which returns its error.
func start(t *testing.T, args ...string) (stdout *lines.Lines, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	stdout = lines.New(t)
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, args, stdout) }()
	stop = func() error {
		cancel()
		err := <-ended
		ended <- err
		return err
	}
	t.Cleanup(func() { stop() })
	return stdout, stop
}

// serve runs a server of a directory and returns its address.
func serve(t *testing.T, dir string, args ...string) (stdout *lines.Lines, address string, stop func() error) {
	t.Helper()
	stdout, stop = start(t, append([]string{"server", "-keys", dir, "-address", "127.0.0.1:0"}, args...)...)
	return stdout, stdout.Await("listening on "), stop
}

// fails runs a client to its end, which is an error, and returns that.
func fails(t *testing.T, dir, address string, args ...string) error {
	t.Helper()
	args = append([]string{"client", "-keys", dir, "-address", address}, args...)
	err := run(t.Context(), args, io.Discard)
	if err == nil {
		t.Fatal("the client ended without an error")
	}
	return err
}

func expect(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Fatalf("%q, not %q", got, want)
	}
}

// Two accounts meet, one leaves, the server ends.
func TestAccounts(t *testing.T) {
	dir := t.TempDir()
	server, address, stop := serve(t, dir)
	if err := run(t.Context(), []string{"account", "Grace", "-keys", dir}, io.Discard); err != nil {
		t.Fatal(err)
	}

	ada, leave := start(t, "client", "-keys", dir, "-address", address)
	expect(t, ada.Await("welcome, "), "Ada")
	expect(t, ada.Await("Ada: "), "Hello, world!")
	grace, _ := start(t, "client", "-keys", dir, "-address", address, "-account", "Grace", "-say", "hi\x1b")
	expect(t, grace.Await("Grace: "), "hi\uFFFD")
	expect(t, ada.Await("Grace: "), "hi\uFFFD")
	expect(t, server.Await("Grace: "), "hi\uFFFD")

	if err := leave(); err != nil {
		t.Error(err)
	}
	if line := server.Await("- "); !strings.HasSuffix(line, " Ada: EOF") {
		t.Errorf("server: %s", line)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// The second connection of an account takes the place of the first.
func TestAccountTwice(t *testing.T) {
	dir := t.TempDir()
	_, address, _ := serve(t, dir)
	first := make(chan error, 1)
	stdout := lines.New(t)
	go func() { first <- run(t.Context(), []string{"client", "-keys", dir, "-address", address}, stdout) }()
	stdout.Await("Ada: ")
	second, _ := start(t, "client", "-keys", dir, "-address", address)
	if err := <-first; err == nil || !strings.HasPrefix(err.Error(), "the server says: your account has come in from 127.0.0.1:") {
		t.Errorf("the first one: %v", err)
	}
	second.Await("Ada: ")
}

// Whoever has no account, or one of another authority, is told so.
func TestRefused(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	_, address, _ := serve(t, dir)
	expect(t, fails(t, dir, address, "-account", "").Error(),
		"the server says: you have no account: show the certificate that the operator has made for you")

	serve(t, other)
	trust, err := os.ReadFile(filepath.Join(dir, "trust.pem"))
	if err == nil {
		err = os.WriteFile(filepath.Join(other, "trust.pem"), trust, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	expect(t, fails(t, other, address).Error(),
		"the server is gone: remote error: tls: unknown certificate authority")
}

// A server that is not the one that the client means is an error of connecting.
func TestWrongServer(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	_, address, _ := serve(t, dir)
	_, another, _ := serve(t, other)

	err := fails(t, dir, another)
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); !ok || !strings.HasPrefix(err.Error(), "this is not the server that trust.pem in "+dir+" is for: ") {
		t.Error(err)
	}
	err = fails(t, dir, address, "-name", "example.com")
	if !strings.HasPrefix(err.Error(), `the server has no certificate for "example.com"`) {
		t.Error(err)
	}
}

// A peer that does not speak TLS, or not as a player, costs only itself.
func TestStrangers(t *testing.T) {
	dir := t.TempDir()
	server, address, _ := serve(t, dir)
	plain, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if _, err := io.WriteString(plain, "\x05\x00hello"); err != nil {
		t.Fatal(err)
	}
	expect(t, server.Await("- "), plain.LocalAddr().String()+" : tls: first record does not look like a TLS handshake")

	config, err := keys.Client(dir, "Ada")
	if err != nil {
		t.Fatal(err)
	}
	for bytes, why := range map[string]string{
		"\x04\x00\x02\x01\x00x": "no message 2 was expected", // not before hello
		"\x01\x00\x01":          "a broken message: ",
	} {
		socket, err := tls.Dial("tcp", address, config)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(socket, bytes); err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(socket)
		if err != nil || !strings.Contains(string(answer), why) {
			t.Errorf("%q, %v; not %q", answer, err, why)
		}
		socket.Close()
	}
	ada, _ := start(t, "client", "-keys", dir, "-address", address)
	ada.Await("Ada: ")
}

func TestArguments(t *testing.T) {
	dir := t.TempDir()
	if err := run(t.Context(), []string{"account", "Ada", "-keys", dir}, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ args, want string }{
		{"", "say which: tls server, tls client, or tls account NAME"},
		{"serve", "say which: tls server, tls client, or tls account NAME"},
		{"account -keys " + dir, "an account's name has 1 to 64 letters, not 0"},
		{"account ../x -keys " + dir, `an account's name has the letters A to Z and digits only, not "../x"`},
		{"client -keys " + dir + "/none", "the server makes it at its first run"},
		{"client -account Grace -keys " + dir, "make the account with go run ./examples/tls account Grace"},
		{"client -keys " + dir + " -address nowhere", "missing port in address"},
		{"server -keys " + dir + " more", `unexpected argument "more"`},
	} {
		err := run(t.Context(), strings.Fields(test.args), io.Discard)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.args, err)
		}
	}
}
