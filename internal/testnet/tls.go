package testnet

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"sync"
	"time"
)

// certificate is its own authority. It is also valid in the year 2000, where the
// bubbles of testing/synctest are.
var certificate = sync.OnceValue(func() *tls.Certificate {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC),
		DNSNames:     []string{"queuednet.test"},
		IsCA:         true, BasicConstraintsValid: true,
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
})

// TLSConfigs returns the settings of a server and of a client that trusts it.
func TLSConfigs() (server, client *tls.Config) {
	roots := x509.NewCertPool()
	roots.AddCert(certificate().Leaf)
	server = &tls.Config{Certificates: []tls.Certificate{*certificate()}}
	client = &tls.Config{RootCAs: roots, ServerName: "queuednet.test"}
	return server, client
}
