// Package keys makes and reads the certificates of the example: an authority of
// the server's own, the server's certificate, and one for each account.
//
// What is in the directory:
//
//	authority.pem      the authority's certificate and its key: whoever has it can make accounts
//	server.pem         the server's certificate and its key
//	trust.pem          the authority's certificate alone: what each client is given
//	accounts/NAME.pem  the certificate and key of an account: what its player is given
package keys

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"
)

const (
	authorityFile = "authority.pem"
	serverFile    = "server.pem"
	trustFile     = "trust.pem"

	year        = 365 * 24 * time.Hour
	renewBefore = 30 * 24 * time.Hour

	maxName = 64 // what a certificate's common name may have
)

// DefaultDir returns the directory that server and client share on one machine.
func DefaultDir() string {
	config, err := os.UserConfigDir()
	if err != nil {
		return "queuednet-example-tls"
	}
	return filepath.Join(config, "queuednet-example-tls")
}

// A Dir is a directory of keys, of which this program holds the authority's.
type Dir struct {
	path      string
	authority tls.Certificate
}

// Open opens a directory, and makes it and the authority at the first run.
func Open(path string) (*Dir, error) {
	if err := os.MkdirAll(filepath.Join(path, "accounts"), 0o700); err != nil {
		return nil, err
	}
	d := &Dir{path: path}
	authority, err := load(d.file(authorityFile))
	if errors.Is(err, fs.ErrNotExist) {
		authority, err = d.make(authorityFile, &x509.Certificate{
			Subject:               pkix.Name{CommonName: "the authority of a queuednet example"},
			NotAfter:              time.Now().Add(10 * year),
			IsCA:                  true,
			BasicConstraintsValid: true,
			MaxPathLenZero:        true,
			KeyUsage:              x509.KeyUsageCertSign,
		})
	}
	if err != nil {
		return nil, err
	}
	d.authority = authority
	return d, write(d.file(trustFile), certificateBlock(authority.Leaf.Raw))
}

// Server returns the TLS of a server that clients know by some names or IP
// addresses. The certificate is made if there is none for all of these, or if it
// is about to expire. A client may show the certificate of an account; one that
// the authority has not signed ends the handshake.
func (d *Dir) Server(names []string) (*tls.Config, error) {
	certificate, err := load(d.file(serverFile))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !serves(certificate.Leaf, names) {
		template := &x509.Certificate{
			Subject:     pkix.Name{CommonName: names[0]},
			NotAfter:    time.Now().Add(year),
			KeyUsage:    x509.KeyUsageDigitalSignature,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, // not an account
		}
		for _, name := range names {
			if ip := net.ParseIP(name); ip != nil {
				template.IPAddresses = append(template.IPAddresses, ip)
			} else {
				template.DNSNames = append(template.DNSNames, name)
			}
		}
		certificate, err = d.make(serverFile, template)
	}
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		Certificates: []tls.Certificate{certificate},
		ClientCAs:    pool(d.authority.Leaf),
		ClientAuth:   tls.VerifyClientCertIfGiven, // who has none is told so by a datagram
		MinVersion:   tls.VersionTLS13,
	}, nil
}

// serves reports whether a server's certificate is good for all the names, and
// for some time.
func serves(leaf *x509.Certificate, names []string) bool {
	for _, name := range names {
		if leaf.VerifyHostname(name) != nil {
			return false
		}
	}
	return time.Until(leaf.NotAfter) > renewBefore
}

// MakeAccount makes the certificate of an account and returns its file. An account
// that is there already keeps its own.
func (d *Dir) MakeAccount(name string) (file string, err error) {
	if err := checkName(name); err != nil {
		return "", err
	}
	file = accountFile(name)
	if _, err := os.Stat(d.file(file)); err == nil {
		return d.file(file), nil
	}
	_, err = d.make(file, &x509.Certificate{
		Subject:     pkix.Name{CommonName: name},
		NotAfter:    time.Now().Add(year),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, // not a server
	})
	return d.file(file), err
}

// Account returns the account of a connection whose handshake is done: false for
// one that has shown no certificate.
func Account(state tls.ConnectionState) (name string, ok bool) {
	if len(state.VerifiedChains) == 0 {
		return "", false
	}
	return state.VerifiedChains[0][0].Subject.CommonName, true
}

// Client returns the TLS of a client from what it was given: trust.pem of a
// directory and, if the account is not empty, the certificate of that.
func Client(path, account string) (*tls.Config, error) {
	pem, err := os.ReadFile(filepath.Join(path, trustFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: the server makes it at its first run", err)
	} else if err != nil {
		return nil, err
	}
	config := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS13}
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s has no certificate", filepath.Join(path, trustFile))
	}
	if account == "" {
		return config, nil
	}
	if err := checkName(account); err != nil {
		return nil, err
	}
	certificate, err := load(filepath.Join(path, accountFile(account)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: make the account with go run ./examples/tls account %s", err, account)
	} else if err != nil {
		return nil, err
	}
	config.Certificates = []tls.Certificate{certificate}
	return config, nil
}

func accountFile(name string) string { return filepath.Join("accounts", name+".pem") }

// checkName allows what is safe as a file's name on every system.
func checkName(name string) error {
	if name == "" || len(name) > maxName {
		return fmt.Errorf("an account's name has 1 to %d letters, not %d", maxName, len(name))
	}
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') {
			return fmt.Errorf("an account's name has the letters A to Z and digits only, not %q", name)
		}
	}
	return nil
}

func (d *Dir) file(name string) string { return filepath.Join(d.path, name) }

// make makes a key and a certificate for it, signed by the authority, or, until
// there is one, by itself.
func (d *Dir) make(file string, template *x509.Certificate) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template.NotBefore = time.Now().Add(-time.Hour) // clocks differ
	issuer, issuerKey := template, any(key)
	if d.authority.Leaf != nil {
		issuer, issuerKey = d.authority.Leaf, d.authority.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, key.Public(), issuerKey)
	if err != nil {
		return tls.Certificate{}, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return tls.Certificate{}, err
	}
	if err := write(d.file(file), certificateBlock(der), keyBlock(private)); err != nil {
		return tls.Certificate{}, err
	}
	return load(d.file(file))
}

func pool(certificate *x509.Certificate) *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(certificate)
	return p
}
