package keys

import (
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
)

func certificateBlock(der []byte) *pem.Block { return &pem.Block{Type: "CERTIFICATE", Bytes: der} }

func keyBlock(der []byte) *pem.Block { return &pem.Block{Type: "PRIVATE KEY", Bytes: der} }

// load reads a certificate and its key, which lie in one file.
func load(file string) (tls.Certificate, error) {
	certificate, err := tls.LoadX509KeyPair(file, file)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("%s: %w", file, err)
	}
	return certificate, nil
}

// write writes a whole file or none, which only this user may read.
func write(file string, blocks ...*pem.Block) error {
	var text bytes.Buffer
	for _, block := range blocks {
		if err := pem.Encode(&text, block); err != nil {
			return err
		}
	}
	temporary, err := os.CreateTemp(filepath.Dir(file), "new-*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(text.Bytes())
	if closeErr := temporary.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(temporary.Name(), file)
}
