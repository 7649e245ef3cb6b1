package cluster

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"log/slog"
	"math/big"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// authority returns a tls.Config for nodes whose certificates are of a new authority.
func authority(t testing.TB) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "node"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, RootCAs: pool}
}

// Only a node with a certificate of the same authority and the secret gets in.
func TestRoutesAreClosedToOthers(t *testing.T) {
	ours, theirs := authority(t), authority(t)
	config := func(number uint16, t *tls.Config, secret string, routes ...string) *Config {
		return quick(Config{Number: number, Listen: "127.0.0.1:0", TLS: t, Secret: secret, Routes: routes})
	}
	a := open(t, config(1, ours, "secret"))
	trusting := theirs.Clone() // knows us, but is of another authority
	trusting.RootCAs = ours.RootCAs
	others := []*member{
		open(t, config(11, theirs, "secret", a.ListenAddress())),
		open(t, config(12, trusting, "secret", a.ListenAddress())),
		open(t, config(13, nil, "secret", a.ListenAddress())),
		open(t, config(14, ours, "wrong", a.ListenAddress())),
		open(t, config(15, ours, "", a.ListenAddress())),
		open(t, config(16, nil, "", a.ListenAddress())),
	}
	b := open(t, config(2, ours, "secret", a.ListenAddress()))
	know(t, a, b)
	silent, err := net.Dial("tcp", a.ListenAddress())
	require.NoError(t, err)
	defer silent.Close()
	require.NoError(t, silent.SetReadDeadline(time.Now().Add(patience)))
	for buf := make([]byte, 4096); err == nil; { // until it is thrown out
		_, err = silent.Read(buf)
	}
	assert.NotErrorIs(t, err, os.ErrDeadlineExceeded, "a peer that says nothing stays")
	a.poll()
	for _, other := range others { // more than 2 seconds have passed
		other.poll()
		assert.Zero(t, a.saw(NodeJoined, other.Number()), other.Number())
		assert.Zero(t, other.saw(NodeJoined, 1), other.Number())
	}
	a.Group("zone").Watch()
	hears(t, "zone", b, a)
}

// What would be open to others is refused, unless it is called so.
func TestInsecure(t *testing.T) {
	for _, config := range []Config{
		{Listen: "0.0.0.0:0"},
		{Listen: "0.0.0.0:0", Secret: "x"},
		{Listen: "0.0.0.0:0", TLS: authority(t)},
		{Listen: "127.0.0.1:0", Secret: "x", TLS: &tls.Config{InsecureSkipVerify: true}},
	} {
		config.Number = 1
		_, err := Open(&config)
		var bad *ConfigError
		assert.ErrorAs(t, err, &bad)
	}
	open(t, &Config{Number: 1, Listen: "0.0.0.0:0", Insecure: true})
	open(t, &Config{Number: 1, Listen: "0.0.0.0:0", TLS: authority(t), Secret: "x"})
}

// A warning is a writer for a logger that passes the first thing on.
type warning chan string

func (w warning) Write(p []byte) (int, error) {
	select {
	case w <- string(p):
	default:
	}
	return len(p), nil
}

// Both nodes of a route that is refused say so: nothing else tells why a node is alone.
func TestRefusedRouteIsLogged(t *testing.T) {
	ours, theirs := authority(t), authority(t)
	for name, other := range map[string]Config{
		"another secret":    {TLS: ours, Secret: "wrong"},
		"another authority": {TLS: theirs, Secret: "secret"},
	} {
		t.Run(name, func(t *testing.T) {
			logged := [2]warning{make(warning, 1), make(warning, 1)}
			logger := func(i int) *slog.Logger {
				return slog.New(slog.NewTextHandler(logged[i], &slog.HandlerOptions{Level: slog.LevelWarn}))
			}
			a := open(t, quick(Config{Number: 1, Listen: "127.0.0.1:0", TLS: ours, Secret: "secret", Logger: logger(0)}))
			other.Number, other.Listen, other.Routes, other.Logger = 2, "127.0.0.1:0", []string{a.ListenAddress()}, logger(1)
			open(t, quick(other))
			for i, w := range logged {
				select {
				case text := <-w:
					assert.Contains(t, text, "a route is refused")
				case <-time.After(patience):
					t.Errorf("node %d says nothing", i+1)
				}
			}
		})
	}
}
