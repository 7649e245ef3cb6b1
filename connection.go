package queuednet

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A Connection is one socket of a manager: a TCP stream, a UDP socket, or a rendezvous,
// which is a listening socket. It comes from the manager or from a listener, never from
// the program. The pointer is its identity: use it as a map key.
//
// Its methods may be called from any goroutine, at any time, and none of them blocks. A
// method that sets an option of the socket really sets it or fails: with an error that
// is errors.ErrUnsupported if the system, or this kind of connection, does not have the
// option, and with net.ErrClosed after the end. On a TLS connection the option is set
// on the connection below. On nil, which a map returns for a missing key, every method
// answers as on a zero value: nothing is known, and what can fail fails.
//
// It is Panda3D's Connection; a PointerToConnection is not needed.
type Connection struct {
	manager *QueuedConnectionManager

	// One of these is set: it is what embeds this Connection.
	stream    *stream
	packets   *packets
	listening *rendezvous

	viaLog atomic.Bool // see sendLog; in the cache line that a broadcast reads anyway
	left   atomic.Bool // see leave

	// Of mu.
	state  connectionState
	closed bool // the program has closed it, and waits for the report of that

	rendezvous   *Connection // that a stream came through
	address      NetAddress
	localAddress NetAddress
	late         atomic.Pointer[endpoints] // what an adopted socket has told later
	userData     atomic.Pointer[any]
	opened       time.Duration // when it was made, since manager.began

	mu     sync.Mutex
	cause  error // the first reason of the end
	broken error // a failed write that only says that there is one: see stream.sendingFailed
}

type connectionState uint8

const (
	stateOpen     connectionState = iota
	stateEnded                    // incoming is over, some of it is not yet taken by the program
	stateReported                 // in the reset queue
	stateGone                     // taken from the reset queue, or closed by the program without a report
)

// An endpoint does what each kind of connection does in its own way.
type endpoint interface {
	// shut is called when the program has closed the connection: what was sent goes out
	// in the background. Connection.mu is held.
	shut()
	// dropUnsent drops what was sent and has not gone out.
	dropUnsent()
	// breakOff ends the connection at once: whoever waits for the socket gets an error.
	breakOff()
	// attachReader gives what arrives to a reader.
	attachReader(*QueuedConnectionReader) error
	// look says that there may be room in a reader.
	look()
	// system returns the system's socket, for options; nil for none.
	system() any
}

func (c *Connection) endpoint() endpoint {
	switch {
	case c.stream != nil:
		return c.stream
	case c.packets != nil:
		return c.packets
	default:
		return c.listening
	}
}

// asStream returns the stream that c is, nil for any other and for no connection.
func (c *Connection) asStream() *stream {
	if c == nil {
		return nil
	}
	return c.stream
}

// account returns the books of a connection that receives, nil for a rendezvous.
func (c *Connection) account() *account {
	switch {
	case c.stream != nil:
		return &c.stream.in.account
	case c.packets != nil:
		return &c.packets.in
	default:
		return nil
	}
}

// Manager returns the manager that the connection belongs to, or nil if that is closed.
// It is Panda3D's get_manager.
func (c *Connection) Manager() *QueuedConnectionManager {
	if c == nil {
		return nil
	}
	return c.manager.unlessClosed()
}

// Address returns the address of the peer; for a rendezvous and a UDP socket, its own.
// It stays known after the end. The address of an adopted socket may be zero at first:
// see [QueuedConnectionManager.AdoptConnection]. It is Panda3D's get_address.
func (c *Connection) Address() NetAddress {
	if c == nil {
		return NetAddress{}
	}
	if late := c.late.Load(); late != nil {
		return late.peer
	}
	return c.address
}

// LocalAddress returns the address of this end. Its port tells what the system chose if
// 0 was asked for. It stays known after the end. Like Address, it may be zero at first
// for an adopted socket. Panda3D has no counterpart.
func (c *Connection) LocalAddress() NetAddress {
	if c == nil {
		return NetAddress{}
	}
	if late := c.late.Load(); late != nil {
		return late.local
	}
	return c.localAddress
}

// IsUDP reports whether this is a UDP connection: one that sends with SendTo, and whose
// datagrams may come from any sender. It stays so after the end. It is false for nil.
// Panda3D has no counterpart.
func (c *Connection) IsUDP() bool { return c != nil && c.packets != nil }

// Rendezvous returns the rendezvous that the connection was accepted through, or nil
// for any other connection. In Panda3D get_new_connection returns it.
func (c *Connection) Rendezvous() *Connection {
	if c == nil {
		return nil
	}
	return c.rendezvous
}

// NetConn returns the socket, for options that Connection does not have, or nil if it
// is not a stream. Do not read, write or close it: the datagrams would lose their
// boundaries. A connection on which NetConn was called has a goroutine of its own from
// then on. It is Panda3D's get_socket.
func (c *Connection) NetConn() net.Conn {
	s := c.asStream()
	if s == nil {
		return nil
	}
	return s.carrier.netConn()
}

// Err returns why the connection ended, and nil while it is open. The reason is
//
//   - io.EOF if the peer closed the connection after a whole datagram, and
//     io.ErrUnexpectedEOF if it did so inside one;
//   - a *DatagramTooLongError if the peer announced a datagram that is too long;
//   - ErrSendQueueFull, ErrWriteTimeout or ErrNoAnswer;
//   - ErrIdle, ErrFirstDatagram or ErrFlooding, for the limits of Config;
//   - net.ErrClosed if the program closed it;
//   - otherwise the error of the system, such as ECONNRESET.
//
// If the first bytes of the peer look like HTTP, TLS or the other header size, the text
// of an io.ErrUnexpectedEOF or a *DatagramTooLongError says so. Err may know the reason
// while the last datagrams are still queued. Panda3D has no counterpart.
func (c *Connection) Err() error {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

// SetUserData keeps a value of the program's with the connection, such as its player,
// until another one is set. It may be of any type, and nil. A map from connections does
// the same; this serves code that has only the connection. The value lives as long as
// the program, or a queue, has the connection. Panda3D has no counterpart.
func (c *Connection) SetUserData(data any) {
	if c != nil {
		c.userData.Store(&data)
	}
}

// UserData returns the value that SetUserData set last, or nil. Panda3D has no
// counterpart.
func (c *Connection) UserData() any {
	if c == nil {
		return nil
	}
	if data := c.userData.Load(); data != nil {
		return *data
	}
	return nil
}

// name is what messages call the connection.
func (c *Connection) name() string {
	if c == nil {
		return "nil"
	}
	return c.Address().String()
}

// Close closes the connection like [QueuedConnectionManager.CloseConnection]. It
// returns net.ErrClosed where that reports false. Panda3D has no counterpart.
func (c *Connection) Close() error {
	if !c.closeByProgram() {
		return net.ErrClosed
	}
	return nil
}

// Abort breaks the connection off. The peer sees a reset (if the socket has one, see
// [QueuedConnectionManager.AdoptConnection]); what was sent and has not left is
// dropped; nothing more is read; and the place under MaxConnections and
// MaxConnectionsPerAddress is free at once. It is for peers that deserve no last
// message; CloseConnection is for all others.
//
// The datagrams that were received stay readable. The end is reported only with
// Config.ReportClosed. After CloseConnection, Abort ends what goes on in the
// background. A rendezvous is closed; the connections that were accepted through it
// stay. On nil, on a zero value, and on a connection that has ended, Abort does
// nothing. Panda3D has no counterpart.
func (c *Connection) Abort() {
	if c == nil || c.manager == nil {
		return
	}
	if c.stream != nil { // before the close, which would end cleanly what has nothing to send
		c.stream.out.gaveUp.Store(true)
	}
	c.closeByProgram()
	if c.listening != nil {
		return
	}
	c.endpoint().dropUnsent()
	c.leave()
	m := c.manager
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, alive := m.connections[c]; alive { // so that Close waits for its goroutine, and this one
		m.goroutines.Go(c.endpoint().breakOff)
	}
}

// leave frees, once, the place that the connection takes under the limits on accepting.
func (c *Connection) leave() {
	if c.rendezvous != nil && c.left.CompareAndSwap(false, true) {
		c.manager.leave(c.address)
	}
}

// closeByProgram closes c unless the program knows already that it has ended. What was
// sent goes out in the background.
func (c *Connection) closeByProgram() bool {
	if c == nil || c.manager == nil {
		return false // a zero value
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == stateGone || c.closed {
		return false
	}
	if c.manager.config.ReportClosed && c.listening == nil {
		c.closeWithReport()
	} else {
		c.closeWithoutReport()
	}
	return true
}

// withdraw closes c, which the program has never seen, so that its end is not reported.
func (c *Connection) withdraw() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeWithoutReport()
}

// closeWithoutReport makes c one whose end the program knows. c.mu is held.
func (c *Connection) closeWithoutReport() {
	switch c.state {
	case stateReported:
		c.manager.resets.remove(c)
	case stateEnded: // reportIfTaken does nothing any more
		c.account().detach(nil)
	case stateOpen:
		c.setCause(net.ErrClosed)
		c.endpoint().shut()
	}
	c.state = stateGone
}

// closeWithReport closes c, and has it reported like any other connection that ends,
// with the first reason of its end. c.mu is held.
func (c *Connection) closeWithReport() {
	c.closed = true
	if c.state != stateOpen {
		return // it will be reported, or is
	}
	c.setCause(net.ErrClosed)
	c.endpoint().shut()
	c.state = stateEnded
	c.reportIfTaken()
}

// setCause records the reason of the end unless there is one. c.mu is held.
func (c *Connection) setCause(err error) {
	if c.cause == nil {
		c.cause = c.classify(err)
		c.manager.counts.connections.ended(c, c.cause)
		c.manager.happened(c, c.cause)
	}
}

// receivingOver marks the incoming side as over, because of err unless there is
// an earlier reason; nothing more will be queued. tell is called with the reason.
func (c *Connection) receivingOver(err error, tell func(error)) {
	c.account().raise(receiveOver)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil && err == errSendingFailed {
		err = c.broken
	}
	c.setCause(err)
	tell(c.cause) // before the program can know
	if c.state == stateOpen {
		c.state = stateEnded
		c.reportIfTaken()
	}
}

// reportIfTaken puts an ended connection into the reset queue once nothing of
// it is queued any more. c.mu is held.
func (c *Connection) reportIfTaken() {
	if c.state != stateEnded {
		return
	}
	a := c.account()
	a.mu.Lock()
	waits := a.notifyWhenDrained(c)
	a.mu.Unlock()
	if !waits {
		c.state = stateReported
		c.manager.resets.put(c, maxResetQueue)
	}
}

// batchDrained is called by the loop when it has drained a batch that c awaited, either
// for room or because c has ended.
func (c *Connection) batchDrained() {
	state := c.account().credited()
	if state < receiveOver {
		c.endpoint().look()
	}
	if state < receiveClosed {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reportIfTaken()
}

// takeReport is called when the program takes c from the reset queue. It reports
// whether c is still to be reported: the program may have closed it meanwhile.
func (c *Connection) takeReport() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != stateReported {
		return false
	}
	c.state = stateGone
	return true
}
