package queuednet

import (
	"context"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// openers are the two ways to a connection.
var openers = map[string]func(m *QueuedConnectionManager, host string, port int, timeout time.Duration) (*Connection, error){
	"Open": (*QueuedConnectionManager).OpenTCPClientConnection,
	"Begin": func(m *QueuedConnectionManager, host string, port int, timeout time.Duration) (*Connection, error) {
		pending := m.BeginTCPClientConnection(host, port, timeout)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		conn, err := pending.Wait(ctx)
		for range 2 { // the same each time
			again, errAgain := pending.Result()
			if !pending.Ready() || again != conn || errAgain != err {
				panic("another result")
			}
		}
		return conn, err
	},
}

// An opener opens a client's connection, in one of the ways that there are.
type opener = func(m *QueuedConnectionManager, host string, port int, timeout time.Duration) (*Connection, error)

func eachOpener(t *testing.T, test func(t *testing.T, open opener)) {
	for name, open := range openers {
		t.Run(name, func(t *testing.T) { test(t, open) })
	}
}

// slowNames replaces the name service for the test by one that answers only
// when the function returned is called, for "slow.test", and then with 127.0.0.1.
func slowNames(t *testing.T) (answer func()) {
	system := net.DefaultResolver
	gate := make(chan struct{})
	answer = sync.OnceFunc(func() { close(gate) })
	t.Cleanup(func() {
		answer()
		net.DefaultResolver = system
	})
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		select {
		case <-gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			serveNames(far, map[string][]netip.Addr{"slow.test": {netip.MustParseAddr("127.0.0.1")}})
		}()
		return near, nil
	}}
	return answer
}

// port opens a rendezvous and returns its port.
func (e *end) port() int {
	e.t.Helper()
	rendezvous, _ := e.listen()
	return rendezvous.LocalAddress().Port()
}

// openStreams returns the streams that the manager knows.
func openStreams(m *QueuedConnectionManager) (streams []*Connection) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for conn := range m.connections {
		if conn.listening == nil {
			streams = append(streams, conn)
		}
	}
	return streams
}

func TestDial(t *testing.T) {
	eachOpener(t, func(t *testing.T, open opener) {
		server, client := newEnd(t, nil), newEnd(t, nil)
		port := server.port()
		t.Run("success", func(t *testing.T) {
			conn, err := open(client.manager, "127.0.0.1", port, soon)
			require.NoError(t, err)
			require.NoError(t, client.reader.AddConnection(conn))
			accepted := server.accept()
			assert.Equal(t, port, conn.Address().Port())
			assert.Equal(t, accepted.Address(), conn.LocalAddress())
			assert.Nil(t, conn.Rendezvous())
			assert.Same(t, client.manager, conn.Manager())
			client.send(conn, "ping")
			assert.Equal(t, "ping", string(server.next().Message()))
			server.send(accepted, "pong")
			assert.Equal(t, "pong", string(client.next().Message()))
		})
		t.Run("refused", func(t *testing.T) {
			conn, err := open(client.manager, "127.0.0.1", closedPort(t), soon)
			assert.ErrorIs(t, err, errConnectionRefused)
			assert.Nil(t, conn)
		})
		t.Run("impossible", func(t *testing.T) {
			for _, test := range []struct {
				host string
				port int
			}{
				{"127.0.0.1", 0}, {"127.0.0.1", -1}, {"127.0.0.1", 65_536}, {"127.0.0.1", 1<<16 + port}, {"", port}, {"", 0},
			} {
				conn, err := open(client.manager, test.host, test.port, -1) // no time is needed
				var addrErr *net.AddrError
				assert.ErrorAs(t, err, &addrErr, "%+v", test)
				assert.Nil(t, conn)
			}
		})
	})
}

func TestDialNames(t *testing.T) {
	eachOpener(t, func(t *testing.T, open opener) {
		server, client := newEnd(t, nil), newEnd(t, nil)
		port := server.port()
		t.Run("name with another address", func(t *testing.T) {
			// The server has 127.0.0.1 only: the others of the name are tried too.
			addresses, err := net.LookupHost("localhost")
			if err != nil || !slices.Contains(addresses, "127.0.0.1") {
				t.Skip("this machine's localhost: ", addresses, err)
			}
			conn, err := open(client.manager, "localhost", port, soon)
			require.NoError(t, err)
			assert.Equal(t, "127.0.0.1", conn.Address().IPString())
			server.accept()
		})
		t.Run("unknown name", func(t *testing.T) {
			onlyNames(t, nil)
			conn, err := open(client.manager, "unknown.test", port, soon)
			var dnsErr *net.DNSError
			require.ErrorAs(t, err, &dnsErr)
			assert.True(t, dnsErr.IsNotFound)
			assert.Nil(t, conn)
		})
		t.Run("slow name", func(t *testing.T) {
			slowNames(t)
			conn, err := open(client.manager, "slow.test", port, 50*time.Millisecond)
			requireTimeout(t, err)
			assert.Nil(t, conn)
		})
	})
}

func TestDialIPv4Only(t *testing.T) {
	eachOpener(t, func(t *testing.T, open opener) {
		needIPv6(t)
		onlyNames(t, map[string]netip.Addr{"six.test": netip.MustParseAddr("::1"), "four.test": netip.MustParseAddr("127.0.0.1")})
		server, client := newEnd(t, &Config{CloseTimeout: -1}), newEnd(t, nil)
		only4 := newEnd(t, &Config{IPv4Only: true, CloseTimeout: -1})
		_, port := server.everywhere()
		for _, host := range []string{"::1", "six.test"} {
			conn, err := open(only4.manager, host, port, soon)
			assert.Error(t, err)
			assert.Nil(t, conn)
			conn, err = open(client.manager, host, port, soon)
			require.NoError(t, err)
			assert.True(t, conn.Address().IsIPv6())
		}
		conn, err := open(only4.manager, "four.test", port, soon)
		require.NoError(t, err)
		assert.Equal(t, "127.0.0.1", conn.Address().IPString())
	})
}

func TestDialByAManagerThatCannot(t *testing.T) {
	eachOpener(t, func(t *testing.T, open opener) {
		port := newEnd(t, nil).port()
		t.Run("wrong config", func(t *testing.T) {
			_, err := open(NewQueuedConnectionManager(&Config{TCPHeaderSize: 1}), "127.0.0.1", port, soon)
			assert.Equal(t, &ConfigError{"TCPHeaderSize", 1}, err)
		})
		t.Run("closed before", func(t *testing.T) {
			closed := newEnd(t, nil)
			require.NoError(t, closed.manager.Close())
			_, err := open(closed.manager, "127.0.0.1", port, soon)
			assert.Equal(t, net.ErrClosed, err)
		})
		t.Run("closed meanwhile", func(t *testing.T) {
			slowNames(t)
			closing := newEnd(t, nil)
			failed := make(chan error)
			go func() {
				_, err := open(closing.manager, "slow.test", port, time.Hour)
				failed <- err
			}()
			select {
			case err := <-failed:
				t.Fatal(err)
			case <-time.After(10 * time.Millisecond): // most likely it looks the name up by now
			}
			require.NoError(t, closing.manager.Close())
			assert.Equal(t, net.ErrClosed, <-failed)
		})
	})
}

// A dialing is a client that dials a server by a name that resolves when the test says.
type dialing struct {
	server, client *end
	port           int
}

func newDialing(t *testing.T) dialing {
	server := newEnd(t, nil)
	return dialing{server, newEnd(t, nil), server.port()}
}

func (d dialing) begin() *PendingConnection {
	return d.client.manager.BeginTCPClientConnection("slow.test", d.port, time.Hour)
}

// works asserts that the program has got a good connection.
func (d dialing) works(t *testing.T, conn *Connection, err error) {
	t.Helper()
	require.NoError(t, err)
	require.NoError(t, conn.Err())
	d.client.send(conn, "hello")
	d.server.accept()
	assert.Equal(t, "hello", string(d.server.next().Message()))
	require.True(t, d.client.manager.CloseConnection(conn))
	d.server.reset()
}

func requireNotReady(t *testing.T, pending *PendingConnection) {
	t.Helper()
	assert.False(t, pending.Ready())
	conn, err := pending.Result()
	assert.Nil(t, conn)
	assert.Equal(t, ErrNotReady, err)
}

func requireCanceled(t *testing.T, pending *PendingConnection) {
	t.Helper()
	for range 2 {
		conn, err := pending.Wait(t.Context())
		assert.ErrorIs(t, err, context.Canceled)
		assert.Nil(t, conn)
		assert.True(t, pending.Ready())
	}
}

func TestPendingWaitGivesUpAndTheAttemptDoesNot(t *testing.T) {
	d := newDialing(t)
	answer := slowNames(t)
	pending := d.begin()
	requireNotReady(t, pending)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	conn, err := pending.Wait(ctx)
	assert.Equal(t, context.Canceled, err)
	assert.Nil(t, conn)
	ctx, cancel = context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err = pending.Wait(ctx)
	assert.Equal(t, context.DeadlineExceeded, err)
	requireNotReady(t, pending)
	answer()
	conn, err = pending.Wait(t.Context())
	d.works(t, conn, err)
}

func TestPendingCancel(t *testing.T) {
	d := newDialing(t)
	server, client := d.server, d.client
	t.Run("before", func(t *testing.T) {
		slowNames(t)
		pending := d.begin()
		requireNotReady(t, pending)
		pending.Cancel()
		pending.Cancel()
		requireCanceled(t, pending)
	})
	t.Run("between success and Result", func(t *testing.T) {
		slowNames(t)()
		pending := d.begin()
		eventually(t, "connection", pending.Ready)
		accepted := server.accept()
		pending.Cancel()
		requireCanceled(t, pending)
		pending.Cancel()
		assert.Same(t, accepted, server.reset(), "it was closed")
		assert.Equal(t, io.EOF, accepted.Err())
		eventually(t, "end", func() bool { return len(openStreams(client.manager)) == 0 })
		assert.False(t, client.manager.ResetConnectionAvailable(), "closed by the program")
	})
	t.Run("after Result", func(t *testing.T) {
		slowNames(t)()
		pending := d.begin()
		conn, err := pending.Wait(t.Context())
		pending.Cancel()
		again, errAgain := pending.Result()
		assert.Same(t, conn, again)
		assert.Equal(t, err, errAgain)
		d.works(t, conn, err)
		again, _ = pending.Result()
		assert.Same(t, conn, again, "also when it is closed")
	})
	t.Run("after failure", func(t *testing.T) {
		pending := client.manager.BeginTCPClientConnection("127.0.0.1", closedPort(t), soon)
		_, err := pending.Wait(t.Context())
		pending.Cancel()
		_, errAgain := pending.Result()
		assert.ErrorIs(t, err, errConnectionRefused)
		assert.Equal(t, err, errAgain, "unchanged")
	})
}

func TestPendingConnectionOfAClosedManager(t *testing.T) {
	server := newEnd(t, nil)
	closing := newEnd(t, nil)
	pending := closing.manager.BeginTCPClientConnection("127.0.0.1", server.port(), soon)
	eventually(t, "connection", pending.Ready)
	accepted := server.accept()
	require.NoError(t, closing.manager.Close())
	assert.Same(t, accepted, server.reset())
	conn, err := pending.Result()
	require.NoError(t, err, "it was opened")
	assert.Equal(t, net.ErrClosed, conn.Err())
	pending.Cancel()
}

// Whichever comes first, the program has a connection that works, or there is none.
func TestPendingConnectionCancelRaces(t *testing.T) {
	server, client := newEnd(t, &Config{CloseTimeout: -1}), newEnd(t, nil)
	port := server.port()
	given := 0
	for i := range 100 {
		pending := client.manager.BeginTCPClientConnection("127.0.0.1", port, soon)
		var racing sync.WaitGroup
		racing.Go(func() {
			for spin := 0; spin < 100*(i%10) && !pending.Ready(); spin++ {
				time.Sleep(time.Microsecond)
			}
			pending.Cancel()
		})
		conn, err := pending.Wait(t.Context())
		racing.Wait()
		if err == nil {
			given++
			require.NoError(t, conn.Err())
			require.True(t, client.manager.CloseConnection(conn), "open")
		} else {
			require.ErrorIs(t, err, context.Canceled)
			require.Nil(t, conn)
		}
	}
	t.Log(given, "connections of 100")
	require.NoError(t, server.manager.Close(), "the other side of those that were closed")
	eventually(t, "end of all", func() bool { return len(openStreams(client.manager)) == 0 })
	assert.False(t, client.manager.ResetConnectionAvailable())
}
