package keys

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func open(t *testing.T, path string) *Dir {
	t.Helper()
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// server returns the server's certificate for some names.
func server(t *testing.T, d *Dir, names ...string) *x509.Certificate {
	t.Helper()
	config, err := d.Server(names)
	if err != nil {
		t.Fatal(err)
	}
	return config.Certificates[0].Leaf
}

// What was made stays, until it does not serve any more.
func TestMadeOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	first := open(t, path)
	leaf := server(t, first, "localhost", "127.0.0.1")
	again := open(t, path)
	if !again.authority.Leaf.Equal(first.authority.Leaf) {
		t.Error("another authority")
	}
	if !server(t, again, "127.0.0.1").Equal(leaf) {
		t.Error("another certificate for fewer names")
	}
	other := server(t, again, "example.com", "::1")
	if other.Equal(leaf) || other.VerifyHostname("example.com") != nil || other.VerifyHostname("::1") != nil {
		t.Errorf("%v and %v", other.DNSNames, other.IPAddresses)
	}
	if serves(other, []string{"example.com"}) == false || time.Until(other.NotAfter) < 300*24*time.Hour {
		t.Error("it does not serve for a year")
	}
	other.NotAfter = time.Now().Add(24 * time.Hour)
	if serves(other, []string{"example.com"}) {
		t.Error("it serves on its last day")
	}

	account, err := again.MakeAccount("Ada")
	if err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(account)
	if _, err := again.MakeAccount("Ada"); err != nil {
		t.Fatal(err)
	}
	if after, _ := os.ReadFile(account); string(after) != string(before) {
		t.Error("the account has another certificate")
	}
}

// An account makes nobody a server, nor the reverse.
func TestUsage(t *testing.T) {
	d := open(t, t.TempDir())
	file, err := d.MakeAccount("Ada")
	if err != nil {
		t.Fatal(err)
	}
	account, err := load(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		leaf *x509.Certificate
		use  x509.ExtKeyUsage
		good bool
	}{
		{account.Leaf, x509.ExtKeyUsageClientAuth, true},
		{account.Leaf, x509.ExtKeyUsageServerAuth, false},
		{server(t, d, "localhost"), x509.ExtKeyUsageServerAuth, true},
		{server(t, d, "localhost"), x509.ExtKeyUsageClientAuth, false},
	} {
		options := x509.VerifyOptions{Roots: pool(d.authority.Leaf), KeyUsages: []x509.ExtKeyUsage{test.use}}
		if _, err := test.leaf.Verify(options); (err == nil) != test.good {
			t.Errorf("%v: %v", test.leaf.Subject, err)
		}
	}
}

// Nobody else on the machine can read the keys, and clients get none.
func TestPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	d := open(t, path)
	server(t, d, "localhost")
	if _, err := d.MakeAccount("Ada"); err != nil {
		t.Fatal(err)
	}
	trust, err := os.ReadFile(filepath.Join(path, trustFile))
	if err != nil || strings.Contains(string(trust), "PRIVATE") {
		t.Errorf("trust.pem: %v, %s", err, trust)
	}
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such permissions")
	}
	for _, file := range []string{".", "accounts", authorityFile, serverFile, "accounts/Ada.pem"} {
		info, err := os.Stat(filepath.Join(path, file))
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", file, info.Mode(), err)
		}
	}
}

// A file that is broken is an error that names it, not a reason for a new one.
func TestBroken(t *testing.T) {
	path := t.TempDir()
	open(t, path)
	file := filepath.Join(path, authorityFile)
	if err := os.WriteFile(file, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), file) {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(path, trustFile), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Client(path, ""); err == nil || !strings.Contains(err.Error(), "trust.pem has no certificate") {
		t.Error(err)
	}
}
