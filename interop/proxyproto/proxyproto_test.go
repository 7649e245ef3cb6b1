package proxyproto_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/internal/testend"
)

func kinds() []testend.Kind {
	return []testend.Kind{behindProxy(1), behindProxy(2), overTLS(behindProxy(1)), overTLS(behindProxy(2))}
}

// The addresses are those that the proxy tells, of the connection and of its
// datagrams, and limits by address hold for them.
func TestAddresses(t *testing.T) {
	for _, kind := range kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			s := testend.Serve(t, kind, &queuednet.Config{MaxConnectionsPerAddress: 1})
			conn, far := s.Connect()
			assert.Equal(t, client.String(), conn.Address().String())
			assert.Equal(t, target.String(), conn.LocalAddress().String())
			_, err := io.WriteString(far, testend.Frames("hello"))
			require.NoError(t, err)
			s.Until("datagram", s.Reader.DataAvailable)
			for datagram := range s.Reader.Datagrams() {
				assert.Equal(t, conn.Address(), datagram.Address())
			}
			go s.Greeted() // with TLS it is refused before its handshake
			testend.Eventually(t, "the second of the address is refused", func() bool {
				return s.Manager.Refusals().PerAddress == 1
			})
		})
	}
}

// Options of the socket reach through, also through TLS.
func TestOptions(t *testing.T) {
	for _, kind := range kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			s := testend.Serve(t, kind, nil)
			conn, _ := s.Connect()
			assert.NoError(t, conn.SetNoDelay(false))
			assert.NoError(t, conn.SetKeepAlive(false))
		})
	}
}

// A peer that never introduces itself holds up neither those after it nor Close,
// and its time is limited.
func TestSilentClient(t *testing.T) {
	for _, kind := range kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			s := testend.Serve(t, kind, &queuednet.Config{FirstDatagramTimeout: time.Minute})
			for range 3 {
				s.Dial()
			}
			conn, far := s.Connect()
			s.Send(conn, "hello")
			b := make([]byte, 7)
			_, err := io.ReadFull(far, b)
			require.NoError(t, err)
			assert.Equal(t, testend.Frames("hello"), string(b))
			s.Manager.CloseConnection(conn)
			far.Close()
			testend.Within(t, "Close", func() { s.Manager.Close() })
		})
		t.Run(kind.Name+", in time", func(t *testing.T) {
			s := testend.Serve(t, kind, &queuednet.Config{FirstDatagramTimeout: 50 * time.Millisecond})
			silent := s.Dial()
			_, err := silent.Read(make([]byte, 1))
			require.Error(t, err)
			assert.False(t, s.Listener.NewConnectionAvailable())
		})
	}
}

// A peer that says something else is not let in as one without a proxy: that is
// what go-proxyproto requires by default.
func TestNoIntroduction(t *testing.T) {
	s := testend.Serve(t, behindProxy(1), nil)
	far := s.Dial()
	_, err := io.WriteString(far, testend.Frames("I come without a proxy"))
	require.NoError(t, err)
	conn := s.Accept()
	s.Add(conn)
	assert.Zero(t, s.Reset(conn))
	assert.ErrorIs(t, conn.Err(), proxyproto.ErrNoProxyProtocol)
}

// A half-close passes in both directions.
func TestHalfClose(t *testing.T) {
	for _, kind := range kinds() {
		t.Run("the peer, "+kind.Name, func(t *testing.T) {
			s := testend.Serve(t, kind, nil)
			conn, far := s.Connect()
			s.Send(conn, "last")
			require.NoError(t, far.(interface{ CloseWrite() error }).CloseWrite())
			s.Reset(conn)
			assert.Equal(t, io.EOF, conn.Err())
			got, err := io.ReadAll(far)
			require.NoError(t, err)
			assert.Equal(t, testend.Frames("last"), string(got))
		})
		t.Run("the server, "+kind.Name, func(t *testing.T) {
			s := testend.Serve(t, kind, &queuednet.Config{CloseTimeout: time.Hour})
			conn, far := s.Connect()
			s.Send(conn, "last")
			s.Manager.CloseConnection(conn)
			got, err := io.ReadAll(far) // long before CloseTimeout
			require.NoError(t, err)
			assert.Equal(t, testend.Frames("last"), string(got))
			_, err = io.WriteString(far, testend.Frames("is still read"))
			assert.NoError(t, err)
			far.Close()
		})
	}
}

// What the proxy's server does when it hands its listening socket to another
// process: COOKBOOK.md has it. No client is lost, and none is held by the old one.
func TestHotRestart(t *testing.T) {
	tcp := &countingListener{TCPListener: listen(t)}
	file, err := tcp.File()
	require.NoError(t, err)
	defer file.Close()
	inherited, err := net.FileListener(file)
	require.NoError(t, err)

	before, after := testend.New(t, nil), testend.New(t, nil)
	rendezvous := accepting(before, tcp)
	ctx, stop := context.WithCancel(t.Context())
	var loops, clients sync.WaitGroup
	var byBefore, byAfter, done atomic.Int32
	loops.Go(func() { echo(ctx, before, &byBefore) })
	const workers, each = 4, 100
	for range workers {
		clients.Go(func() {
			for range each {
				if err := ask(tcp.Addr()); err != nil {
					t.Error(err)
					return
				}
				done.Add(1)
			}
		})
	}
	testend.Eventually(t, "clients", func() bool { return done.Load() >= workers*each/4 || t.Failed() })
	accepting(after, inherited)
	loops.Go(func() { echo(ctx, after, &byAfter) })
	testend.Eventually(t, "clients", func() bool { return done.Load() >= workers*each/2 || t.Failed() })

	require.NoError(t, tcp.SetDeadline(time.Unix(1, 0))) // nothing is accepted any more
	testend.Eventually(t, "those that had been accepted", func() bool { return tcp.failed.Load() && byBefore.Load() == tcp.accepted.Load() })
	require.True(t, before.Listener.RemoveConnection(rendezvous))
	require.NoError(t, rendezvous.Err())
	clients.Wait()
	assert.Equal(t, tcp.accepted.Load(), byBefore.Load())
	assert.EqualValues(t, workers*each, byBefore.Load()+byAfter.Load())
	assert.Positive(t, byAfter.Load())
	require.True(t, before.Manager.CloseConnection(rendezvous))
	require.NoError(t, ask(inherited.Addr()), "the socket stays open")
	stop()
	loops.Wait()
}

// A countingListener counts what it has accepted. When it has failed, all is counted.
type countingListener struct {
	*net.TCPListener
	accepted atomic.Int32
	failed   atomic.Bool
}

func (l *countingListener) Accept() (net.Conn, error) {
	socket, err := l.TCPListener.Accept()
	if err == nil {
		l.accepted.Add(1)
	} else {
		l.failed.Store(true)
	}
	return socket, err
}

// accepting makes an end accept at a socket, behind a proxy.
func accepting(e *testend.End, tcp net.Listener) *queuednet.Connection {
	rendezvous, err := e.Manager.AdoptRendezvous(&proxyproto.Listener{Listener: tcp})
	require.NoError(e.T, err)
	require.NoError(e.T, e.Listener.AddConnection(rendezvous))
	return rendezvous
}

// echo is a frame loop, which goes on until ctx is done.
func echo(ctx context.Context, e *testend.End, accepted *atomic.Int32) {
	for e.Manager.WaitForReaders(ctx) == nil {
		for conn := range e.Listener.NewConnections() {
			accepted.Add(1)
			_ = e.Reader.AddConnection(conn)
		}
		for datagram := range e.Reader.Datagrams() {
			_ = e.Writer.Send(&datagram.Datagram, datagram.Connection())
		}
		for range e.Manager.ResetConnections() {
		}
	}
}

// ask is a client behind the proxy, which waits for the answer.
func ask(to net.Addr) error {
	socket, err := net.Dial("tcp", to.String())
	if err != nil {
		return err
	}
	defer socket.Close()
	_ = socket.SetDeadline(time.Now().Add(testend.Patience))
	if _, err := introduction(2).WriteTo(socket); err != nil {
		return err
	}
	if _, err := io.WriteString(socket, testend.Frames("hello")); err != nil {
		return err
	}
	b := make([]byte, 7)
	if _, err = io.ReadFull(socket, b); err == nil && string(b) != testend.Frames("hello") {
		err = errors.New("another answer: " + string(b))
	}
	return err
}
