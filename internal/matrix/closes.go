package matrix

import (
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/internal/testend"
)

// closeRows are about what a peer sees at the end: promise 5.
func closeRows() []row {
	reset := []testend.Ability{testend.Reset}
	return []row{
		{promise: 5, name: "the last message arrives, and the end at once", test: lastMessage},
		{promise: 5, name: "the last message arrives while the peer sends", needs: []testend.Ability{testend.HalfClose}, test: lastMessageInTraffic},
		{promise: 5, name: "Close of the manager delivers the last message", test: lastMessageOfAll},
		{promise: 5, name: "a process that was held up delivers the last message", needs: []testend.Ability{testend.Look}, test: heldUp(closeHeldUp)},
		{promise: 5, name: "two ends of the library part at once", test: partAtOnce},
		{promise: 5, name: "a full send queue is no clean end", needs: reset, test: noCleanEndWhenFull},
		{promise: 5, name: "a write timeout is no clean end", needs: reset, test: noCleanEndAfterWriteTimeout},
		{promise: 5, name: "a close timeout is no clean end", needs: reset, test: noCleanEndAfterCloseTimeout},
	}
}

// never is a CloseTimeout in which nothing that waits for it comes.
const never = time.Hour

// requireAllAndEOF reads what was sent and the end, closes, and waits for the
// server to have no goroutine of the connection any more.
func requireAllAndEOF(c *cell, far net.Conn, want string) {
	c.Helper()
	c.requireRead(far, want)
	if n, err := readToEnd(far); !c.isGoodEnd(err) || n > 0 {
		c.Fatalf("after the last message: %d bytes and %v", n, err)
	}
	far.Close()
}

func sendLastMessages(s *testend.Server, conn *queuednet.Connection) (wire string) {
	large := strings.Repeat("x", 60_000)
	s.Send(conn, "first")
	s.Send(conn, large)
	s.Send(conn, "last")
	return testend.Frames("first", large, "last")
}

func lastMessage(c *cell) {
	s := c.serve(&queuednet.Config{CloseTimeout: never})
	conn, far := s.Connect()
	wire := sendLastMessages(s, conn)
	if !s.Manager.CloseConnection(conn) {
		c.Error("CloseConnection")
	}
	requireAllAndEOF(c, far, wire)
	c.requireErr(conn.Err(), net.ErrClosed)
	testend.Within(c, "Close of the manager", func() { s.Manager.Close() })
	if _, ok := s.Manager.GetResetConnection(); ok {
		c.Error("the program's own close was reported")
	}
}

// lastMessageInTraffic has a peer that sends all the time, and whose bytes nobody
// takes: they must not cause a reset that destroys the last message.
func lastMessageInTraffic(c *cell) {
	s := c.serve(&queuednet.Config{CloseTimeout: never, MaxReceiveQueue: 1000})
	conn, far := s.Connect()
	got := make(chan struct{})
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for range 60 { // 60 KB, at first more than the program takes
			far.Write([]byte(testend.Frames(strings.Repeat("x", 998))))
		}
		<-got
		far.Close()
	}()
	s.Until("datagram", s.Reader.DataAvailable)
	wire := sendLastMessages(s, conn)
	s.Manager.CloseConnection(conn)
	c.requireRead(far, wire)
	n, err := readToEnd(far)
	close(got)
	if !c.isGoodEnd(err) || n > 0 {
		c.Errorf("after the last message: %d bytes and %v", n, err)
	}
	testend.Await(c, "the peer", sent)
	testend.Within(c, "Close of the manager", func() { s.Manager.Close() })
}

func lastMessageOfAll(c *cell) {
	s := c.serve(&queuednet.Config{CloseTimeout: never})
	conn, far := s.Connect()
	wire := sendLastMessages(s, conn)
	closed := make(chan error, 1)
	go func() { closed <- s.Manager.Close() }()
	requireAllAndEOF(c, far, wire)
	select {
	case err := <-closed:
		if err != nil {
			c.Error("Close: ", err)
		}
	case <-time.After(testend.Patience):
		c.Fatal("Close waits")
	}
}

// partAtOnce has a client that uses the library too, and closes.
func partAtOnce(c *cell) {
	config := &queuednet.Config{CloseTimeout: never}
	s, client := c.serve(config), testend.New(c, config)
	accepted, opened := s.Join(client)
	client.Send(opened, "hello")
	if got := s.Next(); got != "hello" {
		c.Errorf("received %q", got)
	}
	s.Send(accepted, "answer")
	if got := client.Next(); got != "answer" {
		c.Errorf("received %q", got)
	}
	client.Send(opened, "last")
	client.Manager.CloseConnection(opened)
	c.requireEnd(s, accepted, io.EOF, 1)
	testend.Within(c, "Close of the client's manager", func() { client.Manager.Close() })
	testend.Within(c, "Close of the server's manager", func() { s.Manager.Close() })
}

// requireNoCleanEnd reads to the end, of which the peer must see that it is none.
func requireNoCleanEnd(c *cell, far net.Conn) {
	c.Helper()
	n, err := readToEnd(far)
	if c.isGoodEnd(err) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe) {
		c.Errorf("after %d bytes, which is not all, the peer sees no failure but %v", n, err)
	}
}

func noCleanEndWhenFull(c *cell) {
	s := c.serve(nil)
	conn, far := s.Connect()
	sendUntilFailure(s, conn, 100_000)
	requireNoCleanEnd(c, far)
	c.requireEnd(s, conn, queuednet.ErrSendQueueFull, 0)
}

func noCleanEndAfterWriteTimeout(c *cell) {
	s := c.serve(&queuednet.Config{WriteTimeout: 100 * time.Millisecond, MaxSendQueue: 64 << 20})
	conn, far := s.Connect()
	grow := testend.Shrink(far)
	sendUntilFailure(s, conn, 300)
	c.requireEnd(s, conn, queuednet.ErrWriteTimeout, 0)
	grow()
	requireNoCleanEnd(c, far)
}

func noCleanEndAfterCloseTimeout(c *cell) {
	s := c.serve(&queuednet.Config{CloseTimeout: 100 * time.Millisecond, MaxSendQueue: 64 << 20})
	conn, far := s.Connect()
	grow := testend.Shrink(far)
	sendUntilFailure(s, conn, 300)
	s.Manager.CloseConnection(conn)
	testend.Within(c, "Close of the manager", func() { s.Manager.Close() })
	grow()
	requireNoCleanEnd(c, far)
}
