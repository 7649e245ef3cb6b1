package queuednet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"syscall"
)

// A player is the model of one connection: what a program that looks at it alone,
// one call after another, has to see.
type player struct {
	m    *model
	name int
	conn *Connection
	far  far
	wire *wire // the library's end, nil for a real socket

	// What the peer sends: datagrams of known contents, written bit by bit.
	stream  []byte
	ends    []int // where in the stream each datagram ends
	offered int   // bytes of the stream that are on their way, or have arrived

	// What the program has taken of it.
	home   *QueuedConnectionReader // that has the connection
	sealed map[*QueuedConnectionReader]bool
	last   map[*QueuedConnectionReader]int
	taken  []bool
	count  int

	// What the program sends, and how much of it the peer has.
	sent     []byte
	received int
	over     bool // the peer has seen the end

	// What happened to the connection.
	finished bool // the peer has ended its side
	left     bool // the peer is gone: it does not read either
	wasReset bool
	closed   bool // by the program
	aborted  bool // by the program
	full     bool // a Send has said so
	slow     bool // time-outs may have passed
	lossy    bool // it may have failed in no reader: what it had is lost
	reported bool
}

// payload is the contents of a datagram: its number, and bytes that follow from it.
func payload(number, size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(number + i)
	}
	binary.LittleEndian.PutUint32(b, uint32(number))
	return b
}

// prepare makes at least n bytes that have not been offered.
func (p *player) prepare(n int) {
	headerSize := p.m.config.TCPHeaderSize
	for len(p.stream)-p.offered < n {
		size := 4 + p.m.random.IntN(40)
		if p.m.random.IntN(10) == 0 {
			size = 4 + p.m.random.IntN(40_000)
		}
		p.stream = append(p.stream, framed(headerSize, string(payload(len(p.ends), size)))...)
		p.ends = append(p.ends, len(p.stream))
		p.taken = append(p.taken, false)
	}
}

// whole returns how many datagrams end within the first n bytes of the stream.
func (p *player) whole(n int) (count int) {
	for count < len(p.ends) && p.ends[count] <= n {
		count++
	}
	return count
}

// write offers n bytes.
func (p *player) write(n int) {
	if !p.finished {
		p.prepare(n)
		p.offered += p.far.offer(p.stream[p.offered : p.offered+n])
	}
}

// read takes up to n bytes of what was sent and compares them.
func (p *player) read(n int) {
	if p.left || p.wasReset {
		return
	}
	b := make([]byte, n)
	n, err := p.far.take(b)
	if n > len(p.sent)-p.received {
		p.fail("%d bytes that nobody has sent", n)
	} else if !bytes.Equal(b[:n], p.sent[p.received:p.received+n]) {
		p.fail("other bytes than were sent, from %d on", p.received)
	}
	p.received += n
	switch {
	case err == nil:
	case !p.closed && p.conn.Err() == nil:
		p.fail("%v, and it is open", err)
	case p.slow || p.full || p.aborted:
	case err != io.EOF:
		p.fail("the peer saw no clean end: %v", err)
	case p.received < len(p.sent):
		p.fail("the end after %d of %d bytes", p.received, len(p.sent))
	}
	p.over = p.over || err != nil
}

// mayHaveEnded reports whether anything but the program may have ended it.
func (p *player) mayHaveEnded() bool {
	return p.finished || p.wasReset || p.slow || p.full || p.aborted
}

// look notes what another step may have made possible.
func (p *player) look() {
	if p.home == nil && (p.left || p.wasReset || p.slow || p.full) {
		p.lossy = true
	}
}

func (p *player) send(size int) {
	b := payload(len(p.sent), size)
	err := p.m.writer.Send(NewDatagram(b), p.conn)
	p.answered(b, err)
}

// answered notes what a call has answered that sends b.
func (p *player) answered(b []byte, err error) {
	// The library learns what the system has accepted when a write has returned.
	waits := len(p.sent) - p.received + p.m.config.TCPHeaderSize + len(b) + rawWritePiece
	switch {
	case err == nil && (p.closed || p.reported):
		p.fail("sent after the end")
	case err == nil:
		p.sent = append(p.sent, framed(p.m.config.TCPHeaderSize, string(b))...)
	case p.closed || p.reported:
	case errors.Is(err, ErrSendQueueFull):
		if waits <= p.m.config.MaxSendQueue && !p.full {
			p.fail("full with %d bytes", waits)
		}
		p.full = true
	case !p.mayHaveEnded():
		p.fail("send: %v", err)
	}
}

func (p *player) add(r *QueuedConnectionReader) {
	err := r.AddConnection(p.conn)
	switch {
	case err == nil && (p.home != nil || p.closed || p.reported):
		p.fail("added twice, or after its end")
	case err == nil:
		p.home = r
		p.sealed[r] = false
	case p.closed || p.mayHaveEnded():
	case p.home == nil || !errors.Is(err, ErrAlreadyAdded):
		p.fail("add: %v", err)
	}
}

func (p *player) remove(r *QueuedConnectionReader) {
	ok := r.RemoveConnection(p.conn)
	switch {
	case ok && p.home != r:
		p.fail("removed from a reader that did not have it")
	case !ok && p.home == r && !p.mayHaveEnded():
		p.fail("not removed")
	case ok:
		p.home = nil
	}
}

func (p *player) close() {
	ok := p.m.manager.CloseConnection(p.conn)
	if ok == (p.closed || p.reported) {
		p.fail("close is %v", ok)
	}
	if ok {
		p.closed, p.home = true, nil
	}
}

func (p *player) abort() {
	p.conn.Abort()
	p.aborted = true
	if !p.reported {
		p.closed, p.home = true, nil
	}
}

// take checks a datagram that came out of a reader.
func (p *player) take(r *QueuedConnectionReader, datagram *NetDatagram) {
	b := datagram.Message()
	if len(b) < 4 {
		p.fail("a datagram of %d bytes", len(b))
	}
	number := int(binary.LittleEndian.Uint32(b))
	switch {
	case p.reported:
		p.fail("datagram %d after the report of its end", number)
	case p.sealed[r]:
		p.fail("datagram %d in a reader that it was removed from", number)
	case number >= p.whole(p.offered) || !bytes.Equal(b, payload(number, len(b))):
		p.fail("not a datagram that was sent: number %d, %d bytes", number, len(b))
	case p.taken[number]:
		p.fail("datagram %d twice", number)
	case p.last[r] > number:
		p.fail("datagram %d after %d", number, p.last[r])
	}
	p.last[r] = number
	p.taken[number] = true
	p.count++
}

// arrived returns how many datagrams the program must get, whatever the end.
func (p *player) arrived() int {
	if p.wire != nil {
		read, _ := p.wire.in.has()
		return p.whole(read)
	}
	return p.count
}

// report checks the report of the end.
func (p *player) report() {
	cause := withoutGuess(p.conn.Err())
	atBoundary := p.offered == 0 || p.ends[max(p.whole(p.offered)-1, 0)] == p.offered
	switch {
	case p.reported:
		p.fail("a second report")
	case p.closed:
		p.fail("the program has closed it itself")
	case cause == io.EOF && p.finished && atBoundary, cause == io.ErrUnexpectedEOF && p.finished && !atBoundary:
		if p.count < p.whole(p.offered) && !p.lossy {
			p.fail("%v after %d of %d datagrams", cause, p.count, p.whole(p.offered))
		}
	case errors.Is(cause, errConnectionReset) && (p.wasReset || p.left):
	case errors.Is(cause, syscall.EPIPE) && (p.wasReset || p.left):
	case cause == ErrWriteTimeout && p.slow, cause == ErrSendQueueFull && p.full:
	default:
		p.fail("not why it ended: %v", cause)
	}
	if p.count < p.arrived() && !p.lossy {
		p.fail("reported (%v) after %d of %d datagrams", cause, p.count, p.arrived())
	}
	p.reported, p.home = true, nil
}

// missing says what has not happened yet that must, if everybody takes what is there.
func (p *player) missing() string {
	switch known := p.closed || p.reported; {
	case queuedBytes(p.conn) != 0:
		return "memory is held"
	case p.home != nil && p.mayHaveEnded() && (p.finished || p.wasReset) && !known:
		return "a report"
	case p.home != nil && !p.mayHaveEnded() && p.count < p.whole(p.offered):
		return "datagrams from the peer"
	case !p.mayHaveEnded() && p.received < len(p.sent):
		return "what was sent"
	case known && !p.left && !p.wasReset && !p.full && !p.slow && !p.over:
		return "the end, as the peer sees it"
	}
	return ""
}

func (p *player) fail(format string, values ...any) {
	p.m.fail("player %d: "+format, append([]any{p.name}, values...)...)
}

var _ net.Conn = (*wire)(nil)
