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
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const patience = time.Minute

const classes = `dclass Thing { setName(string name) required broadcast; };`

// A log is what the program writes.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// await returns the first part of the log that a pattern's group matches.
func (l *log) await(t *testing.T, pattern string) string {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		l.mu.Lock()
		match := regexp.MustCompile(pattern).FindStringSubmatch(l.text.String())
		l.mu.Unlock()
		if match != nil {
			return match[len(match)-1]
		}
	}
	t.Fatalf("%q was never logged: %s", pattern, l.text.String())
	return ""
}

// start runs the program until the test ends.
func start(t *testing.T, args ...string) *log {
	t.Helper()
	path := filepath.Join(t.TempDir(), "thing.dc")
	require.NoError(t, os.WriteFile(path, []byte(classes), 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	l, ended := &log{}, make(chan error, 1)
	go func() {
		ended <- run(ctx, append(append([]string{"-address", "127.0.0.1", "-port", "0"}, args...), path), l)
	}()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	return l
}

// play joins as a client, creates an object, and sends something malformed.
func play(t *testing.T, conn net.Conn) {
	t.Helper()
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	hello := make([]byte, 12)
	_, err := io.ReadFull(conn, hello)
	require.NoError(t, err)
	require.Equal(t, "\x0a\x00\x29\x23\x01\x00\x00\x00\x40\x42\x0f\x00", string(hello))
	_, err = conn.Write([]byte("\x11\x00\x2a\x23\x07\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01\x00x\x00\x00" + "\x01\x00x"))
	require.NoError(t, err)
}

func TestServer(t *testing.T) {
	l := start(t, "-inspect", "127.0.0.1:0", "-v")
	conn, err := net.Dial("tcp", l.await(t, `msg=listening address=(\S+) classes=1 hash=0x`))
	require.NoError(t, err)
	play(t, conn)
	l.await(t, `"client joined" client=1`)
	l.await(t, `"object generated" object=1 class=Thing zone=7`)
	l.await(t, `"message dropped" client=1 .*too short`)
	url := l.await(t, `url=(\S+)`)
	text := get(t, url)
	for _, want := range []string{
		"1 clients, 1 objects, 1 zones", "dropped, malformed message: 1",
		"<td>1<td>" + conn.LocalAddr().String() + "<td>1<td>[7]", "<td>1<td>Thing<td>7<td>1", "<td>7<td>1<td>1",
	} {
		require.Contains(t, text, want)
	}
	require.Contains(t, get(t, url+"net/stats.json"), `"Name":"tcp `+conn.LocalAddr().String()+`"`)
	require.NoError(t, conn.Close())
	l.await(t, `"client left" client=1 reason=EOF`)
}

func get(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(text)
}

func TestTLS(t *testing.T) {
	cert, key, pool := certificate(t)
	l := start(t, "-tls-cert", cert, "-tls-key", key)
	address := l.await(t, `msg=listening address=(\S+) .*tls=true`)
	conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: pool, ServerName: "localhost"})
	require.NoError(t, err)
	play(t, conn)
	l.await(t, `"client joined" client=1`)
	require.NoError(t, conn.Close())
}

func TestErrors(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.dc")
	require.NoError(t, os.WriteFile(bad, []byte("dclass A {\n  x(unit8);\n};"), 0o600))
	for args, want := range map[string]string{
		"":                       "no DC files",
		"-tls-cert x " + bad:     "go together",
		bad:                      "bad.dc:2",
		"/nowhere.dc":            "no such file",
		"-id-range 9999999999 x": "-id-range",
		"-nonsense x":            "not defined",
		"-frame 2s x":            "-frame cannot be 2s",
		"-frame -1s x":           "-frame cannot be -1s",
	} {
		err := run(t.Context(), strings.Fields(args), io.Discard)
		require.ErrorContains(t, err, want)
	}
}

// certificate makes a certificate for localhost and returns its files.
func certificate(t *testing.T) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	keyDER, err := x509.MarshalECPrivateKey(private)
	require.NoError(t, err)
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	require.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}), 0o600))
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool = x509.NewCertPool()
	pool.AddCert(parsed)
	return cert, key, pool
}
