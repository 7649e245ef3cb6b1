//go:build !js

package websocket

import (
	"bytes"
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A peer that floods a connection that is not read is slowed: what is kept of its
// datagrams is bounded, and none is lost.
func TestReceiveBound(t *testing.T) {
	near, far := pair(t, nil, nil)
	const length, count = 10_000, 2000
	frame := append([]byte{length & 0xff, length >> 8}, bytes.Repeat([]byte("x"), length)...)
	b := make([]byte, len(frame))
	go near.Write(frame)
	_, err := io.ReadFull(far, b)
	require.NoError(t, err)
	written := make(chan error, 1)
	go func() {
		var err error
		for i := 0; i < count && err == nil; i++ {
			_, err = near.Write(frame)
		}
		written <- err
	}()
	inbox := &far.(*conn).inbox
	full := func() bool {
		inbox.mu.Lock()
		defer inbox.mu.Unlock()
		require.Less(t, inbox.size(), inboxRoom+len(frame))
		return inbox.full
	}
	require.Eventually(t, full, patience, time.Millisecond)
	select {
	case err := <-written:
		t.Fatal("the peer was not slowed: ", err)
	default:
	}
	for range count {
		_, err := io.ReadFull(far, b)
		require.NoError(t, err)
		require.True(t, bytes.Equal(frame, b))
		full()
	}
	require.NoError(t, <-written)
	require.NoError(t, far.SetReadDeadline(time.Now().Add(10*time.Millisecond)))
	_, err = far.Read(b)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
}

// Only the beginning of a datagram is nothing that a peer may get, nor a good end.
func TestCutDatagram(t *testing.T) {
	near, far := pair(t, nil, nil)
	_, err := near.Write([]byte{1, 0, 'a', 5, 0, 'b'})
	require.NoError(t, err)
	go near.Close()
	b := make([]byte, 10)
	n, err := far.Read(b)
	require.NoError(t, err)
	require.Equal(t, []byte{1, 0, 'a'}, b[:n])
	_, err = far.Read(b)
	requireStatus(t, err, 1011, "a datagram was cut")
}
