//go:build !js

package websocket

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/require"
)

const patience = time.Minute // for what comes at once unless something is wrong

// an end is a manager with what polls it.
type end struct {
	*queuednet.QueuedConnectionManager
	listener *queuednet.QueuedConnectionListener
	reader   *queuednet.QueuedConnectionReader
	writer   *queuednet.ConnectionWriter
}

func newEnd(t *testing.T, config *queuednet.Config) *end {
	m := queuednet.NewQueuedConnectionManager(config)
	e := &end{m, queuednet.NewQueuedConnectionListener(m), queuednet.NewQueuedConnectionReader(m), queuednet.NewConnectionWriter(m)}
	t.Cleanup(func() { e.Close() })
	return e
}

// wait waits until something is queued.
func (e *end) wait(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, e.WaitForReaders(ctx))
}

// accept returns the next connection, which is in the reader.
func (e *end) accept(t *testing.T) *queuednet.Connection {
	t.Helper()
	for {
		e.wait(t)
		if conn, ok := e.listener.GetNewConnection(); ok {
			require.NoError(t, e.reader.AddConnection(conn))
			return conn
		}
	}
}

// receive returns the payload of the next datagram.
func (e *end) receive(t *testing.T) []byte {
	t.Helper()
	for {
		e.wait(t)
		for d := range e.reader.Datagrams() {
			return bytes.Clone(d.Message())
		}
	}
}

// ended returns the next connection that has ended.
func (e *end) ended(t *testing.T) *queuednet.Connection {
	t.Helper()
	for {
		e.wait(t)
		for range e.reader.Datagrams() {
		}
		if conn, ok := e.GetResetConnection(); ok {
			return conn
		}
	}
}

func (e *end) send(t *testing.T, conn *queuednet.Connection, payload []byte) {
	t.Helper()
	var d queuednet.Datagram
	d.AppendData(payload)
	require.NoError(t, e.writer.Send(&d, conn))
}

// a site is a server for WebSockets, its manager, and where it is.
type site struct {
	*end
	server     *Server
	rendezvous *queuednet.Connection
	http       *httptest.Server
	url        string
}

func newSite(t *testing.T, options *ServerOptions, tls bool) *site {
	t.Helper()
	if options == nil {
		options = new(ServerOptions)
	}
	server, err := NewServer(options)
	require.NoError(t, err)
	s := &site{end: newEnd(t, options.Config), server: server}
	s.rendezvous, err = s.AdoptRendezvous(server)
	require.NoError(t, err)
	require.NoError(t, s.listener.AddConnection(s.rendezvous))
	s.http = httptest.NewUnstartedServer(server)
	if tls {
		s.http.StartTLS()
	} else {
		s.http.Start()
	}
	t.Cleanup(s.http.Close)
	s.url = "ws" + s.http.URL[len("http"):]
	return s
}

func (s *site) transport() *http.Transport { return s.http.Client().Transport.(*http.Transport) }

// dial returns both ends of a new connection.
func (s *site) dial(t *testing.T, client *end, options *DialOptions) (near, far *queuednet.Connection) {
	t.Helper()
	socket, err := Dial(t.Context(), s.url, options)
	require.NoError(t, err)
	near, err = client.AdoptConnection(socket)
	require.NoError(t, err)
	require.NoError(t, client.reader.AddConnection(near))
	return near, s.accept(t)
}

// pair returns the sockets of both ends of a new connection, without managers.
func pair(t *testing.T, server *ServerOptions, client *DialOptions) (near, far net.Conn) {
	t.Helper()
	s, err := NewServer(server)
	require.NoError(t, err)
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	near, err = Dial(t.Context(), "ws"+h.URL[len("http"):], client)
	require.NoError(t, err)
	far, err = s.Accept()
	require.NoError(t, err)
	t.Cleanup(func() {
		near.(*conn).transport.reset()
		far.(*conn).transport.reset()
		near.Close()
		far.Close()
	})
	return near, far
}

// requireStatus checks that err is a CloseError with this status.
func requireStatus(t *testing.T, err error, code int, reason string) {
	t.Helper()
	var closed *CloseError
	require.Truef(t, errors.As(err, &closed), "%T %v", err, err)
	require.Equal(t, code, closed.Code, err)
	require.Equal(t, reason, closed.Reason)
}
