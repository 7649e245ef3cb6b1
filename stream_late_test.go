package queuednet

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// flushLate keeps the flushing goroutines away from a stream whose system takes
// nothing, as a machine without time for them does, until WriteTimeout is long
// over, and flushes then. It returns what the stream had ended by before.
func flushLate(e *end, s *stream) (before error) {
	s.out.mu.Lock()
	s.out.busy, s.out.blocked = true, false
	s.out.mu.Unlock()
	s.blocks()
	defer s.carrier.flush()
	eventually(e.t, "WriteTimeout", func() bool {
		s.out.mu.Lock()
		defer s.out.mu.Unlock()
		return s.out.stage == writeStuck
	})
	return s.Err()
}

// lateKinds are the sockets whose writes wait for nothing but their peer.
var lateKinds = map[string]func(e *end) (*Connection, net.Conn){
	"TCP":         socketKinds["TCP"],
	"adopted TCP": socketKinds["adopted TCP"],
}

// Nobody ends because the library itself did not come to write within
// WriteTimeout: a peer that takes what is written is not late.
func TestALateWriteEndsNobody(t *testing.T) {
	for name, open := range lateKinds {
		t.Run(name, func(t *testing.T) {
			e := newEnd(t, &Config{WriteTimeout: 20 * time.Millisecond})
			conn, far := open(e)
			conn.stream.out.mu.Lock()
			conn.stream.out.busy = true
			conn.stream.out.mu.Unlock()
			e.send(conn, "late")
			require.NoError(t, flushLate(e, conn.stream))
			assert.Equal(t, framed(2, "late"), read(t, far, 6))
			e.send(conn, "in time")
			assert.Equal(t, framed(2, "in time"), read(t, far, 9))
			assert.NoError(t, conn.Err())
		})
	}
}
