// Command server is the server of the space game, without a picture:
//
//	go run ./server
//
// It has a world, into which clients come by TCP and by WebSocket, a page on which
// the game is played, one for its operators, and some bots, so that nobody is alone. With -bots 200 it
// is its own load test: what each bot gets comes over a socket.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/queuednet/queuednet/examples/space/game"
	"github.com/queuednet/queuednet/examples/space/player"
)

func main() {
	log.SetFlags(log.Ltime)
	o, bots, duration := flags()
	s, err := newServer(o)
	if err != nil {
		log.Fatal(err)
	}
	s.greet()
	stop := make(chan struct{})
	go func() {
		wait(duration)
		close(stop)
	}()
	swarm := s.newSwarm(bots)
	everyTick(stop, func(time.Time) { s.frame() })
	swarm.close()
	s.close()
}

// flags returns what the command line says.
func flags() (o settings, bots int, duration time.Duration) {
	flag.StringVar(&o.TCP, "tcp", "localhost:4070", "address for clients of TCP; :4070 for those of other machines too")
	flag.StringVar(&o.HTTP, "http", "localhost:8070", "address of the page; :8070 for other machines too")
	flag.StringVar(&o.Inspect, "inspect", "localhost:6070", "address of a page for operators, which tells the players' addresses; empty for none")
	secure := flag.Bool("tls", false, "TLS on both; at the first run a certificate is made")
	dir := flag.String("certificate", "", "directory with cert.pem and key.pem for -tls (default: queuednet-space in that of the user's settings)")
	origins := flag.String("origins", "", "other hosts, with commas between, whose pages may connect")
	flag.StringVar(&o.Admin, "admin", "", "the word that makes an admin (default: a new one)")
	flag.Uint64Var(&o.Seed, "seed", 7, "of the world")
	flag.IntVar(&o.Players, "players", 300, "at most")
	o.Rate = 3 * game.TicksPerSecond
	flag.DurationVar(&o.Keep, "keep", 30*time.Second, "how long a ship waits for a player who was cut off")
	flag.DurationVar(&o.Idle, "idle", 5*time.Minute, "without a key, until a player is sent away")
	flag.DurationVar(&o.Report, "report", 10*time.Second, "how often to print figures, 0 for never")
	file := flag.String("wasm", "", "the client for browsers, if it is not to be built")
	cluster := clusterFlags()
	flag.IntVar(&bots, "bots", 5, "how many bots play")
	flag.DurationVar(&duration, "for", 0, "stop after this time (default: at an interrupt)")
	flag.Parse()
	o.Admin = cmp.Or(o.Admin, rand.Text()[:8])
	var err error
	if *secure {
		if *dir == "" {
			base, err := os.UserConfigDir()
			if err != nil {
				log.Fatal("-certificate is needed: ", err)
			}
			*dir = filepath.Join(base, "queuednet-space")
		}
		if o.TLS, err = certificate(*dir); err != nil {
			log.Fatal(err)
		}
	}
	if o.Cluster, err = cluster(); err != nil {
		log.Fatal(err)
	}
	if *origins != "" {
		o.Origins = strings.Split(*origins, ",")
	}
	o.Client = newWasmClient(*file)
	return o, bots, duration
}

// greet prints how to play.
func (s *server) greet() {
	scheme, secure := "http", ""
	if s.TLS != nil {
		scheme, secure = "https", " -tls"
	}
	log.Printf("play in a browser: %s://%s", scheme, s.web.socket.Addr())
	log.Printf("or natively: go run ./client%s -server %s", secure, s.tcp.Addr())
	if s.inspect != nil {
		log.Printf("see who is connected: http://%s/debug/queuednet/", s.inspect.socket.Addr())
	}
	log.Printf("to be an admin, who may /kick NAME, say in the game: /admin %s", s.Admin)
}

// newSwarm starts bots that play on this server.
func (s *server) newSwarm(n int) *swarm {
	scheme := "ws"
	var config *tls.Config
	if s.TLS != nil {
		scheme, config = "wss", trusting(s.TLS)
	}
	url := fmt.Sprintf("%s://%s/play", scheme, s.web.socket.Addr())
	return newSwarm(n, s.Report, player.Dialer(s.tcp.Addr().String(), config), player.Dialer(url, config))
}

// trusting returns the settings of a client on this machine that trusts the
// server's certificate, and no other.
func trusting(server *tls.Config) *tls.Config {
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	for _, der := range server.Certificates[0].Certificate {
		if cert, err := x509.ParseCertificate(der); err == nil {
			config.RootCAs.AddCert(cert)
			if len(cert.DNSNames) > 0 && config.ServerName == "" {
				config.ServerName = cert.DNSNames[0]
			}
		}
	}
	return config
}

// wait BLOCKS until the process is to stop.
func wait(duration time.Duration) {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if duration > 0 {
		ctx, cancel = context.WithTimeout(ctx, duration)
		defer cancel()
	}
	<-ctx.Done()
}
