package player

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/queuednet/queuednet/websocket"
)

// Dialer returns the Dial of Options for an address: host:port is for TCP, or for
// TLS if config is not nil; ws://… and wss://… are for WebSockets. In a browser there
// are only these, and config is not used. Of several addresses, with commas between, each
// attempt takes the next one: if a server is gone another one is tried.
func Dialer(addresses string, config *tls.Config) func(context.Context) (net.Conn, error) {
	var dialers []func(context.Context) (net.Conn, error)
	for address := range strings.SplitSeq(addresses, ",") {
		dialers = append(dialers, dialer(address, config))
	}
	var next atomic.Uint32
	return func(ctx context.Context) (net.Conn, error) {
		return dialers[(next.Add(1)-1)%uint32(len(dialers))](ctx)
	}
}

func dialer(address string, config *tls.Config) func(context.Context) (net.Conn, error) {
	if strings.HasPrefix(address, "ws://") || strings.HasPrefix(address, "wss://") {
		options := &websocket.DialOptions{}
		if config != nil {
			options.Transport = &http.Transport{TLSClientConfig: config}
		}
		return func(ctx context.Context) (net.Conn, error) { return websocket.Dial(ctx, address, options) }
	}
	if config != nil {
		dialer := &tls.Dialer{Config: config}
		return func(ctx context.Context) (net.Conn, error) { return dialer.DialContext(ctx, "tcp", address) }
	}
	return func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}
}
