package poller

import (
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// pair returns a socket that has been taken from the runtime, and its peer.
func pair(t *testing.T) (fd int, peer net.Conn) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	peer, err = net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { peer.Close() })
	socket, err := listener.Accept()
	require.NoError(t, err)
	fd, err = Copy(socket.(*net.TCPConn))
	require.NoError(t, err)
	require.NoError(t, socket.Close())
	return fd, peer
}

func newPoller(t *testing.T) Poller {
	p, err := New()
	require.NoError(t, err)
	t.Cleanup(func() { p.Close() })
	return p
}

func TestEventsOfASocket(t *testing.T) {
	p := newPoller(t)
	fd, peer := pair(t)
	key := Key{Slot: 7, Generation: 3}
	require.NoError(t, p.Add(fd, key))
	var events [8]Event
	b := make([]byte, 10)
	_, err := p.Read(fd, b)
	require.Equal(t, ErrAgain, err)

	_, err = io.WriteString(peer, "hello")
	require.NoError(t, err)
	n, err := p.Wait(events[:], time.Minute)
	require.NoError(t, err)
	require.Equal(t, []Event{{Key: key, Readable: true}}, events[:n])
	n, err = p.Read(fd, b)
	require.NoError(t, err)
	require.Equal(t, "hello", string(b[:n]))

	require.NoError(t, p.WantWrite(fd, key, true))
	n, err = p.Wait(events[:], time.Minute)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.True(t, events[0].Writable)
	require.NoError(t, p.WantWrite(fd, key, false))

	require.NoError(t, peer.Close())
	require.Eventually(t, func() bool {
		n, err = p.Wait(events[:], time.Minute)
		return err == nil && n == 1 && events[0].Ended
	}, time.Minute, time.Millisecond)
	_, err = p.Read(fd, b)
	require.Equal(t, io.EOF, err)
	require.True(t, p.Connected(fd))
	require.NoError(t, p.Remove(fd))
	require.NoError(t, p.CloseSocket(fd, false))
}

func TestLingers(t *testing.T) {
	p := newPoller(t)
	fd, _ := pair(t)
	require.False(t, p.Lingers(fd))
	require.NoError(t, syscall.SetsockoptLinger(fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1, Linger: 5}))
	require.True(t, p.Lingers(fd))
	require.NoError(t, p.CloseSocket(fd, true))
}

func TestResetOfASocket(t *testing.T) {
	p := newPoller(t)
	fd, peer := pair(t)
	require.NoError(t, p.CloseSocket(fd, true))
	_, err := peer.Read(make([]byte, 1))
	require.ErrorContains(t, err, "reset")
}

// A Wake is not lost, whenever it comes: before a pause, in it, or before a wait.
func TestWakeIsNotLost(t *testing.T) {
	p := newPoller(t)
	var events [8]Event
	p.Wake()
	p.Pause(time.Minute)
	n, err := p.Wait(events[:], time.Minute)
	require.NoError(t, err)
	require.Zero(t, n)
	for range 100 {
		go p.Wake()
		n, err := p.Wait(events[:], time.Minute)
		require.NoError(t, err)
		require.Zero(t, n)
	}
	n, err = p.Wait(events[:], time.Millisecond)
	require.NoError(t, err)
	require.Zero(t, n, "a wait that ends by its timeout")
}
