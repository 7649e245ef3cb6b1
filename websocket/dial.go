package websocket

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/queuednet/queuednet"
)

// DialOptions are the settings of [Dial]. The zero value of each field means the
// default in its comment.
type DialOptions struct {
	// Config is the Config of the manager that the connection is for: its
	// TCPHeaderSize, MaxDatagramSize and CloseTimeout hold. Default: nil, the
	// defaults of queuednet.
	Config *queuednet.Config

	// Stream asks for the subprotocol Stream instead of Datagrams.
	Stream bool

	// Header is added to the request: cookies, tokens, an Origin. A browser adds
	// its own and takes none. Default: none.
	Header http.Header

	// Transport is what connects: set its TLSClientConfig for certificates of
	// your own, or its Proxy. It is copied; its DialContext is called, and its
	// DialTLSContext is not. A browser has none. Default: the proxy of the
	// environment, and the certificates of the system.
	Transport *http.Transport

	// PingInterval is as in ServerOptions. A browser cannot ask; it only answers.
	PingInterval time.Duration

	// MaxUnread bounds, in a browser only, the bytes that have arrived and that
	// the manager does not take because Config.MaxReceiveQueue is reached: a
	// page cannot make a server wait. If more arrives the connection ends with
	// ErrUnread. Default: 16 MiB.
	MaxUnread int
}

// Dial BLOCKS until it has connected to a server, at most until ctx is done.
// The scheme of the url is ws or wss, as in "wss://example.com/play". Hand Dial
// to BeginClientConnection of a manager, which calls it in the background, or
// the connection to AdoptConnection.
//
// A certificate that is not trusted, an origin that the server refuses, and a server
// that speaks neither subprotocol are errors of Dial. A browser does not tell a page
// why it could not connect: there each of them is a CloseError with status 1006.
func Dial(ctx context.Context, url string, options *DialOptions) (net.Conn, error) {
	if options == nil {
		options = new(DialOptions)
	}
	protocol := Datagrams
	if options.Stream {
		protocol = Stream
	}
	return dial(ctx, url, protocol, options)
}
