package queuednet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// closeCounter counts the calls of Close.
type closeCounter struct {
	net.Conn
	closed atomic.Int32
}

func (c *closeCounter) Close() error {
	c.closed.Add(1)
	return c.Conn.Close()
}

// What dial returns becomes a connection, and its error is the error.
func TestClientConnectionByFunction(t *testing.T) {
	manager := NewQueuedConnectionManager(nil)
	defer manager.Close()
	near, far := net.Pipe()
	defer far.Close()
	dial := func(ctx context.Context) (net.Conn, error) {
		_, bounded := ctx.Deadline()
		assert.True(t, bounded)
		return near, nil
	}
	conn, err := manager.OpenClientConnection(dial, time.Minute)
	require.NoError(t, err)
	assert.Same(t, near, conn.NetConn())
	require.NoError(t, NewConnectionWriter(manager).Send(NewDatagram([]byte("x")), conn))
	b := make([]byte, 3)
	_, err = far.Read(b)
	require.NoError(t, err)

	mine := errors.New("mine")
	fails := func(context.Context) (net.Conn, error) { return nil, mine }
	_, err = manager.OpenClientConnection(fails, time.Minute)
	assert.Equal(t, mine, err)
	_, err = manager.BeginClientConnection(fails, time.Minute).Wait(t.Context())
	assert.Equal(t, mine, err)
	_, err = manager.OpenClientConnection(func(context.Context) (net.Conn, error) { return nil, nil }, time.Minute)
	assert.Error(t, err)
	_, err = manager.OpenClientConnection(nil, time.Minute)
	assert.Equal(t, ErrWrongKind, err)
	_, err = manager.OpenClientConnection(fails, -1)
	assert.ErrorIs(t, err, context.DeadlineExceeded)

	manager.Close()
	_, err = manager.OpenClientConnection(fails, time.Minute)
	assert.Equal(t, net.ErrClosed, err)
	_, err = manager.BeginClientConnection(fails, time.Minute).Result()
	assert.Equal(t, net.ErrClosed, err)
}

// A certificate that is not trusted is an error of connecting.
func TestClientConnectionHandshake(t *testing.T) {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	authorities := x509.NewCertPool()
	authorities.AddCert(server.Certificate())
	manager := NewQueuedConnectionManager(nil)
	defer manager.Close()
	for _, test := range []struct {
		config *tls.Config
		text   string
	}{
		{&tls.Config{ServerName: "example.com", RootCAs: authorities}, ""},
		{&tls.Config{ServerName: "example.com"}, "certificate"},
		{&tls.Config{ServerName: "example.org", RootCAs: authorities}, "example.org"},
	} {
		conn, err := manager.BeginClientConnection(func(ctx context.Context) (net.Conn, error) {
			socket, err := new(net.Dialer).DialContext(ctx, "tcp", server.Listener.Addr().String())
			if err != nil {
				return nil, err
			}
			return tls.Client(socket, test.config), nil
		}, time.Minute).Wait(t.Context())
		if test.text == "" {
			require.NoError(t, err)
			assert.True(t, conn.NetConn().(*tls.Conn).ConnectionState().HandshakeComplete)
			continue
		}
		require.ErrorContains(t, err, test.text)
	}
}

// A dial that ignores its context holds nobody up, and what it returns is closed.
func TestClientConnectionDialGoesOn(t *testing.T) {
	for _, test := range []struct {
		name string
		stop func(*QueuedConnectionManager, *PendingConnection)
		want error
	}{
		{"timeout", func(*QueuedConnectionManager, *PendingConnection) { time.Sleep(time.Minute) }, context.DeadlineExceeded},
		{"Cancel", func(_ *QueuedConnectionManager, p *PendingConnection) { p.Cancel() }, context.Canceled},
		{"Close", func(m *QueuedConnectionManager, _ *PendingConnection) { m.Close() }, net.ErrClosed},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				manager := NewQueuedConnectionManager(nil)
				defer manager.Close()
				near, far := net.Pipe()
				defer far.Close()
				socket := &closeCounter{Conn: near}
				gate := make(chan struct{})
				pending := manager.BeginClientConnection(func(context.Context) (net.Conn, error) {
					<-gate
					return socket, nil
				}, time.Second)
				synctest.Wait()
				_, err := pending.Result()
				require.Equal(t, ErrNotReady, err)
				test.stop(manager, pending)
				synctest.Wait()
				_, err = pending.Result()
				assert.ErrorIs(t, err, test.want)
				close(gate)
				synctest.Wait()
				assert.EqualValues(t, 1, socket.closed.Load())
			})
		})
	}
}
