package cluster

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// carrier is the connection to NATS. The pump alone calls what waits in it. Its handlers
// run on one goroutine of nats.go, and do not wait.
type carrier struct {
	n     *Node
	conn  *nats.Conn
	dial  func(ctx context.Context, network, address string) (net.Conn, error)
	state chan struct{} // capacity one; a token after a change
	ctx   context.Context
	slow  atomic.Bool // nats.go has dropped something that came

	mu     sync.Mutex
	raw    net.Conn // to break off what waits
	dead   bool     // broken off
	stop   context.CancelFunc
	failed string // why the last try to connect did not succeed
}

// Times of nats.go that are minutes by default.
const (
	natsTimeout       = 2 * time.Second
	natsReconnectWait = 100 * time.Millisecond
	natsPings         = 2 // that are not answered
)

// natsPing is how often an end of a connection of NATS is asked whether it is there: it is given up when it
// has not answered for a little longer than it takes to call its node dead.
func (c *Config) natsPing() time.Duration { return max(time.Second, c.DeadAfter/natsPings) }

// channelSize is how many NATS messages may wait for the receiver, which never waits
// itself: beyond it nats.go drops.
const channelSize = 65_536

func newCarrier(n *Node) *carrier {
	dialer := net.Dialer{Timeout: natsTimeout}
	c := &carrier{n: n, dial: dialer.DialContext, state: make(chan struct{}, 1)}
	c.ctx, c.stop = context.WithCancel(context.Background())
	return c
}

// connect BLOCKS. With external servers that do not answer it goes on in the background.
func (c *carrier) connect() (err error) {
	options, err := c.options()
	if err != nil {
		return err
	}
	url := strings.Join(c.n.config.Servers, ",")
	c.conn, err = nats.Connect(url, options...)
	if err == nil && c.conn.IsConnected() {
		c.up(c.conn)
	}
	return reason(err)
}

func (c *carrier) options() ([]nats.Option, error) {
	options := []nats.Option{
		nats.Name(c.n.config.Name),
		nats.NoEcho(),
		nats.ReconnectBufSize(-1), // the send queue is the only buffer
		nats.MaxReconnects(-1),
		nats.ReconnectWait(natsReconnectWait),
		nats.ReconnectJitter(natsReconnectWait, natsReconnectWait),
		nats.RetryOnFailedConnect(true),
		nats.Timeout(natsTimeout),
		nats.FlusherTimeout(natsTimeout),
		nats.PingInterval(c.n.config.natsPing()),
		nats.MaxPingsOutstanding(natsPings),
		nats.SkipSubjectValidation(), // subjects are made of tokens
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { c.down(err) }),
		nats.ReconnectErrHandler(c.outside),
		nats.ReconnectHandler(c.up),
		nats.ConnectHandler(c.up),
		nats.ClosedHandler(c.closed),
		nats.ErrorHandler(c.complains),
	}
	if c.n.server != nil {
		return append(options, c.n.server.client(c)...), nil
	}
	credentials, err := c.credentials()
	options = append(options, nats.SetCustomDialer(c))
	if c.n.config.TLS != nil {
		t := c.n.config.TLS.Clone()
		t.MinVersion = max(t.MinVersion, tls.VersionTLS12)
		options = append(options, nats.Secure(t))
	}
	return append(options, credentials...), err
}

// credentials makes of Config.Secret what the servers ask for.
func (c *carrier) credentials() ([]nats.Option, error) {
	secret := c.n.config.Secret
	if secret == "" {
		return nil, nil
	}
	if strings.Contains(secret, "-----BEGIN NATS USER JWT-----") {
		if _, err := nkeys.ParseDecoratedUserNKey([]byte(secret)); err != nil {
			return nil, &ConfigError{"Secret", "(credentials)", err.Error()}
		}
		return []nats.Option{nats.UserCredentialBytes([]byte(secret))}, nil
	}
	if strings.HasPrefix(secret, "SU") && len(secret) == 58 {
		pair, err := nkeys.FromSeed([]byte(secret))
		if err != nil {
			return nil, &ConfigError{"Secret", "(a seed)", err.Error()}
		}
		public, err := pair.PublicKey()
		if err != nil {
			return nil, &ConfigError{"Secret", "(a seed)", err.Error()}
		}
		return []nats.Option{nats.Nkey(public, pair.Sign)}, nil
	}
	if user, password, ok := strings.Cut(secret, ":"); ok {
		return []nats.Option{nats.UserInfo(user, password)}, nil
	}
	return []nats.Option{nats.Token(secret)}, nil
}

// Dial is nats.go's way to ask for a connection. It ends with the node.
func (c *carrier) Dial(network, address string) (net.Conn, error) {
	return c.keep(c.dial(c.ctx, network, address))
}

// keep notes a new connection, if there is one, for breakOff to close.
func (c *carrier) keep(conn net.Conn, err error) (net.Conn, error) {
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead {
		conn.Close()
		return nil, net.ErrClosed
	}
	c.raw = conn
	return conn, nil
}

// breakOff ends whatever waits in nats.go, and is not for one that goes on.
func (c *carrier) breakOff() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dead = true
	c.stop()
	if c.raw != nil {
		c.raw.Close()
	}
}

func (c *carrier) up(*nats.Conn) {
	if c.n.connected.Swap(true) {
		return
	}
	if c.n.connects.Add(1) > 1 {
		c.n.counters.reconnects.Add(1)
	}
	c.mu.Lock()
	c.failed = ""
	c.mu.Unlock()
	c.n.happened(Event{Kind: Connected})
	signal(c.state)
}

// outside tells why a try to connect has failed, each reason once; the first one is an event, if
// there was no connection before. nats.go tries again, unless the servers cannot do what the
// node needs.
func (c *carrier) outside(_ *nats.Conn, err error) {
	if c.n.isClosing() {
		return
	}
	if errors.Is(err, nats.ErrNkeysNotSupported) || errors.Is(err, nats.ErrNoEchoNotSupported) {
		c.n.fail(reason(err))
		return
	}
	c.mu.Lock()
	before := c.failed
	c.failed = err.Error()
	c.mu.Unlock()
	if before == "" && c.n.connects.Load() == 0 {
		c.n.happened(Event{Kind: Disconnected, Err: reason(err)})
	}
	if before != err.Error() {
		c.n.log("no way to the servers", "error", err)
	}
}

func (c *carrier) down(err error) {
	if !c.n.connected.Swap(false) || c.n.isClosing() {
		return
	}
	c.n.happened(Event{Kind: Disconnected, Err: reason(err)})
	signal(c.state)
}

func (c *carrier) closed(conn *nats.Conn) {
	c.n.connected.Store(false)
	err := conn.LastError()
	if err == nil {
		err = nats.ErrConnectionClosed
	}
	c.n.fail(reason(err)) // nothing, where the node closes it
	signal(c.state)
}

// complains takes what goes wrong on a connection that goes on.
func (c *carrier) complains(_ *nats.Conn, _ *nats.Subscription, err error) {
	if c.n.isClosing() {
		return
	}
	if errors.Is(err, nats.ErrSlowConsumer) {
		c.slow.Store(true)
		return
	}
	if errors.Is(err, nats.ErrPermissionViolation) {
		c.n.fail(reason(err))
		return
	}
	c.n.log("NATS says", "error", err)
}

// reason says in the module's words why NATS is not to be had.
func reason(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, nats.ErrNkeysNotSupported), errors.Is(err, nats.ErrPermissionViolation), refusal(err):
		return fmt.Errorf("%w: %w", ErrCredentials, err)
	case errors.Is(err, nats.ErrNoEchoNotSupported):
		return fmt.Errorf("%w: %w", ErrServerVersion, err)
	}
	return fmt.Errorf("cluster: %w", err)
}

// refusal reports whether a server does not let the node in. nats.go has values for that, but what a server says
// while the connection begins is a text.
func refusal(err error) bool {
	said := strings.ToLower(err.Error())
	for _, text := range []string{"authorization violation", "authentication expired", "authentication revoked"} {
		if strings.Contains(said, text) {
			return true
		}
	}
	return false
}
