package queuednet

import (
	"errors"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLastReceived(t *testing.T) {
	inBubble(t, map[string]func(t *testing.T){
		"follows the peer": func(t *testing.T) {
			for _, config := range []*Config{nil, {IdleTimeout: time.Hour}} {
				e := newEnd(t, config)
				conn, far := e.pipe()
				now := func() { t.Helper(); synctest.Wait(); assert.True(t, time.Now().Equal(conn.LastReceived())) }
				now()
				made := time.Now()
				time.Sleep(time.Second)
				assert.True(t, made.Equal(conn.LastReceived()))
				for _, part := range []string{"\x03", "\x00abc", "\x00"} {
					time.Sleep(time.Second)
					write(t, far, part)
					now()
				}
				time.Sleep(time.Second)
				before := conn.LastReceived()
				require.NoError(t, far.Close())
				assert.Equal(t, "abc", string(e.next().Message()))
				assert.Same(t, conn, e.reset())
				assert.True(t, before.Equal(conn.LastReceived()), "the end is not bytes")
			}
		},
		"not while it is in no reader": func(t *testing.T) {
			e := newEnd(t, nil)
			near, far := net.Pipe()
			conn, err := e.manager.AdoptConnection(near)
			require.NoError(t, err)
			made := time.Now()
			go write(t, far, framed(2, "wait"))
			time.Sleep(time.Minute)
			assert.True(t, made.Equal(conn.LastReceived()))
			require.NoError(t, e.reader.AddConnection(conn))
			assert.Equal(t, "wait", string(e.next().Message()))
			assert.True(t, made.Add(time.Minute).Equal(conn.LastReceived()))
			require.NoError(t, far.Close())
		},
	})
	e := newEnd(t, nil)
	rendezvous, _ := e.listen()
	assert.Zero(t, rendezvous.LastReceived())
	assert.Zero(t, e.udp("127.0.0.1:0").LastReceived())
}

// A deadConn fails as a socket of the system does whose peer is gone.
type deadConn struct {
	net.Conn
	err  error
	dead chan struct{}
}

func (c *deadConn) Read([]byte) (int, error) {
	<-c.dead
	return 0, &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", c.err)}
}

func TestNoAnswer(t *testing.T) {
	for errno, windows := range map[syscall.Errno]syscall.Errno{
		syscall.ETIMEDOUT: 10060, syscall.EHOSTUNREACH: 10065, syscall.ENETUNREACH: 10051,
		syscall.ECONNRESET: 10054,
	} {
		reason := systemError(errno, windows)
		e := newEnd(t, nil)
		near, far := net.Pipe()
		t.Cleanup(func() { far.Close() })
		socket := &deadConn{near, reason, make(chan struct{})}
		conn := e.adopt(socket)
		close(socket.dead)
		require.Same(t, conn, e.reset())
		assert.ErrorIs(t, conn.Err(), reason)
		dead := errno != syscall.ECONNRESET
		assert.Equal(t, dead, errors.Is(conn.Err(), ErrNoAnswer), "%v", conn.Err())
		assert.Equal(t, dead, errors.Is(conn.Err(), os.ErrDeadlineExceeded))
		var timeout net.Error
		require.ErrorAs(t, conn.Err(), &timeout)
		assert.Equal(t, dead, timeout.Timeout())
	}
}

func TestRoundTripUnsupported(t *testing.T) {
	e := newEnd(t, nil)
	conn, _ := e.pipe()
	rendezvous, _ := e.listen()
	for _, conn := range []*Connection{conn, rendezvous, e.udp("127.0.0.1:0")} {
		_, _, err := conn.RoundTrip()
		assert.ErrorIs(t, err, errors.ErrUnsupported)
		assert.ErrorContains(t, err, "RoundTrip")
	}
}
