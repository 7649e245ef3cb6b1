package queuednet

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// framedConn carries datagrams behind headers of 4 bytes.
type framedConn struct{ net.Conn }

func (framedConn) TCPHeaderSize() int { return 4 }

// A socket that carries datagrams refuses headers of another size, and raw mode.
func TestAdoptedSocketWithHeaders(t *testing.T) {
	e := newEnd(t, &Config{TCPHeaderSize: 4})
	near, far := net.Pipe()
	defer far.Close()
	conn, err := e.manager.AdoptConnection(framedConn{near})
	require.NoError(t, err)
	go far.Write([]byte{1, 0, 0, 0, 'a', 1, 0, 0, 0, 'b'})
	hello := NewDatagram([]byte("hello"))
	receivers := func(yield func(*Connection) bool) { yield(conn) }

	for _, change := range []struct{ set, restore func() }{
		{func() { e.writer.SetRawMode(true) }, func() { e.writer.SetRawMode(false) }},
		{func() { e.writer.SetTCPHeaderSize(2) }, func() { e.writer.SetTCPHeaderSize(4) }},
		{func() { e.writer.SetTCPHeaderSize(0) }, func() { e.writer.SetTCPHeaderSize(4) }},
	} {
		change.set()
		assert.Equal(t, ErrHeaderSize, e.writer.Send(hello, conn))
		assert.ErrorIs(t, e.writer.Broadcast(hello, receivers), ErrHeaderSize)
		change.restore()
	}
	require.NoError(t, e.writer.Send(hello, conn))
	b := make([]byte, 9)
	_, err = far.Read(b)
	require.NoError(t, err)
	assert.Equal(t, "\x05\x00\x00\x00hello", string(b))

	e.reader.SetRawMode(true)
	assert.Equal(t, ErrHeaderSize, e.reader.AddConnection(conn))
	e.reader.SetRawMode(false)
	e.reader.SetTCPHeaderSize(2)
	assert.Equal(t, ErrHeaderSize, e.reader.AddConnection(conn))
	e.reader.SetTCPHeaderSize(4)
	require.NoError(t, e.reader.AddConnection(conn))
	require.NoError(t, e.manager.WaitForReaders(t.Context()))
	e.reader.SetRawMode(true)
	go far.Write([]byte{1, 0, 0, 0, 'c'})
	require.Eventually(t, func() bool { return conn.Err() != nil }, patience, time.Millisecond)
	assert.Equal(t, ErrHeaderSize, conn.Err())
}
