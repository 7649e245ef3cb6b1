//go:build !queuednet_noserver

package cluster

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// embedded is the NATS server in this process. It has goroutines of its own, until stop.
type embedded struct {
	server   *server.Server
	password string // of the only client
}

// startEmbedded starts a server that expects routes, and BLOCKS until it does, some 30 ms.
func startEmbedded(c *Config, incarnation uint64) (*embedded, error) {
	secret := make([]byte, 32)
	rand.Read(secret)
	e := &embedded{password: hex.EncodeToString(secret)}
	options, err := e.serverOptions(c, incarnation)
	if err != nil {
		return nil, err
	}
	if err := isFree(c.Listen); err != nil {
		return nil, fmt.Errorf("cluster: Config.Listen: %w", err)
	}
	e.server, err = server.NewServer(options)
	if err != nil {
		return nil, fmt.Errorf("cluster: the embedded server: %w", err)
	}
	log := &serverLog{logger: c.Logger, first: make(chan string, 1)}
	e.server.SetLogger(log, false, false)
	e.server.Start()
	if e.server.ReadyForConnections(10 * time.Second) {
		return e, nil
	}
	e.server.Shutdown()
	select {
	case text := <-log.first:
		return nil, fmt.Errorf("cluster: the embedded server: %s", text)
	default:
		return nil, fmt.Errorf("cluster: the embedded server does not start")
	}
}

// isFree tells of a port that is in use in the system's words: the server only logs it.
func isFree(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	return l.Close()
}

func (e *embedded) serverOptions(c *Config, incarnation uint64) (*server.Options, error) {
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return nil, &ConfigError{"Listen", c.Listen, err.Error()}
	}
	number, err := net.LookupPort("tcp", port)
	if err != nil {
		return nil, &ConfigError{"Listen", c.Listen, err.Error()}
	}
	if number == 0 {
		number = -1 // the server's way to say it
	}
	if host == "" {
		host = "0.0.0.0"
	}
	options := &server.Options{
		ServerName: strconv.Itoa(int(c.Number)) + "-" + strconv.FormatUint(incarnation, 16),
		NoSigs:     true,
		NoLog:      true,
		// Routes wait for the client listener, so there has to be one: on the loopback,
		// for nobody but the connection in this process.
		Host:            "127.0.0.1",
		Port:            -1,
		Username:        "queuednet",
		Password:        e.password,
		AuthTimeout:     60,
		MaxPayload:      1 << 20,
		WriteDeadline:   selfTimeout,
		PingInterval:    selfTimeout,
		NoSystemAccount: true,
		Cluster:         clusterOptions(c, host, number),
	}
	for _, route := range c.Routes {
		u := &url.URL{Scheme: "nats-route", Host: route}
		if c.Secret != "" {
			u.User = url.UserPassword("queuednet", c.Secret)
		}
		options.Routes = append(options.Routes, u)
	}
	return options, nil
}

// selfTimeout is how long this process waits for itself: an end of the connection between it and its
// server that does not answer is busy, not lost.
const selfTimeout = time.Hour

// routeRetries is how often a server tries to reach one that it has lost, a second apart: for a day.
const routeRetries = 24 * 60 * 60

func clusterOptions(c *Config, host string, port int) server.ClusterOpts {
	options := server.ClusterOpts{
		Name:        c.Cluster,
		Host:        host,
		Port:        port,
		Advertise:   c.Advertise,
		NoAdvertise: true,
		// A route to a node that was learned from another one is no setting, and would be given up
		// at the first try that fails.
		ConnectRetries: routeRetries,
		PoolSize:       -1, // one connection to each, which all order hangs on
		AuthTimeout:    2,
		WriteDeadline:  max(natsTimeout, c.DeadAfter),
		PingInterval:   c.natsPing(),
		MaxPingsOut:    natsPings,
		Compression:    server.CompressionOpts{Mode: server.CompressionOff},
	}
	if c.Secret != "" {
		options.Username, options.Password = "queuednet", c.Secret
	}
	if c.TLS != nil {
		options.TLSConfig = bothWays(c.TLS)
		options.TLSTimeout = 2
	}
	return options
}

// bothWays makes a tls.Config for both ends of a route that verify each other.
func bothWays(c *tls.Config) *tls.Config {
	c = c.Clone()
	c.MinVersion = tls.VersionTLS13
	c.ClientAuth = tls.RequireAndVerifyClientCert
	if c.ClientCAs == nil {
		c.ClientCAs = c.RootCAs
	}
	return c
}

// client returns the options of a carrier's connection to the server.
func (e *embedded) client(c *carrier) []nats.Option {
	return []nats.Option{
		nats.InProcessServer(&inProcess{e, c}), nats.UserInfo("queuednet", e.password),
		nats.Timeout(selfTimeout), nats.FlusherTimeout(0), nats.PingInterval(0),
	}
}

// inProcess is nats.go's way to ask for a connection to the server.
type inProcess struct {
	e *embedded
	c *carrier
}

// InProcessConn connects to the server, until the carrier breaks it off.
func (p *inProcess) InProcessConn() (net.Conn, error) {
	return p.c.keep(p.e.server.InProcessConn())
}

// address returns where routes are expected.
func (e *embedded) address() string {
	if a := e.server.ClusterAddr(); a != nil {
		return a.String()
	}
	return ""
}

// stop ends the server and BLOCKS until its goroutines have ended.
func (e *embedded) stop() {
	e.server.Shutdown()
	e.server.WaitForShutdown()
}

// serverLog is the server's logger. It keeps the first thing for which the server gave up, and tells the
// program's of nodes that are refused, or refuse this one: nothing else does.
type serverLog struct {
	logger *slog.Logger
	once   sync.Once
	first  chan string

	mu     sync.Mutex
	logged time.Time
}

// refusalEvery is how often a refusal is logged at most: a node that is refused comes again each second.
const refusalEvery = 10 * time.Second

func (l *serverLog) Fatalf(format string, v ...any) {
	l.once.Do(func() { l.first <- fmt.Sprintf(format, v...) })
}

func (l *serverLog) Errorf(format string, v ...any) {
	if l.logger == nil {
		return
	}
	text := fmt.Sprintf(format, v...)
	if !strings.Contains(text, "authentication error") && !strings.Contains(text, "Route Error") && !strings.Contains(text, "handshake error") {
		return
	}
	l.mu.Lock()
	now := time.Now()
	again := now.Sub(l.logged) < refusalEvery
	if !again {
		l.logged = now
	}
	l.mu.Unlock()
	if !again {
		l.logger.Warn("cluster: a route is refused: see whether its two nodes have the same Secret and authority", "error", text)
	}
}

func (*serverLog) Noticef(string, ...any) {}
func (*serverLog) Warnf(string, ...any)   {}
func (*serverLog) Debugf(string, ...any)  {}
func (*serverLog) Tracef(string, ...any)  {}
