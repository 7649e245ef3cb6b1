//go:build !js

package websocket

import (
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"testing"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/internal/matrix"
	"github.com/queuednet/queuednet/internal/testend"
)

// Every promise on a WebSocket, whose peer is one too.
func TestMatrix(t *testing.T) {
	for _, kind := range socketKinds() {
		t.Run(kind.Name, func(t *testing.T) { matrix.Run(t, kind) })
	}
}

// TABLE.md has the matrix that TestMatrix runs.
func TestTableHasTheMatrix(t *testing.T) {
	matrix.CheckTable(t, "../conformance/TABLE.md", "the matrix of WebSockets", socketKinds())
}

func socketKinds() []testend.Kind {
	return []testend.Kind{socketKind("datagrams", false, nil), socketKind("stream", true, nil)}
}

// What a WebSocket cannot do.
const (
	closedWhole   = "a WebSocket is closed whole, in both directions"
	wholeMessages = "a message is a whole datagram: there are no headers, and no part of one arrives"
)

// socketKind is one kind of WebSocket, for managers with this Config.
func socketKind(name string, stream bool, config *queuednet.Config) testend.Kind {
	kind := testend.Kind{
		Name: name,
		For: func(config *queuednet.Config) testend.Kind {
			kind := socketKind(name, stream, config)
			kind.For = nil
			return kind
		},
		Listen: func(t testing.TB) (net.Listener, func() net.Conn) {
			return listenAndDial(t, &ServerOptions{Config: config}, &DialOptions{Config: config, Stream: stream})
		},
		Good:       isGoodEnd,
		Goroutines: 2,
		Cannot:     map[testend.Ability]string{testend.HalfEnd: closedWhole},
	}
	if !stream {
		kind.Cannot[testend.Stream] = wholeMessages
	}
	return kind
}

// isGoodEnd reports whether a peer has not given anything up: it has closed the
// connection, or its whole manager.
func isGoodEnd(err error) bool {
	var closed *CloseError
	return err == io.EOF || errors.As(err, &closed) && closed.Code == statusGoingAway
}

func listenAndDial(t testing.TB, server *ServerOptions, client *DialOptions) (net.Listener, func() net.Conn) {
	t.Helper()
	s, err := NewServer(server)
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	return s, func() net.Conn {
		t.Helper()
		socket, err := Dial(t.Context(), "ws"+h.URL[len("http"):], client)
		if err != nil {
			t.Fatal(err)
		}
		return socket
	}
}
