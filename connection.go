package queuednet

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A Connection is one socket of a manager: a TCP stream, a UDP socket, or a
// rendezvous, which is a listening socket. It comes from the manager or from a
// listener, never from the program, and the pointer is its identity: use it as
// a map key.
//
// Its methods may be called from any goroutine, at any time, and none of them
// blocks. A method that sets an option of the socket really sets it, or fails:
// with an error that is errors.ErrUnsupported where the system, or this kind of
// connection, does not have it, and with net.ErrClosed after the end. On a TLS
// connection it is set on the one below. It is Panda3D's Connection; a
// PointerToConnection is not needed.
type Connection struct {
	manager *QueuedConnectionManager

	// A stream has these: the socket, its two sides, and raw where it can be
	// read and written without waiting and without holding a buffer. Its
	// goroutine, run, owns the incoming side, closes the socket and takes the
	// connection off the manager.
	stream net.Conn
	out    outbound
	in     inbound
	raw    syscall.RawConn
	guard  *guard // nil: no limit in time
	acks   ackWatch

	received atomic.Int64 // when bytes last came, since manager.began

	// A UDP connection has packets and the two sides. Its goroutine is runPackets.
	packets *packets

	socket    socket // of a stream or a UDP connection
	closeOnce sync.Once
	left      atomic.Bool // see leave

	// A rendezvous has listening. A stream that came through one names it.
	listening  *rendezvous
	rendezvous *Connection

	address      NetAddress
	localAddress NetAddress
	late         atomic.Pointer[endpoints] // what an adopted socket has told later

	mu     sync.Mutex
	state  connectionState
	cause  error // the first reason of the end
	broken error // a failed write that only says that there is one: see fail
}

// socket is what streams and packet sockets have in common.
type socket interface {
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
	Close() error
}

type connectionState uint8

const (
	stateOpen     connectionState = iota
	stateEnded                    // incoming is over, some of it is not yet taken by the program
	stateReported                 // in the reset queue
	stateGone                     // taken from the reset queue, or closed by the program
)

// newStream makes a connection of a socket, which it owns from then on unless it
// fails; via is the rendezvous that it came through. One that the program has
// not adopted has been through watchPeer.
func (m *QueuedConnectionManager) newStream(stream net.Conn, ends endpoints, via *Connection, adopted bool) (*Connection, error) {
	c := &Connection{
		manager:      m,
		address:      ends.peer,
		localAddress: ends.local,
		socket:       stream,
		stream:       stream,
		raw:          rawConnOf(stream),
		rendezvous:   via,
		guard:        m.newGuard(adopted || via != nil),
	}
	if !adopted {
		c.acks.tcp = m.timesAcks(stream)
	}
	c.in.stays = adopted || c.guard != nil || c.raw == nil
	c.received.Store(int64(m.elapsed()))
	c.initSides()
	if socket, ok := stream.(interface{ TCPHeaderSize() int }); ok {
		c.out.only = uint8(socket.TCPHeaderSize())
	}
	if err := m.register(c, c.run); err != nil {
		return nil, err
	}
	return c, nil
}

// initSides makes the two sides ready.
func (c *Connection) initSides() {
	c.in.changed.L = &c.in.mu
	c.out.changed.L = &c.out.mu
	c.out.collect = c.manager.config.CollectTCP
	c.out.interval = max(c.manager.config.CollectTCPInterval, 0)
}

// adoptRendezvous makes a connection of a listening socket.
func (m *QueuedConnectionManager) adoptRendezvous(listener net.Listener, backlog int) (*Connection, error) {
	address := netAddressOf(listener.Addr())
	c := &Connection{manager: m, address: address, localAddress: address, listening: newRendezvous(listener, backlog)}
	if err := m.register(c, c.accept); err != nil {
		release(listener, func() { listener.Close() })
		return nil, err
	}
	return c, nil
}

// Manager returns the manager that the connection belongs to, nil once that is
// closed. It is Panda3D's get_manager.
func (c *Connection) Manager() *QueuedConnectionManager {
	return c.manager.unlessClosed()
}

// Address returns the peer's address, for a rendezvous and a UDP socket its
// own. It stays known after the end. That of an adopted socket may be zero at
// first: see AdoptConnection. It is Panda3D's get_address.
func (c *Connection) Address() NetAddress {
	if late := c.late.Load(); late != nil {
		return late.peer
	}
	return c.address
}

// LocalAddress returns the address of this end; its port tells what the system
// chose where 0 was asked for. It stays known after the end. That of an adopted
// socket may be zero at first, as Address. Panda3D has no counterpart.
func (c *Connection) LocalAddress() NetAddress {
	if late := c.late.Load(); late != nil {
		return late.local
	}
	return c.localAddress
}

// Rendezvous returns the rendezvous that the connection was accepted through,
// nil for any other. In Panda3D get_new_connection hands it out.
func (c *Connection) Rendezvous() *Connection { return c.rendezvous }

// NetConn returns the socket, for options that are not here; nil where it is
// not a stream. To read, write or close it desynchronises the datagrams. A
// connection of which this was called keeps its goroutine while it is idle. It
// is Panda3D's get_socket.
func (c *Connection) NetConn() net.Conn {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	c.in.stays = true
	c.in.rouse(c)
	return c.stream
}

// Err returns why the connection ended: io.EOF when the peer closed it after a
// whole datagram, io.ErrUnexpectedEOF inside one, a *DatagramTooLongError (both
// with a guess in their text if the peer's first bytes tell that it speaks HTTP or
// TLS, or has the other header size),
// ErrSendQueueFull, ErrWriteTimeout, ErrNoAnswer, a limit's ErrIdle,
// ErrFirstDatagram or ErrFlooding, or the system's error, such as ECONNRESET;
// net.ErrClosed when the program closed it. It is nil as long as
// the connection is open, and may tell the end while the last datagrams are
// still queued. Panda3D does not tell.
func (c *Connection) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

// name is what messages call the connection.
func (c *Connection) name() string {
	if c == nil {
		return "nil"
	}
	return c.Address().String()
}

// Close closes the connection as CloseConnection of its manager does, and
// returns net.ErrClosed where that reports false. Panda3D has no counterpart.
func (c *Connection) Close() error {
	if !c.closeByProgram() {
		return net.ErrClosed
	}
	return nil
}

// Abort breaks a connection off: the peer sees a reset (where the socket has
// one, see AdoptConnection), what was sent and has not gone out is dropped,
// nothing more is read, and the place that it had under MaxConnections and
// MaxConnectionsPerAddress is free at once. It is for peers that deserve
// no last message; CloseConnection is for all others. What it has received stays
// readable, and its end is not reported. After CloseConnection it ends what goes
// on in the background. A rendezvous is closed; connections accepted through it
// stay. On nil, a zero value, and a connection that has ended it does nothing.
// Panda3D has no counterpart.
func (c *Connection) Abort() {
	if c == nil || c.manager == nil {
		return
	}
	c.closeByProgram()
	if c.listening != nil {
		return
	}
	c.out.giveUp(c)
	c.leave()
	m := c.manager
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, alive := m.connections[c]; alive { // so that Close waits for its goroutine, and this one
		m.goroutines.Go(c.breakOff)
	}
}

// leave frees the place of a connection that admit has let in, once.
func (c *Connection) leave() {
	if c.rendezvous != nil && c.left.CompareAndSwap(false, true) {
		c.manager.leave(c.address)
	}
}

// closeByProgram closes c unless its end is known to the program already. What
// was sent goes out in the background.
func (c *Connection) closeByProgram() bool {
	if c.manager == nil {
		return false // a zero value
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch was := c.state; was {
	case stateGone:
		return false
	case stateReported:
		c.manager.resets.remove(c)
	case stateEnded: // reportIfTaken does nothing any more
		c.in.detach(nil)
	case stateOpen:
		c.setCause(net.ErrClosed)
		if c.listening != nil {
			c.listening.close()
			break
		}
		c.out.refuse(net.ErrClosed)
		// Before the goroutine of c is let go, or the manager, with that gone,
		// might not know of this one.
		c.manager.goroutines.Add(1)
		c.in.close(c)
		go func() {
			defer c.manager.goroutines.Done()
			c.finish()
		}()
	}
	c.state = stateGone
	return true
}

// fail ends c because of its outgoing side. What has arrived is still
// delivered: grace is how much longer reading may go on to the peer's end of
// the stream. It returns the reason of the end, which may be an earlier one.
//
// EPIPE is not a reason: the peer has closed, or reset, and reading will tell.
func (c *Connection) fail(err error, grace time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if isBrokenPipe(err) {
		c.broken = err
	} else {
		c.setCause(err)
	}
	if c.state == stateOpen {
		c.manager.goroutines.Go(func() {
			c.out.abort(c, err)
			c.in.fail(c, grace)
		})
	}
	if c.cause == nil {
		return err
	}
	return c.cause
}

// setCause records the reason of the end unless there is one. c.mu is held.
func (c *Connection) setCause(err error) {
	if c.cause == nil {
		c.cause = c.explain(err)
	}
}

// run is the goroutine of a stream. It ends when both directions have, at the
// latest CloseTimeout after the program closed c, or after the peer's end.
func (c *Connection) run() {
	c.returned()
	err := c.receive()
	if err == errAside {
		return
	}
	if err == io.EOF && c.in.try.dead() {
		c.out.settle() // the reset was perhaps told to a write: one of both is
	}
	if err != errClosedByProgram {
		c.ended(err)
		// Whoever breaks the protocol gets nothing more, and a reset stops what
		// it still sends. Anybody else may be waiting for what was sent last.
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			c.out.finish(c, err, c.manager.closeDeadline())
		} else {
			c.out.abort(c, err)
		}
		c.awaitWritten()
	} else {
		flooded := c.discard()
		c.awaitWritten()
		if flooded {
			c.awaitArrived()
		}
	}
	c.closeSocket()
	c.manager.forget(c)
}

// finish lets what was sent go out, ends the sending side and bounds both
// directions. It may wait for a socket that was adopted.
func (c *Connection) finish() {
	limit := c.manager.closeDeadline()
	c.out.finish(c, net.ErrClosed, limit)
	if c.packets != nil {
		limit = time.Now() // there is no end of the peer's to wait for
	}
	c.in.expire(c, limit)
}

// ended marks the incoming side as over; nothing more will be queued.
func (c *Connection) ended(err error) {
	c.in.end()
	c.mu.Lock()
	if c.broken != nil && (err == errFailed || isTimeout(err) || err == io.EOF && c.in.lastLook != 0) {
		err = c.broken
	}
	c.setCause(withGuess(err, c.in.guess))
	c.out.conclude(c.cause) // before the program can know
	if c.state == stateOpen {
		c.state = stateEnded
	}
	c.mu.Unlock()
	c.reportIfTaken()
}

// reportIfTaken puts an ended connection into the reset queue once nothing of
// it is queued any more. It is called after each of these two has come true, so
// the later call reports.
func (c *Connection) reportIfTaken() {
	c.in.mu.Lock()
	waits := c.in.await(c)
	c.in.mu.Unlock()
	if waits {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == stateEnded {
		c.state = stateReported
		c.in.detach(nil)
		c.manager.resets.put(c, maxResetQueue)
	}
}

// takeReport reports whether the program, which takes c from the reset queue,
// has not closed it meanwhile.
func (c *Connection) takeReport() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != stateReported {
		return false
	}
	c.state = stateGone
	return true
}
