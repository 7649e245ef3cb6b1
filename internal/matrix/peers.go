package matrix

import (
	"context"
	"math"
	"net"
	"sync/atomic"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/internal/testend"
)

// peerRows are about bad peers and about limits: promise 6.
func peerRows() []row {
	return []row{
		{promise: 6, name: "a stuck peer costs the others nothing", test: stuckBesideGood},
		{promise: 6, name: "a kick does not lift the limits", test: kickedFlood},
		{promise: 6, name: "Abort gives the place back at once", test: abort},
		{promise: 6, name: "rates hold", test: rates},
		{promise: 6, name: "an idle peer ends", test: idleEnds},
		{promise: 6, name: "a peer without a first datagram ends", test: firstDatagram},
		{promise: 6, name: "limits near the end of their range limit nothing", test: longestTimes},
	}
}

func stuckBesideGood(c *cell) {
	s := c.serve(&queuednet.Config{MaxReceiveQueue: 64 << 10, WriteTimeout: -1, MaxSendQueue: 1 << 20, CloseTimeout: 100 * time.Millisecond})
	stuck, stuckFar := s.Connect()
	flooding, flood := s.Connect()
	good, far := s.Connect()
	testend.Shrink(stuckFar)
	go writeForEver(flood, new(atomic.Int64))
	ended := 0
	for range 30 {
		s.Writer.Send(queuednet.NewDatagram(make([]byte, 60_000)), stuck)
		c.write(far, testend.Frames("ping"))
		s.Until("ping", func() bool {
			for datagram := range s.Reader.Datagrams() {
				if datagram.Connection() == good {
					return true
				}
			}
			for range s.Manager.ResetConnections() {
				ended++
			}
			return false
		})
		s.Send(good, "pong")
		c.requireRead(far, testend.Frames("pong"))
	}
	if ended > 1 || flooding.Err() != nil || good.Err() != nil {
		c.Errorf("%d connections ended: %v, %v", ended, flooding.Err(), good.Err())
	}
}

// writeForEver writes datagrams until the socket fails, and counts bytes.
func writeForEver(far net.Conn, written *atomic.Int64) error {
	frames := []byte(testend.Frames(string(make([]byte, 16<<10-2))))
	for {
		n, err := far.Write(frames)
		written.Add(int64(n))
		if err != nil {
			return err
		}
	}
}

// kickedFlood closes a connection whose peer goes on sending. What it gets rid of
// then is bounded, by 1 MiB and what the system holds.
func kickedFlood(c *cell) {
	const most = 16 << 20
	for _, rate := range []int{0, 100_000} {
		s := c.serve(&queuednet.Config{MaxReceiveQueue: 64 << 10, MaxBytesPerSecond: rate, CloseTimeout: time.Second})
		conn, far := s.Connect()
		var written atomic.Int64
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			writeForEver(far, &written)
		}()
		s.Until("flood", s.Reader.DataAvailable)
		before := written.Load()
		s.Manager.CloseConnection(conn)
		testend.Await(c, "the end of the flood", ended)
		if after := written.Load() - before; after > most {
			c.Errorf("with a rate of %d the peer got rid of %d bytes after it was closed", rate, after)
		}
	}
}

// abort ends a connection whose peer takes nothing and goes on sending, although
// CloseTimeout is long. The place is the next one's.
func abort(c *cell) {
	s := c.serve(&queuednet.Config{MaxConnections: 1, CloseTimeout: never, MaxSendQueue: 64 << 20})
	conn, peer := s.Connect()
	testend.Shrink(peer)
	sendUntilFailure(s, conn, 300)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		writeForEver(peer, new(atomic.Int64))
	}()
	conn.Abort()
	testend.Await(c, "the peer's end", ended)
	c.requireErr(conn.Err(), net.ErrClosed)
	for range s.Reader.Datagrams() { // what it has received stays readable
	}
	next, far := s.Connect()
	c.requirePing(s, next, far)
	if _, ok := s.Manager.GetResetConnection(); ok {
		c.Error("the program's own abort was reported")
	}
}

// rates measures how long it takes at least, which no load of the machine makes
// shorter.
func rates(c *cell) {
	const rate, amount = 200_000, 100_000
	s := c.serve(&queuednet.Config{MaxBytesPerSecond: rate, RateBurst: 100 * time.Millisecond, CloseTimeout: 100 * time.Millisecond})
	_, far := s.Connect()
	start := time.Now()
	go func() {
		frames := []byte(testend.Frames(string(make([]byte, 998))))
		for range 200 {
			if _, err := far.Write(frames); err != nil {
				return
			}
		}
	}()
	got := 0
	s.Until("flood", func() bool {
		for datagram := range s.Reader.Datagrams() {
			got += 2 + datagram.Length()
		}
		return got >= amount
	})
	// A burst comes at once, and one datagram may go before it is paid for.
	if took, least := time.Since(start), 390*time.Millisecond; took < least {
		c.Errorf("%d bytes in %v, want at least %v", got, took, least)
	}
}

// idleEnds has connections that say nothing. One that is in no reader lives on. When it is
// in one again it says something, before it would be idle.
func idleEnds(c *cell) {
	s := c.serve(&queuednet.Config{IdleTimeout: 1500 * time.Millisecond})
	unread, far := s.Connect()
	if !s.Reader.RemoveConnection(unread) {
		c.Fatal("RemoveConnection")
	}
	idle, _ := s.Connect()
	c.requireEnd(s, idle, queuednet.ErrIdle, 0)
	if n := s.Manager.Refusals().Idle; n != 1 {
		c.Errorf("%d counted as idle", n)
	}
	written := c.write(far, testend.Frames("ping"))
	s.Add(unread)
	if got := s.Next(); got != "ping" {
		c.Errorf("received %q", got)
	}
	c.requireWritten(written)
}

// firstDatagram has a peer that says nothing at all, not even what its kind of
// socket says first.
func firstDatagram(c *cell) {
	s := c.serve(&queuednet.Config{FirstDatagramTimeout: 100 * time.Millisecond})
	far := s.Dial()
	ctx, cancel := context.WithTimeout(c.Context(), testend.Patience)
	defer cancel()
	seen := make(chan error, 1)
	go func() {
		defer cancel()
		_, err := readToEnd(far)
		seen <- err
	}()
	for s.Manager.WaitForReaders(ctx) == nil {
		for conn := range s.Listener.NewConnections() {
			s.Reader.AddConnection(conn) // fails if it has ended already
		}
		for conn := range s.Manager.ResetConnections() {
			c.requireErr(conn.Err(), queuednet.ErrFirstDatagram)
		}
	}
	select {
	case <-seen:
	default:
		c.Error("the peer still has its place")
	}
	// Where the peer's address is awaited too, the peer has not been accepted yet.
	if counts := s.Manager.Refusals(); counts.FirstDatagram+counts.AcceptErrors != 1 {
		c.Errorf("refusals: %+v", counts)
	}
}

// longestTimes sends more than the system holds, so that writes wait.
func longestTimes(c *cell) {
	s := c.serve(&queuednet.Config{
		WriteTimeout:         math.MaxInt64,
		CloseTimeout:         math.MaxInt64,
		IdleTimeout:          math.MaxInt64,
		FirstDatagramTimeout: math.MaxInt64,
		CollectTCPInterval:   math.MaxInt64,
		RateBurst:            math.MaxInt64,
		MaxSendQueue:         64 << 20,
	})
	conn, far := s.Connect()
	c.requirePing(s, conn, far)
	const count, size = 200, 60_000
	for range count {
		s.Send(conn, string(make([]byte, size)))
	}
	s.Manager.CloseConnection(conn)
	got := make([]byte, count*(2+size))
	if n, err := readFull(far, got); err != nil {
		c.Fatalf("the peer got %d of %d bytes and %v", n, len(got), err)
	}
	far.Close()
	testend.Within(c, "Close of the manager", func() { s.Manager.Close() })
}
