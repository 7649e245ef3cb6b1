package matrix

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/internal/testend"
)

// streamRows are about what is sent and received: promises 3, 4 and 7.
func streamRows() []row {
	return []row{
		{promise: 3, name: "nothing is lost, reordered or merged", test: order},
		{promise: 3, name: "a slow program slows its peer", test: slowProgram},
		{promise: 3, name: "a deadline left on the socket ends nothing", needs: []testend.Ability{testend.Adopt}, test: leftDeadline},
		{promise: 4, name: "the end comes once, after the last datagram", test: endOnce},
		{promise: 4, name: "a cut datagram is an unexpected end", needs: []testend.Ability{testend.Stream}, test: cutDatagram},
		{promise: 4, name: "a peer that breaks off is no clean end", needs: []testend.Ability{testend.Break}, test: brokenOff},
		{promise: 4, name: "what has arrived is delivered after a full send queue", needs: []testend.Ability{testend.Look}, test: deliveredAfterFullQueue},
		{promise: 4, name: "what has arrived is delivered after a write timeout", needs: []testend.Ability{testend.Look}, test: deliveredAfterWriteTimeout},
		{promise: 4, name: "the peer may end its half", needs: []testend.Ability{testend.HalfEnd}, test: halfClose},
		{promise: 6, name: "a process that was held up ends nobody", needs: []testend.Ability{testend.Look}, test: heldUp(trafficHeldUp)},
		{promise: 7, name: "the bytes are Panda3D's", needs: []testend.Ability{testend.Stream}, test: wireBytes},
	}
}

const orderCount = 20_000

// order sends in both directions at once between two ends of the library whose
// loops take a little at a time.
func order(c *cell) {
	config := &queuednet.Config{MaxReceiveQueue: 64 << 10, MaxSendQueue: 64 << 20}
	s, client := c.serve(config), testend.New(c, config)
	accepted, opened := s.Join(client)
	var ends sync.WaitGroup
	for end, conn := range map[*testend.End]*queuednet.Connection{s.End: accepted, client: opened} {
		ends.Go(func() { exchange(c, end, conn) })
	}
	testend.Within(c, "the exchange", ends.Wait)
}

func orderSize(i int) int {
	if i%1000 == 999 {
		return 50_000
	}
	return 4 + i%97
}

// exchange sends orderCount datagrams and checks those that come.
func exchange(c *cell, end *testend.End, conn *queuednet.Connection) {
	sent, got := 0, 0
	payload := make([]byte, 50_000)
	for got < orderCount {
		for range min(100, orderCount-sent) {
			binary.LittleEndian.PutUint32(payload, uint32(sent))
			if err := end.Writer.Send(queuednet.NewDatagram(payload[:orderSize(sent)]), conn); err != nil {
				c.Errorf("datagram %d: %v", sent, err)
				return
			}
			sent++
		}
		taken := 0
		for datagram := range end.Reader.Datagrams() {
			it := datagram.Iterator()
			if i := int(it.GetUint32()); i != got || datagram.Length() != orderSize(got) {
				c.Errorf("datagram %d of %d bytes in place of %d", i, datagram.Length(), got)
				return
			}
			got++
			if taken++; taken == 150 {
				break // a frame's work
			}
		}
		if taken == 0 && sent == orderCount {
			if err := end.Manager.WaitForReaders(c.Context()); err != nil {
				c.Errorf("%d of %d: %v", got, orderCount, err)
				return
			}
		}
		if end.Manager.ResetConnectionAvailable() {
			c.Errorf("ended after %d: %v", got, conn.Err())
			return
		}
	}
}

// slowProgram takes nothing until its peer stands still.
func slowProgram(c *cell) {
	const total = 64 << 20
	s := c.serve(&queuednet.Config{MaxReceiveQueue: 64 << 10})
	_, far := s.Connect()
	var written atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		frame := []byte(testend.Frames(strings.Repeat("x", 32<<10-2)))
		for written.Load() < total {
			n, err := far.Write(frame)
			written.Add(int64(n))
			if err != nil {
				return
			}
		}
	}()
	last, still := int64(-1), 0
	testend.Eventually(c, "a standstill", func() bool {
		now := written.Load()
		if still++; now != last || now == 0 {
			last, still = now, 0
		}
		return still == 30
	})
	if last >= total {
		c.Fatal("the peer was not slowed")
	}
	got := 0
	s.Until("everything", func() bool {
		for datagram := range s.Reader.Datagrams() {
			got += 2 + datagram.Length()
		}
		return got == total
	})
	testend.Await(c, "the peer", done)
}

// leftDeadline adopts sockets whose deadlines have passed already.
func leftDeadline(c *cell) {
	past := time.Unix(1, 0)
	wrapped := c.kind.Wrapped(func(socket net.Conn) net.Conn {
		socket.SetDeadline(past)
		return socket
	})
	s := testend.Serve(c, wrapped, nil)
	conn, far := s.Connect()
	c.requirePing(s, conn, far)

	near, raw := wrapped.Near(c)
	adopted, err := s.Manager.AdoptConnection(near)
	if err != nil {
		c.Fatal(err)
	}
	s.Add(adopted)
	far = raw
	if c.kind.Greet != nil {
		far = c.kind.Greet(raw)
	}
	testend.Handshake(c, far)
	c.requirePing(s, adopted, far)
}

// endOnce has a peer whose end is known before the program takes the first of its
// datagrams.
func endOnce(c *cell) {
	s := c.serve(nil)
	conn, far := s.Connect()
	const count = 200
	peer := far
	go func() {
		for range count {
			peer.Write([]byte(testend.Frames("datagram")))
		}
		peer.Close()
	}()
	testend.Eventually(c, "the end", func() bool { return conn.Err() != nil })
	got := 0
	for range s.Reader.Datagrams() {
		if got++; s.Manager.ResetConnectionAvailable() {
			c.Fatalf("reported before datagram %d was handled", got)
		}
	}
	if got != count {
		c.Errorf("%d of %d datagrams", got, count)
	}
	c.requireEnd(s, conn, io.EOF, 0)
	c.requireErr(s.Writer.Send(queuednet.NewDatagram(nil), conn), io.EOF)
	if s.Manager.CloseConnection(conn) {
		c.Error("closed after its end was taken")
	}
	next, far := s.Connect() // by now a second report would be there
	c.requirePing(s, next, far)
	if _, ok := s.Manager.GetResetConnection(); ok {
		c.Error("reported twice")
	}
}

func cutDatagram(c *cell) {
	for _, cut := range []string{"\x09", "\x09\x00", "\x09\x00half"} {
		s := c.serve(nil)
		conn, far := s.Connect()
		go func() {
			far.Write([]byte(testend.Frames("whole") + cut))
			far.Close()
		}()
		c.requireEnd(s, conn, io.ErrUnexpectedEOF, 1)
	}
}

// brokenOff has a peer that resets the connection between two datagrams.
func brokenOff(c *cell) {
	s := c.serve(nil)
	conn, far := s.Connect()
	c.requirePing(s, conn, far)
	tcp := testend.Below(far).(interface {
		SetLinger(seconds int) error
		Close() error
	})
	if err := tcp.SetLinger(0); err != nil {
		c.Fatal(err)
	}
	tcp.Close()
	s.Reset(conn)
	if err := conn.Err(); err == nil || errors.Is(err, io.EOF) {
		c.Errorf("the end of a connection that was reset is %v", err)
	}
}

func deliveredAfterFullQueue(c *cell) {
	deliveredAfter(c, &queuednet.Config{MaxReceiveQueue: 1000, MaxSendQueue: 256 << 10, WriteTimeout: -1}, queuednet.ErrSendQueueFull)
}

func deliveredAfterWriteTimeout(c *cell) {
	deliveredAfter(c, &queuednet.Config{MaxReceiveQueue: 1000, MaxSendQueue: 64 << 20, WriteTimeout: 100 * time.Millisecond}, queuednet.ErrWriteTimeout)
}

// deliveredAfter has a peer that writes 200 datagrams and takes nothing, and a
// program that sends until that ends the connection before it takes any.
func deliveredAfter(c *cell, config *queuednet.Config, cause error) {
	s := c.serve(config)
	conn, far := s.Connect()
	testend.Shrink(far)
	var written atomic.Int32
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 200 {
			if _, err := far.Write([]byte(testend.Frames(strings.Repeat("x", 98)))); err != nil {
				return
			}
			written.Add(1)
		}
	}()
	if c.kind.Cannot[testend.Buffer] == "" {
		testend.Await(c, "the peer's writes", done)
	}
	s.Until("datagram", s.Reader.DataAvailable)
	sendUntilFailure(s, conn, 300)
	testend.Eventually(c, "failure", func() bool { return conn.Err() != nil })

	got := s.Reset(conn)
	c.requireErr(conn.Err(), cause)
	if want := int(written.Load()); got < want {
		c.Errorf("%d of %d datagrams were delivered", got, want)
	}
}

// sendUntilFailure sends 60,000 bytes at a time, at most count times.
func sendUntilFailure(s *testend.Server, conn *queuednet.Connection, count int) {
	payload := queuednet.NewDatagram(make([]byte, 60_000))
	for range count {
		if s.Writer.Send(payload, conn) != nil {
			return
		}
	}
}

// halfClose has a peer that ends its half. What it is sent still arrives, and
// then an end.
func halfClose(c *cell) {
	s := c.serve(&queuednet.Config{MaxSendQueue: 64 << 20})
	conn, far := s.Connect()
	const count, size = 100, 60_000
	for range count { // more than the system holds
		s.Send(conn, string(make([]byte, size)))
	}
	go func() {
		far.Write([]byte(testend.Frames("a", "b")))
		far.(interface{ CloseWrite() error }).CloseWrite()
	}()
	c.requireEnd(s, conn, io.EOF, 2)
	n, err := readToEnd(far)
	if err != io.EOF || n != count*(2+size) {
		c.Errorf("the peer got %d of %d bytes and %v", n, count*(2+size), err)
	}
}

func wireBytes(c *cell) {
	for size, wire := range map[int]string{
		0: "abc" + "z",
		2: "\x03\x00abc\x00\x00\x01\x00z",
		4: "\x03\x00\x00\x00abc\x00\x00\x00\x00\x01\x00\x00\x00z",
	} {
		s := c.serve(nil)
		if size > 0 {
			s.Reader.SetTCPHeaderSize(size)
		}
		s.Writer.SetTCPHeaderSize(size)
		conn, far := s.Connect()
		texts := []string{"abc", "", "z"}
		for _, text := range texts {
			s.Send(conn, text)
		}
		c.requireRead(far, wire)
		if size == 0 {
			continue
		}
		c.write(far, wire)
		for _, want := range texts {
			if got := s.Next(); got != want {
				c.Errorf("received %q, want %q", got, want)
			}
		}
	}
}
