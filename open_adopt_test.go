package queuednet

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/queuednet/queuednet/internal/testnet"
)

func tlsListener(below net.Listener) net.Listener {
	server, _ := testnet.TLSConfigs()
	return tls.NewListener(below, server)
}

func tlsServer(socket net.Conn) *tls.Conn {
	server, _ := testnet.TLSConfigs()
	return tls.Server(socket, server)
}

func tlsClient(socket net.Conn) *tls.Conn {
	_, client := testnet.TLSConfigs()
	return tls.Client(socket, client)
}

// listenTLS is listen with TLS.
func (e *end) listenTLS() (rendezvous *Connection, address string) {
	e.t.Helper()
	return e.adoptListener(tlsListener(listenRaw(e.t, "tcp4", "127.0.0.1:0")))
}

func listenRaw(t testing.TB, network, address string) net.Listener {
	t.Helper()
	listener, err := net.Listen(network, address)
	require.NoError(t, err)
	return listener
}

func (e *end) adoptListener(listener net.Listener) (rendezvous *Connection, address string) {
	e.t.Helper()
	rendezvous, err := e.manager.AdoptRendezvous(listener)
	require.NoError(e.t, err)
	require.NoError(e.t, e.listener.AddConnection(rendezvous))
	return rendezvous, listener.Addr().String()
}

// adopt makes a connection of a socket and adds it to the reader.
func (e *end) adopt(socket net.Conn) *Connection {
	e.t.Helper()
	conn, err := e.manager.AdoptConnection(socket)
	require.NoError(e.t, err)
	require.NoError(e.t, e.reader.AddConnection(conn))
	return conn
}

// connectTLS is connect with TLS.
func (e *end) connectTLS(address string) *Connection {
	e.t.Helper()
	return e.adopt(tlsClient(dialRaw(e.t, address)))
}

// rawTLS connects a plain TLS client to the end, with the socket under it.
func (e *end) rawTLS() (*Connection, *tls.Conn, *net.TCPConn) {
	e.t.Helper()
	_, address := e.listenTLS()
	raw := dialRaw(e.t, address)
	conn, client := e.accept(), tlsClient(raw)
	require.NoError(e.t, client.Handshake())
	return conn, client, raw
}

// unixPair returns both ends of a connection of Unix sockets.
func unixPair(t testing.TB) (near, far *net.UnixConn) {
	t.Helper()
	listener := listenUnix(t)
	defer listener.Close()
	dialed, err := net.Dial("unix", listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { dialed.Close() })
	accepted, err := listener.Accept()
	require.NoError(t, err)
	return accepted.(*net.UnixConn), dialed.(*net.UnixConn)
}

func listenUnix(t testing.TB) net.Listener {
	t.Helper()
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Skip("no Unix sockets here: ", err)
	}
	return listener
}

// transports connects two ends of the library in all the ways that are adopted.
// Pipes have no halves to close, so that their peer sees the end only after
// CloseTimeout, which is for a bubble.
var transports = []struct {
	name    string
	bubble  bool
	connect func(t *testing.T, server, client *end) (accepted, opened *Connection)
}{
	{"pipe", true, func(_ *testing.T, server, client *end) (accepted, opened *Connection) {
		near, far := net.Pipe()
		return server.adopt(near), client.adopt(far)
	}},
	{"TLS over a pipe", true, func(_ *testing.T, server, client *end) (accepted, opened *Connection) {
		near, far := net.Pipe()
		return server.adopt(tlsServer(near)), client.adopt(tlsClient(far))
	}},
	{"TLS", false, func(_ *testing.T, server, client *end) (accepted, opened *Connection) {
		rendezvous, address := server.listenTLS()
		opened = client.connectTLS(address)
		accepted = server.accept()
		assert.Same(server.t, rendezvous, accepted.Rendezvous())
		assert.Equal(server.t, opened.LocalAddress(), accepted.Address())
		assert.Equal(server.t, address, opened.Address().String())
		return accepted, opened
	}},
	{"unix", false, func(t *testing.T, server, client *end) (accepted, opened *Connection) {
		_, address := server.adoptListener(listenUnix(t))
		socket, err := net.Dial("unix", address)
		require.NoError(t, err)
		opened = client.adopt(socket)
		accepted = server.accept()
		assert.Zero(t, opened.Address(), "not an address of IP")
		return accepted, opened
	}},
}

func overAll(t *testing.T, test func(t *testing.T, server, client *end, accepted, opened *Connection)) {
	for _, transport := range transports {
		t.Run(transport.name, func(t *testing.T) {
			run := func(t *testing.T) {
				config := &Config{TCPHeaderSize: 4}
				server, client := newEnd(t, config), newEnd(t, config)
				accepted, opened := transport.connect(t, server, client)
				test(t, server, client, accepted, opened)
			}
			if transport.bubble {
				synctest.Test(t, run)
			} else {
				run(t)
			}
		})
	}
}

func TestAdoptedEcho(t *testing.T) {
	overAll(t, func(t *testing.T, server, client *end, accepted, opened *Connection) {
		assert.NotNil(t, opened.NetConn())
		var want []string
		for _, size := range []int{0, 1, 4096, 65_535, 1_000_000, 3, 16_384, 0, 200_000} {
			want = append(want, strings.Repeat(string(rune('a'+len(want))), size))
			client.send(opened, want[len(want)-1])
		}
		for range want {
			datagram := server.next()
			require.Same(t, accepted, datagram.Connection())
			require.NoError(t, server.writer.Send(&datagram.Datagram, accepted))
		}
		for i, got := range client.messages(len(want)) {
			require.True(t, want[i] == got, "datagram %d, %d bytes of %d", i, len(got), len(want[i]))
		}
	})
}

func TestAdoptedLastMessageArrives(t *testing.T) {
	overAll(t, func(t *testing.T, server, client *end, accepted, opened *Connection) {
		large := strings.Repeat("x", 900_000)
		client.send(opened, "first")
		client.send(opened, large)
		client.send(opened, "last")
		server.send(accepted, "on its way to one who has closed")
		require.True(t, client.manager.CloseConnection(opened))
		got := server.messages(3)
		assert.Equal(t, "first", got[0])
		assert.True(t, large == got[1])
		assert.Equal(t, "last", got[2])
		assert.Same(t, accepted, server.reset())
		assert.Equal(t, io.EOF, accepted.Err())
		assert.Equal(t, net.ErrClosed, opened.Err())
		client.requireNoReset(opened)
		server.requireNoReset(accepted)
	})
}

// The peer ends its half; what it is being sent still arrives, and then an end.
func TestAdoptedHalfClose(t *testing.T) {
	type halfCloser interface {
		net.Conn
		CloseWrite() error
	}
	for name, connect := range map[string]func(e *end) (*Connection, halfCloser){
		"TLS": func(e *end) (*Connection, halfCloser) {
			conn, client, _ := e.rawTLS()
			return conn, client
		},
		"unix": func(e *end) (*Connection, halfCloser) {
			near, far := unixPair(e.t)
			require.NoError(e.t, far.SetDeadline(time.Now().Add(patience)))
			return e.adopt(near), far
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnd(t, nil)
			conn, peer := connect(e)
			large := strings.Repeat("y", 60_000)
			for range 50 { // more than the system holds
				e.send(conn, large)
			}
			write(t, peer, framed(2, "a", "b"))
			require.NoError(t, peer.CloseWrite())
			assert.Equal(t, []string{"a", "b"}, e.messages(2))
			assert.Same(t, conn, e.reset())
			assert.Equal(t, io.EOF, conn.Err())
			assert.Equal(t, io.EOF, e.writer.Send(NewDatagram(nil), conn))
			b, err := io.ReadAll(peer)
			assert.NoError(t, err)
			assert.True(t, strings.Repeat(framed(2, large), 50) == string(b))
			e.requireNoReset(conn)
		})
	}
}

// A peer that ends cleanly is told apart from one that is cut off in a datagram, on
// every kind of socket.
func TestAdoptedEndReasons(t *testing.T) {
	sockets := map[string]func(t *testing.T, e *end) (conn *Connection, far io.Writer, last io.Closer){
		"unix": func(t *testing.T, e *end) (*Connection, io.Writer, io.Closer) {
			near, far := unixPair(t)
			return e.adopt(near), far, far
		},
		"TLS": func(t *testing.T, e *end) (*Connection, io.Writer, io.Closer) {
			conn, client, _ := e.rawTLS()
			return conn, client, client
		},
		// crypto/tls is content with that between two records.
		"TLS without its own end": func(t *testing.T, e *end) (*Connection, io.Writer, io.Closer) {
			conn, client, raw := e.rawTLS()
			return conn, client, raw
		},
	}
	for text, want := range map[string]error{"\x01\x00a": io.EOF, "\x01\x00a\x02": io.ErrUnexpectedEOF, "\x01\x00a\x02\x00b": io.ErrUnexpectedEOF} {
		for name, connect := range sockets {
			t.Run(name, func(t *testing.T) {
				e := newEnd(t, nil)
				conn, far, last := connect(t, e)
				write(t, far, text)
				require.NoError(t, last.Close())
				requireEndAfterA(t, e, conn, want)
			})
		}
		t.Run("pipe", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEnd(t, nil)
				conn, far := e.pipe()
				write(t, far, text)
				require.NoError(t, far.Close())
				requireEndAfterA(t, e, conn, want)
			})
		})
	}
}

// requireEndAfterA asserts that "a" comes, and then the end.
func requireEndAfterA(t *testing.T, e *end, conn *Connection, want error) {
	t.Helper()
	assert.Equal(t, []string{"a"}, e.messages(1))
	assert.Same(t, conn, e.reset())
	assert.Equal(t, want, conn.Err())
	e.requireNoReset(conn)
}

func TestAdoptedTLSThatFails(t *testing.T) {
	t.Run("cut inside a record", func(t *testing.T) {
		e := newEnd(t, nil)
		conn, client, raw := e.rawTLS()
		write(t, client, framed(2, "a"))
		write(t, raw, "\x17\x03\x03\x00\x40half")
		require.NoError(t, raw.Close())
		assert.Equal(t, []string{"a"}, e.messages(1))
		assert.Same(t, conn, e.reset())
		assert.Equal(t, io.ErrUnexpectedEOF, conn.Err())
	})
	t.Run("not TLS", func(t *testing.T) {
		e := newEnd(t, nil)
		_, address := e.listenTLS()
		write(t, dialRaw(t, address), "GET / HTTP/1.1\r\n\r\n")
		conn := e.accept()
		assert.Same(t, conn, e.reset())
		var notTLS tls.RecordHeaderError
		assert.ErrorAs(t, conn.Err(), &notTLS)
		assert.Equal(t, conn.Err(), e.writer.Send(NewDatagram(nil), conn))
	})
	t.Run("a client that does not trust the server", func(t *testing.T) {
		server, client := newEnd(t, nil), newEnd(t, nil)
		_, address := server.listenTLS()
		opened := client.adopt(tls.Client(dialRaw(t, address), &tls.Config{ServerName: "queuednet.test", RootCAs: x509.NewCertPool()}))
		accepted := server.accept()
		assert.Same(t, opened, client.reset())
		var unknown x509.UnknownAuthorityError
		assert.ErrorAs(t, opened.Err(), &unknown)
		assert.Same(t, accepted, server.reset())
		assert.ErrorContains(t, accepted.Err(), "remote error")
	})
}
