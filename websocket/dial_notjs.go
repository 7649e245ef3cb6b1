//go:build !js

package websocket

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/coder/websocket"
)

func dial(ctx context.Context, url, protocol string, options *DialOptions) (net.Conn, error) {
	var below *transport
	ws, response, err := websocket.Dial(ctx, url, &websocket.DialOptions{
		HTTPClient:      &http.Client{Transport: watched(options.Transport, &below)},
		HTTPHeader:      options.Header,
		Subprotocols:    []string{protocol},
		CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil {
		return nil, dialError(url, err, response)
	}
	if ws.Subprotocol() != protocol {
		ws.Close(websocket.StatusProtocolError, "subprotocol")
		return nil, fmt.Errorf("websocket: %s does not speak %s", url, protocol)
	}
	return newConn(ws, below, settingsOf(options.Config, options.PingInterval), below.RemoteAddr()), nil
}

// watched returns a copy of an HTTP transport, nil for the default, that puts a
// transport under the connection it makes and stores it in below.
func watched(base *http.Transport, below **transport) *http.Transport {
	if base == nil {
		base = &http.Transport{Proxy: http.ProxyFromEnvironment}
	}
	over := base.Clone()
	connect := over.DialContext
	if connect == nil {
		connect = new(net.Dialer).DialContext
	}
	over.DialTLSContext = nil
	over.Protocols = new(http.Protocols) // a WebSocket is one of HTTP/1.1
	over.Protocols.SetHTTP1(true)
	over.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	if over.TLSClientConfig != nil {
		over.TLSClientConfig.NextProtos = nil
	}
	over.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		socket, err := connect(ctx, network, address)
		if err != nil {
			return nil, err
		}
		*below = &transport{Conn: socket}
		return *below, nil
	}
	return over
}

// dialError adds the server's answer to the reason why there is no connection.
func dialError(url string, err error, response *http.Response) error {
	if response == nil || response.Body == nil {
		return fmt.Errorf("websocket: connecting to %s: %w", url, err)
	}
	said, _ := io.ReadAll(response.Body)
	text := strings.TrimSpace(string(said))
	return fmt.Errorf("websocket: connecting to %s: %w", url, errors.Join(err, fmt.Errorf("the server says %s: %q", response.Status, text)))
}
