package queuednettest_test

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/queuednettest"
	"github.com/queuednet/queuednet/simulate"
)

// Both ends know who they are: the address of who dials is one of TCP, and that
// which DialFrom was told.
func TestListenerAddresses(t *testing.T) {
	bubble(t, func(t *testing.T) {
		listener := queuednettest.NewListener(t, nil)
		assert.Equal(t, "127.0.0.1:4000", listener.Addr().String())
		for _, test := range []struct {
			dial func(context.Context) (net.Conn, error)
			from string
		}{
			{listener.Dial, "127.0.0.1:49152"},
			{listener.Dial, "127.0.0.1:49153"},
			{listener.DialFrom(netip.MustParseAddr("192.0.2.7")), "192.0.2.7:49154"},
			{listener.DialFrom(netip.MustParseAddr("2001:db8::7")), "[2001:db8::7]:49155"},
		} {
			dialed, err := test.dial(t.Context())
			require.NoError(t, err)
			accepted, err := listener.Accept()
			require.NoError(t, err)
			assert.Equal(t, test.from, dialed.LocalAddr().String())
			assert.Equal(t, test.from, accepted.RemoteAddr().String())
			assert.Equal(t, listener.Addr(), dialed.RemoteAddr())
		}
		_, err := listener.DialFrom(netip.Addr{})(t.Context())
		assert.ErrorContains(t, err, "not an address")
	})
}

// Once it is closed nobody comes in: who waits for Accept is reset, and who dials
// is refused. Who was accepted stays.
func TestListenerClose(t *testing.T) {
	bubble(t, func(t *testing.T) {
		listener := queuednettest.NewListener(t, nil)
		accepted, err := listener.Dial(t.Context())
		require.NoError(t, err)
		served, err := listener.Accept()
		require.NoError(t, err)
		waiting, err := listener.Dial(t.Context())
		require.NoError(t, err)

		require.NoError(t, listener.Close())
		assert.ErrorIs(t, listener.Close(), net.ErrClosed)
		_, err = listener.Accept()
		assert.ErrorIs(t, err, net.ErrClosed)
		_, err = listener.Dial(t.Context())
		assert.ErrorIs(t, err, syscall.ECONNREFUSED)
		assert.Empty(t, readAll(waiting, syscall.ECONNRESET))
		write(t, accepted, "here")
		assert.Equal(t, "here", read(t, served, 4))
	})
}

// With all places taken Dial waits, for a place, its context, or the end.
func TestDialWaits(t *testing.T) {
	full := func(t *testing.T) (*queuednettest.Listener, <-chan error, context.CancelFunc) {
		listener := queuednettest.NewListener(t, nil)
		for range 128 {
			_, err := listener.Dial(t.Context())
			require.NoError(t, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		t.Cleanup(cancel)
		done := make(chan error, 1)
		go func() {
			_, err := listener.Dial(ctx)
			done <- err
		}()
		synctest.Wait()
		require.Empty(t, done, "did not wait")
		return listener, done, cancel
	}
	t.Run("for a place", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			listener, done, _ := full(t)
			_, err := listener.Accept()
			require.NoError(t, err)
			assert.NoError(t, <-done)
		})
	})
	t.Run("for its context", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			_, done, cancel := full(t)
			cancel()
			assert.ErrorIs(t, <-done, context.Canceled)
		})
	})
	t.Run("until the listener is closed", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			listener, done, _ := full(t)
			listener.Close()
			assert.ErrorIs(t, <-done, syscall.ECONNREFUSED)
		})
	})
}

// Many dial while the listener is closed: each is accepted, refused or reset.
func TestDialAndCloseAtOnce(t *testing.T) {
	for range 300 {
		listener := queuednettest.NewListener(t, nil)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				socket, err := listener.Dial(t.Context())
				if err != nil {
					assert.ErrorIs(t, err, syscall.ECONNREFUSED)
					return
				}
				socket.SetReadDeadline(time.Now().Add(10 * time.Second))
				assert.Empty(t, readAll(socket, syscall.ECONNRESET))
			})
		}
		all.Go(func() {
			for {
				socket, err := listener.Accept()
				if err != nil {
					assert.ErrorIs(t, err, net.ErrClosed)
					return
				}
				socket.(interface{ SetLinger(int) error }).SetLinger(0)
				socket.Close()
			}
		})
		all.Go(func() { listener.Close() })
		all.Wait()
	}
}

// A manager listens at it and another one dials, as over TCP. What limits by
// address do shows with DialFrom.
func TestManagersUseListener(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := queuednettest.NewEnd(t, &queuednet.Config{MaxConnectionsPerAddress: 1})
		client := queuednettest.NewEnd(t, nil)
		listener := queuednettest.NewListener(t, nil)
		rendezvous, err := server.Manager.AdoptRendezvous(listener)
		require.NoError(t, err)
		assert.Equal(t, "127.0.0.1:4000", rendezvous.LocalAddress().String())
		require.NoError(t, server.Listener.AddConnection(rendezvous))

		pending := client.Manager.BeginClientConnection(listener.Dial, time.Second)
		conn, err := pending.Wait(t.Context())
		require.NoError(t, err)
		require.NoError(t, client.Reader.AddConnection(conn))
		accepted := server.Accept()
		assert.Equal(t, conn.LocalAddress(), accepted.Address())
		assert.Equal(t, accepted.LocalAddress(), conn.Address())
		assert.NoError(t, conn.SetNoDelay(true), "programs set it on all sockets")

		second := listener.Join(nil)
		assert.ErrorIs(t, second.Ended().Err(), syscall.ECONNRESET)
		assert.EqualValues(t, 1, server.Manager.Refusals().PerAddress)
		conn, err = client.Manager.OpenClientConnection(listener.DialFrom(netip.MustParseAddr("192.0.2.7")), time.Second)
		require.NoError(t, err)
		assert.Equal(t, conn.LocalAddress(), server.Accept().Address())

		server.Manager.CloseConnection(rendezvous)
		synctest.Wait()
		_, err = client.Manager.OpenClientConnection(listener.Dial, time.Second)
		assert.ErrorIs(t, err, syscall.ECONNREFUSED)
	})
}

// What the network does to what arrives it does at both ends.
func TestListenerWithNetwork(t *testing.T) {
	bubble(t, func(t *testing.T) {
		network := simulate.NewNetwork(1)
		network.StartDelay(100*time.Millisecond, 100*time.Millisecond)
		listener := queuednettest.NewListener(t, network)
		dialed, err := listener.Dial(t.Context())
		require.NoError(t, err)
		accepted, err := listener.Accept()
		require.NoError(t, err)
		start := time.Now()
		write(t, dialed, "ping")
		assert.Equal(t, "ping", read(t, accepted, 4))
		assert.Equal(t, 100*time.Millisecond, time.Since(start))
		write(t, accepted, "pong")
		assert.Equal(t, "pong", read(t, dialed, 4))
		assert.Equal(t, 200*time.Millisecond, time.Since(start))
	})
}

// What a test leaves open is closed at its end, also what nobody has accepted and
// what the network holds: the bubble would fail otherwise.
func TestListenerLeavesNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		network := simulate.NewNetwork(1)
		network.StartDelay(time.Hour, time.Hour)
		listener := queuednettest.NewListener(t, network)
		for i := range 3 {
			dialed, err := listener.Dial(t.Context())
			require.NoError(t, err)
			if i == 0 {
				go func() {
					for { // more than everything on the way holds
						if _, err := dialed.Write(make([]byte, 10_000)); err != nil {
							return
						}
					}
				}()
				accepted, err := listener.Accept()
				require.NoError(t, err)
				go accepted.Read(make([]byte, 1))
			}
		}
		go listener.Accept()
		synctest.Wait()
	})
}
