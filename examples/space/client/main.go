//go:build !js

// Command client is the client of the space game:
//
//	go run ./client
//
// Compiled for GOOS=js it is the same in a browser, from which the server serves it.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"flag"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hajimehoshi/ebiten/v2"
	"github.com/queuednet/queuednet/examples/space/player"
)

func main() {
	log.SetFlags(0)
	a := newApp(flags())
	if err := a.run(); err != nil {
		log.Fatal(err)
	}
	if a.shot != nil && a.shot.err != nil {
		log.Fatal(a.shot.err)
	}
}

func flags() (o options) {
	flag.StringVar(&o.address, "server", "localhost:4070", "address of the server, or its ws:// or wss:// URL; several servers of one world with commas between")
	flag.StringVar(&o.name, "name", os.Getenv("USER"), "your name")
	flag.BoolVar(&o.bot, "bot", false, "let a bot play")
	secure := flag.Bool("tls", false, "connect by TLS")
	ca := flag.String("ca", "", "a certificate to trust (default: that of a server on this machine)")
	shot := flag.String("screenshot", "", "write a picture of a fight to this file, and end")
	after := flag.Duration("after", 5*time.Second, "when -screenshot begins to look for one; it takes what there is after twenty times as long")
	flag.Parse()
	var config *tls.Config
	if *secure || strings.HasPrefix(o.address, "wss://") {
		config = trusted(*ca)
	}
	o.dial = player.Dialer(o.address, config)
	if *shot != "" {
		now := time.Now()
		o.shot = &screenshot{file: *shot, from: now.Add(*after), until: now.Add(20 * *after)}
	}
	return o
}

// trusted returns the settings for TLS: the system's certificates, and one more.
func trusted(file string) *tls.Config {
	asked := file != ""
	if base, err := os.UserConfigDir(); err == nil && !asked {
		file = filepath.Join(base, "queuednet-space", "cert.pem")
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		if asked {
			log.Fatal(err)
		}
		return &tls.Config{}
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		log.Fatal(file, " is no certificate")
	}
	return &tls.Config{RootCAs: pool}
}

func setCaption(s string) { ebiten.SetWindowTitle(s) }
