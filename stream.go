package queuednet

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// A stream is a TCP connection, or an adopted socket that carries bytes as one
// does. The Connection in it is what the program has.
//
// A carrier moves its bytes; the stream does not know which. Each direction ends
// by itself: the incoming side when deliver says stepEnd, the outgoing one when
// all is written, or given up. Whichever ends last hangs up.
type stream struct {
	Connection
	carrier carrier
	in      incoming
	out     outgoing
	guard   *guard // nil: no limit in time or rate
	clock   clock
	acks    ackWatch

	directions atomic.Int32 // that are not over

	link link // to the engine, if that is the carrier
}

// A carrier moves the bytes of one stream. None of its methods waits. No lock of the
// stream is held when they are called, except where a comment names one.
type carrier interface {
	// look says that the reason of a stepWait may be gone.
	look()
	// interrupt says that a limit has passed: the carrier is to look at the incoming
	// side even if it waits for bytes.
	interrupt()
	// flush writes what is pending. The stream is marked busy. Only flushing
	// goroutines call it.
	flush()
	// interruptWrite breaks off a write that waits.
	interruptWrite()
	// hangUp closes the socket, with a reset if something was given up, and then
	// forgets the stream. It is called once.
	hangUp()
	// breakOff ends waits for the socket at once.
	breakOff()
	// isForeign reports whether the socket's methods may wait.
	isForeign() bool
	// system returns the lowest socket that can be reached: the system's, if all
	// layers show what they wrap.
	system() any
	// netConn returns the socket for the program.
	netConn() net.Conn
}

// newStream makes a connection of a socket, which it owns from then on unless it fails;
// via is the rendezvous that the socket came through. If the program has not adopted
// the socket, setKeepAlive has been called on it.
func (m *QueuedConnectionManager) newStream(socket net.Conn, ends endpoints, via *Connection, adopted bool) (*Connection, error) {
	s := m.makeStream(ends, via, adopted || via != nil)
	if !adopted {
		s.acks.on = m.ackTimeoutSocket(socket) != nil
	}
	if socket, ok := socket.(interface{ TCPHeaderSize() int }); ok {
		s.out.only = uint8(socket.TCPHeaderSize())
		s.out.noteRoom(s)
	}
	if err := m.carry(s, socket, adopted); err != nil {
		return nil, err
	}
	return &s.Connection, nil
}

// makeStream returns a stream without a carrier. If first is set, the time for its
// first datagram is bounded.
func (m *QueuedConnectionManager) makeStream(ends endpoints, via *Connection, first bool) *stream {
	s := &stream{guard: m.newGuard(first)}
	s.Connection = Connection{
		manager:      m,
		stream:       s,
		address:      ends.peer,
		localAddress: ends.local,
		rendezvous:   via,
	}
	s.clock.index = -1
	s.directions.Store(2)
	s.in.received.Store(int64(m.elapsed()))
	if m.config.CollectTCP {
		s.collecting().on = true
	}
	s.out.noteRoom(s)
	return s
}

// shut is called when the program has closed the connection. Connection.mu is held.
func (s *stream) shut() {
	s.leaveLog()
	s.endReading(receiveClosed, s.manager.closeTimeout())
	s.out.finish(s, net.ErrClosed)
	s.carrier.look()
}

// endReading moves the state of the incoming side forward, and ends that side after d at
// the latest.
func (s *stream) endReading(state receiveState, d time.Duration) {
	limit := limitIn(s.manager.elapsed(), d)
	s.in.mu.Lock()
	s.in.advance(state)
	if s.in.limit.at == 0 || limit.at < s.in.limit.at {
		s.in.limit = limit
	}
	s.in.mu.Unlock()
	s.arm(limit.due())
}

// dropUnsent drops what was sent and has not been written.
func (s *stream) dropUnsent() {
	s.leaveLog()
	s.out.abort(s, net.ErrClosed)
}

func (s *stream) breakOff() { s.carrier.breakOff() }

func (s *stream) attachReader(r *QueuedConnectionReader) error {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	err := s.in.attach(r)
	if err == nil {
		s.restartWait()
		s.carrier.look()
	}
	return err
}

func (s *stream) look() { s.carrier.look() }

func (s *stream) system() any { return s.carrier.system() }

// sendingFailed ends the stream because of its outgoing side. What has arrived is
// still delivered: grace is how much longer reading may go on to the peer's end
// of the stream.
//
// EPIPE is not a reason: the peer has closed, or reset, and reading will tell.
func (s *stream) sendingFailed(err error, grace time.Duration) {
	s.leaveLog()
	s.mu.Lock()
	defer s.mu.Unlock()
	if errors.Is(err, syscall.EPIPE) {
		s.broken = err
	} else {
		s.setCause(err)
	}
	if s.cause != nil {
		err = s.cause
	}
	s.out.abort(s, err)
	if s.state == stateOpen {
		s.endReading(receiveFailed, grace)
		s.carrier.look()
	}
}

// incomingOver is called by the carrier when deliver has said stepEnd.
func (s *stream) incomingOver(err error) {
	s.leaveLog()
	if err != errClosedByProgram {
		s.receivingOver(withGuess(err, s.in.guess), s.out.replaceReason)
		// A peer that breaks the protocol gets nothing more, and a reset stops what it
		// still sends. Any other may be waiting for what was sent last.
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			s.out.finish(s, err)
		} else {
			s.out.abort(s, err)
		}
	}
	s.directionOver()
}

// outgoingOver is called by the carrier, which is busy with the stream, when nothing will
// be written any more: all is, and take has asked for the end, or writing has failed.
func (s *stream) outgoingOver() {
	o := &s.out
	o.mu.Lock()
	was := o.done
	o.done = true
	o.release()
	o.mu.Unlock()
	if !was {
		s.directionOver()
	}
}

// directionOver is called once by each direction.
func (s *stream) directionOver() {
	if s.directions.Add(-1) == 0 {
		s.clock.stop(s)
		s.carrier.hangUp()
	}
}

// opError puts the error of a system call in the words of package net.
func (s *stream) opError(op string, err error) error {
	return &net.OpError{
		Op: op, Net: "tcp",
		Source: net.TCPAddrFromAddrPort(s.localAddress.AddrPort()),
		Addr:   net.TCPAddrFromAddrPort(s.address.AddrPort()),
		Err:    os.NewSyscallError(op, err),
	}
}
