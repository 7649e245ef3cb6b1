package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/queuednet/queuednet/cluster"
	"github.com/stretchr/testify/require"
)

const patience = time.Minute

// A log is what the program writes.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // capacity one
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.more <- struct{}{}:
	default:
	}
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// await returns what a pattern's group matches.
func (l *log) await(t *testing.T, pattern string) string {
	t.Helper()
	for timeout := time.After(patience); ; {
		if match := regexp.MustCompile(pattern).FindStringSubmatch(l.String()); match != nil {
			return match[len(match)-1]
		}
		select {
		case <-l.more:
		case <-timeout:
			t.Fatalf("%q was never logged: %s", pattern, l)
		}
	}
}

// start runs the program until the test ends; it must end without an error then.
func start(t *testing.T, args ...string) *log {
	t.Helper()
	l := &log{more: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx, append([]string{"-port", "0"}, args...), l) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	l.await(t, `listening`)
	return l
}

// dir has a DC file, and what two authorities have made: ours and theirs, each a certificate that is its own
// authority, with a key.
func dir(t *testing.T) func(name string) string {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	require.NoError(t, os.WriteFile(in("game.dc"), []byte(`dclass Thing { setName(string name) required broadcast; };`), 0o600))
	for _, name := range []string{"ours", "theirs"} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
			IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
		require.NoError(t, err)
		private, err := x509.MarshalPKCS8PrivateKey(key)
		require.NoError(t, err)
		for ending, block := range map[string]*pem.Block{".pem": {Type: "CERTIFICATE", Bytes: der}, ".key": {Type: "PRIVATE KEY", Bytes: private}} {
			require.NoError(t, os.WriteFile(in(name+ending), pem.EncodeToMemory(block), 0o600))
		}
	}
	return in
}

// Nodes meet over servers that run elsewhere, with TLS and a password; those that these do not let in say why.
func TestServers(t *testing.T) {
	in := dir(t)
	certificate, err := tls.LoadX509KeyPair(in("ours.pem"), in("ours.key"))
	require.NoError(t, err)
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true, Username: "node", Password: "p",
		TLS: true, TLSTimeout: 2, TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}},
	})
	require.NoError(t, err)
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	require.True(t, s.ReadyForConnections(patience))
	require.NoError(t, os.WriteFile(in("secret"), []byte("node:p\n"), 0o600))

	args := func(number, ca, secret string) []string {
		return []string{"-number", number, "-servers", s.ClientURL(), "-tls-ca", in(ca), "-secret", secret, in("game.dc")}
	}
	one, two := start(t, args("1", "ours.pem", "@"+in("secret"))...), start(t, args("2", "ours.pem", "node:p")...)
	one.await(t, "NodeJoined.* node=2 ")
	two.await(t, "NodeJoined.* node=1 ")
	start(t, args("3", "theirs.pem", "node:p")...).await(t, "(Disconnected.* certificate signed by unknown authority)")

	err = run(t.Context(), append([]string{"-port", "0"}, args("4", "ours.pem", "node:wrong")...), &log{})
	require.ErrorIs(t, err, cluster.ErrCredentials)
}

// Nodes meet over routes between them.
func TestRoutes(t *testing.T) {
	in := dir(t)
	secure := []string{"-tls-cert", in("ours.pem"), "-tls-key", in("ours.key"), "-tls-ca", in("ours.pem"), "-secret", "s", in("game.dc")}
	one := start(t, append([]string{"-number", "1", "-listen", "127.0.0.1:0"}, secure...)...)
	two := start(t, append([]string{"-number", "2", "-listen", "127.0.0.1:0", "-routes", one.await(t, `nodes=(\S+)`)}, secure...)...)
	one.await(t, "NodeJoined.* node=2 ")
	two.await(t, "NodeJoined.* node=1 ")
}

// What clients do is logged as cmd/pandaserver does, and its limits hold.
func TestClients(t *testing.T) {
	in := dir(t)
	l := start(t, "-number", "1", "-listen", "127.0.0.1:0", "-address", "127.0.0.1", "-max-clients", "1", in("game.dc"))
	conn, err := net.Dial("tcp", l.await(t, `clients=(\S+)`))
	require.NoError(t, err)
	l.await(t, `"client joined" client=\d+ address=127`)
	second, err := net.Dial("tcp", l.await(t, `clients=(\S+)`))
	require.NoError(t, err)
	defer second.Close()
	require.NoError(t, second.SetDeadline(time.Now().Add(patience)))
	_, err = second.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
	require.NoError(t, conn.Close())
	l.await(t, `"client left"`)
}

func TestArguments(t *testing.T) {
	in := dir(t)
	for want, args := range map[string][]string{
		"no DC files":          {"-number", "1"},
		"-number cannot":       {"-number", "100000", in("game.dc")},
		"-id-range cannot":     {"-id-range", "9999999999", in("game.dc")},
		"-tls-key belong":      {"-tls-cert", in("ours.pem"), in("game.dc")},
		"-listen needs all of": {"-number", "1", "-listen", "127.0.0.1:0", "-tls-ca", in("ours.pem"), in("game.dc")},
		"no certificate in it": {"-number", "1", "-servers", "nats://127.0.0.1:1", "-tls-ca", in("ours.key"), in("game.dc")},
		"no such file":         {"-secret", "@" + in("nothing"), in("game.dc")},
		"needs TLS and Secret": {"-number", "1", "-listen", "0.0.0.0:0", in("game.dc")},
		"Config.Listen":        {"-number", "1", "-listen", "127.0.0.1:0", "-servers", "nats://127.0.0.1:1", in("game.dc")},
		"-frame cannot":        {"-frame", "1h", in("game.dc")},
	} {
		require.ErrorContains(t, run(t.Context(), args, &log{}), want, "%q", args)
	}
}
