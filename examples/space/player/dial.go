package player

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"strings"

	"github.com/queuednet/queuednet/websocket"
)

// Dialer returns the Dial of Options for an address: host:port is for TCP, or for
// TLS if config is not nil; ws://… and wss://… are for WebSockets. In a browser there
// are only these, and config is not used.
func Dialer(address string, config *tls.Config) func(context.Context) (net.Conn, error) {
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
