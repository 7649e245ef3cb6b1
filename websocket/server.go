//go:build !js

package websocket

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/queuednet/queuednet"
)

// ServerOptions are the settings of a [Server]. The zero value of each field
// means the default in its comment.
type ServerOptions struct {
	// Config is the Config of the manager that adopts the server: its
	// TCPHeaderSize, MaxDatagramSize and CloseTimeout hold for the connections.
	// Default: nil, the defaults of queuednet.
	Config *queuednet.Config

	// Origins are the hosts, besides that of the server, whose pages may
	// connect, such as "example.com" or "*.example.com", or with a scheme as in
	// "https://example.com". A * matches any part of a host. Other pages are
	// refused with status 403. Programs that are not browsers name no origin,
	// and may connect. Default: none.
	Origins []string

	// AnyOrigin lets every page connect. Default: false.
	AnyOrigin bool

	// TrustedProxies are the addresses of the proxies in front of the server.
	// If a connection comes from one of them, the address of the client is the
	// last one in the ProxyHeader that is not a proxy's; those before it may be
	// invented. A connection from any other address is its own client, whatever
	// its headers say. Default: none.
	TrustedProxies []netip.Prefix

	// ProxyHeader is the header to which the trusted proxies add the address of the
	// client that connected to them: "X-Forwarded-For" or "Forwarded" (RFC 7239). It
	// must be the one that they write, because they pass the other on as the client sent
	// it. Default: "X-Forwarded-For".
	ProxyHeader string

	// PingInterval is how often the peer is asked whether it is still there, which also
	// keeps proxies from closing an idle connection. If nothing arrives for twice as
	// long, while the connection is being read, it ends with queuednet.ErrNoAnswer.
	// Negative: never. Default: 15 seconds.
	PingInterval time.Duration

	// Backlog bounds the connections that the manager has not accepted yet;
	// those beyond it are refused with status 503. Default: 1,000.
	Backlog int
}

// A Server is the HTTP handler to which clients connect, and the net.Listener
// for [queuednet.QueuedConnectionManager.AdoptRendezvous] from which these
// connections come. Its methods may be called from any goroutine.
type Server struct {
	options  ServerOptions
	settings settings
	queue    chan *conn
	slots    chan struct{} // one for each connection that is in queue or will be

	mu     sync.Mutex
	closed chan struct{} // closed with mu held, so that nothing is queued after
}

// NewServer returns a server; nil options stand for the defaults. It fails if a
// pattern of Origins, or the ProxyHeader, is not valid.
func NewServer(options *ServerOptions) (*Server, error) {
	s := &Server{closed: make(chan struct{})}
	if options != nil {
		s.options = *options
	}
	for _, pattern := range s.options.Origins {
		if _, err := path.Match(pattern, ""); err != nil {
			return nil, fmt.Errorf("websocket: ServerOptions.Origins: %q: %w", pattern, err)
		}
	}
	switch http.CanonicalHeaderKey(s.options.ProxyHeader) {
	case "":
		s.options.ProxyHeader = forwardedFor
	case forwardedFor, forwarded:
	default:
		return nil, fmt.Errorf("websocket: ServerOptions.ProxyHeader cannot be %q", s.options.ProxyHeader)
	}
	if s.options.Backlog < 0 {
		return nil, fmt.Errorf("websocket: ServerOptions.Backlog cannot be %d", s.options.Backlog)
	}
	if s.options.Backlog == 0 {
		s.options.Backlog = 1000
	}
	s.settings = settingsOf(s.options.Config, s.options.PingInterval)
	s.queue = make(chan *conn, s.options.Backlog)
	s.slots = make(chan struct{}, s.options.Backlog)
	return s, nil
}

// ServeHTTP makes a WebSocket of a request and queues it for Accept. A request
// that is refused gets an HTTP status, and a text that says why.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case <-s.closed:
		http.Error(w, "the server is closed", http.StatusServiceUnavailable)
		return
	case s.slots <- struct{}{}:
	default:
		http.Error(w, "too many connections are waiting", http.StatusServiceUnavailable)
		return
	}
	if c := s.upgrade(w, r); c == nil || !s.enqueue(c) {
		<-s.slots
	}
}

// upgrade returns the connection that r asks for, nil if it has been refused.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request) *conn {
	if r.Header.Get("Upgrade") != "" && !offers(r.Header) {
		http.Error(w, "the subprotocol must be "+Datagrams+" or "+Stream, http.StatusBadRequest)
		return nil
	}
	h := &hijacker{ResponseWriter: w}
	ws, err := websocket.Accept(h, r, &websocket.AcceptOptions{
		Subprotocols:       []string{Datagrams, Stream},
		OriginPatterns:     s.options.Origins,
		InsecureSkipVerify: s.options.AnyOrigin,
		CompressionMode:    websocket.CompressionDisabled,
	})
	if err != nil {
		return nil // and answered
	}
	client := clientAddr(r, s.options.TrustedProxies, s.options.ProxyHeader)
	c := newConn(ws, h.transport, s.settings, client)
	c.server = true
	return c
}

// enqueue queues a connection for Accept. It reports false, and closes it, if
// the server has been closed.
func (s *Server) enqueue(c *conn) bool {
	s.mu.Lock()
	if !s.isClosed() {
		s.queue <- c // there is room for each slot
		s.mu.Unlock()
		return true
	}
	s.mu.Unlock()
	c.CloseWithReason(queuednet.ErrManagerClosed)
	return false
}

// offers reports whether a client offers one of the subprotocols.
func offers(header http.Header) bool {
	for _, line := range header.Values("Sec-WebSocket-Protocol") {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.TrimSpace(name); name == Datagrams || name == Stream {
				return true
			}
		}
	}
	return false
}

// Accept BLOCKS until a client has connected. It fails with net.ErrClosed after
// Close.
func (s *Server) Accept() (net.Conn, error) {
	select {
	case <-s.closed:
		return nil, net.ErrClosed
	default:
	}
	select {
	case c := <-s.queue:
		<-s.slots
		return c, nil
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

// Close refuses clients that connect from now on, and closes the connections
// that have not been accepted, in the background. Connections that have been
// accepted stay.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isClosed() {
		return net.ErrClosed
	}
	close(s.closed)
	for {
		select {
		case c := <-s.queue:
			go c.CloseWithReason(queuednet.ErrManagerClosed)
		default:
			return nil
		}
	}
}

func (s *Server) isClosed() bool {
	select {
	case <-s.closed:
		return true
	default:
		return false
	}
}

// Addr returns an address that says no more than "websocket", because the
// program is what listens.
func (s *Server) Addr() net.Addr { return addr("websocket") }

// A hijacker puts a transport between a WebSocket and the socket of the request.
type hijacker struct {
	http.ResponseWriter
	transport *transport
}

// Hijack implements http.Hijacker.
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	socket, buffered, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.transport = &transport{Conn: socket}
	buffered.Writer.Reset(h.transport)
	return h.transport, buffered, nil
}
