package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/queuednet/queuednet/examples/internal/cli"
	"github.com/queuednet/queuednet/examples/internal/credentials"
)

// secretFile is for -secret, beside those for -tls.
const secretFile = "secret"

// runSecrets is for those who have no authority that issues certificates. One certificate
// for all nodes is enough: whoever has one may do everything anyway.
func runSecrets(args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("cluster -secrets", flag.ContinueOnError)
	dir := flags.String("dir", "secrets", "`directory` to write to; it must not exist")
	hosts := flags.String("hosts", "", "`names` and addresses of the nodes, as they are in -routes and -advertise, with commas between")
	if err := cli.Parse(flags, args, stdout); err != nil {
		return err
	}
	if len(credentials.List(*hosts)) == 0 {
		return fmt.Errorf("-hosts is needed")
	}
	if err := makeSecrets(*dir, credentials.List(*hosts)); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s has what the nodes need, for a year\n", *dir)
	return nil
}

// makeSecrets makes an authority, a certificate of it, and a secret. The authority's key
// is thrown away: it issues no other certificate.
func makeSecrets(dir string, hosts []string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	authority, authorityKey, err := issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: "world: authority"}, IsCA: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil, nil)
	if err != nil {
		return err
	}
	node := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "world: node"},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, // a route has both ends
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			node.IPAddresses = append(node.IPAddresses, ip)
		} else {
			node.DNSNames = append(node.DNSNames, host)
		}
	}
	node, nodeKey, err := issue(node, authority, authorityKey)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(nodeKey)
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		credentials.AuthorityFile:   pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.Raw}),
		credentials.CertificateFile: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: node.Raw}),
		credentials.KeyFile:         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
		secretFile:                  []byte(rand.Text() + rand.Text() + "\n"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// issue signs a certificate, with its own key if there is no parent.
func issue(template, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return nil, nil, err
	}
	template.NotBefore = time.Now().Add(-time.Hour)
	template.NotAfter = time.Now().AddDate(1, 0, 0)
	template.BasicConstraintsValid = true
	if parent == nil {
		parent, parentKey = template, key
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		return nil, nil, err
	}
	certificate, err := x509.ParseCertificate(raw)
	return certificate, key, err
}
