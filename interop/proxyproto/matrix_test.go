// Package proxyproto_test runs the library behind the real go-proxyproto.
package proxyproto_test

import (
	"crypto/tls"
	"net"
	"testing"

	"github.com/pires/go-proxyproto"

	"github.com/queuednet/queuednet/internal/matrix"
	"github.com/queuednet/queuednet/internal/testend"
	"github.com/queuednet/queuednet/internal/testnet"
)

// The addresses that the proxy tells.
var (
	client = &net.TCPAddr{IP: net.IPv4(203, 0, 113, 7), Port: 4711}
	target = &net.TCPAddr{IP: net.IPv4(198, 51, 100, 1), Port: 443}
)

// Every promise behind a proxy, with both versions of the protocol, and with TLS.
func TestMatrix(t *testing.T) {
	for _, kind := range []testend.Kind{behindProxy(1), behindProxy(2), overTLS(behindProxy(2))} {
		t.Run(kind.Name, func(t *testing.T) { matrix.Run(t, kind) })
	}
}

// behindProxy is a TCP socket whose peer introduces itself as a proxy does.
func behindProxy(version byte) testend.Kind {
	return testend.Kind{
		Name: map[byte]string{1: "version 1", 2: "version 2"}[version],
		Listen: func(t testing.TB) (net.Listener, func() net.Conn) {
			tcp := listen(t)
			return &proxyproto.Listener{Listener: tcp}, func() net.Conn { return dial(t, tcp) }
		},
		Greet: func(socket net.Conn) net.Conn {
			_, _ = introduction(version).WriteTo(socket)
			return socket
		},
		Goroutines: 1,
	}
}

func introduction(version byte) *proxyproto.Header {
	return proxyproto.HeaderProxyFromAddrs(version, client, target)
}

func listen(t testing.TB) *net.TCPListener {
	tcp, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	return tcp
}

func dial(t testing.TB, to net.Listener) net.Conn {
	t.Helper()
	socket, err := net.Dial("tcp", to.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return socket
}

// overTLS is the kind with TLS over it, which ends behind the proxy.
func overTLS(below testend.Kind) testend.Kind {
	kind := below
	kind.Name = "TLS over " + below.Name
	server, client := testnet.TLSConfigs()
	kind.Listen = func(t testing.TB) (net.Listener, func() net.Conn) {
		listener, dial := below.Listen(t)
		return tls.NewListener(listener, server), dial
	}
	kind.Greet = func(socket net.Conn) net.Conn { return tls.Client(below.Greet(socket), client) }
	return kind
}
