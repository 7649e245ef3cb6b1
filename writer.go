package queuednet

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
)

// A ConnectionWriter puts datagrams into frames and sends them. Its methods may be
// called from any goroutine, and none of them waits for the network: what is sent is
// appended to what was sent to that connection before, and goroutines of the manager
// write it. A manager may have several writers, with different header sizes. It is
// Panda3D's ConnectionWriter; there are no threads to configure.
type ConnectionWriter struct {
	manager    *QueuedConnectionManager
	headerSize atomic.Int32
	rawMode    atomic.Bool
	shut       atomic.Bool
}

// NewConnectionWriter returns a writer for the connections of a manager, with the
// TCPHeaderSize of its Config. A writer has nothing to release.
func NewConnectionWriter(manager *QueuedConnectionManager) *ConnectionWriter {
	w := &ConnectionWriter{manager: manager}
	w.headerSize.Store(manager.initialHeaderSize())
	return w
}

// Manager returns the manager of the writer, or nil if that is closed. It is Panda3D's
// get_manager.
func (w *ConnectionWriter) Manager() *QueuedConnectionManager { return w.manager.unlessClosed() }

// SetTCPHeaderSize sets the size, in bytes, of the length before each datagram: 2 or 4,
// or 0 for none. Any other size is an ErrHeaderSize. It holds for what is sent after
// the call. It is Panda3D's set_tcp_header_size.
func (w *ConnectionWriter) SetTCPHeaderSize(size int) error {
	if size != 0 && size != 2 && size != 4 {
		return ErrHeaderSize
	}
	w.headerSize.Store(int32(size))
	return nil
}

// TCPHeaderSize returns the size set, in bytes. It is Panda3D's
// get_tcp_header_size.
func (w *ConnectionWriter) TCPHeaderSize() int { return int(w.headerSize.Load()) }

// Send sends a copy of the datagram; the datagram may be reused at once. If Send
// returns nil, the datagram was queued. Otherwise nothing is sent, and the error is
//
//   - the datagram's own error;
//   - a *DatagramTooLongError if the header, or MaxSendQueue, cannot hold it;
//   - ErrForeignConnection, or ErrWrongKind (a UDP connection has SendTo);
//   - the reason of the end if the connection has ended, and net.ErrClosed if it was
//     closed;
//   - ErrSendQueueFull, which ends the connection.
//
// It is Panda3D's send.
func (w *ConnectionWriter) Send(datagram *Datagram, conn *Connection) error {
	headerSize := w.frameHeader()
	if err := w.check(datagram, headerSize); err != nil {
		return err
	}
	if err := w.checkReceiver(conn); err != nil {
		return err
	}
	if log := &w.manager.log; !log.isEmpty() { // behind what it holds
		if conn.viaLog.Load() && headerSize+len(datagram.data) <= maxLogFrame {
			return w.sendLogged(headerSize, datagram.data, conn)
		}
		log.distribute()
	}
	flush, err := conn.stream.send(headerSize, datagram.data)
	if flush {
		w.manager.flusher.queue(chain{conn.stream, conn.stream})
	}
	return err
}

// sendLogged sends through the log.
func (w *ConnectionWriter) sendLogged(headerSize int, payload []byte, conn *Connection) error {
	frame := newFrame(headerSize, payload)
	defer frame.free()
	e := newLogEntry(frame, headerSize)
	defer e.free()
	e.receivers = append(e.receivers, conn)
	if len(w.manager.log.send(e)) > 0 {
		return conn.stream.out.reason()
	}
	return nil
}

// SendTo sends a copy of the datagram, in one packet of a UDP connection, to an
// address, which may be a broadcast or multicast address. It never collects. It fails,
// and sends nothing, as Send does; with a *DatagramTooLongError if no packet can hold
// the datagram; with a *net.AddrError for an address with port 0; and with
// ErrSendQueueFull, which does not end a UDP connection. What the system refuses later
// is counted in UDPDrops. It is Panda3D's send with an address.
func (w *ConnectionWriter) SendTo(datagram *Datagram, conn *Connection, address NetAddress) error {
	return w.sendPacket(datagram, conn, netip.Addr{}, address)
}

// SendFrom is SendTo with the address of this machine from which the packet is to
// leave, such as the LocalAddress of a datagram that it answers. The port of from does
// not count. If from is zero, or is the address at which conn was opened, it is SendTo.
//
// It fails with errors.ErrUnsupported if LocalAddress of datagrams is the zero
// NetAddress on this connection; for a connection that was opened at one address, it
// does so for any other. It fails with a *net.AddrError if from and address have
// different versions of IP. If this machine does not have the address, the system
// refuses the packet later. Panda3D has no counterpart.
func (w *ConnectionWriter) SendFrom(datagram *Datagram, conn *Connection, from, address NetAddress) error {
	local := from.AddrPort().Addr()
	switch {
	case from.IsAny() || conn == nil || conn.packets == nil:
		local = netip.Addr{}
	case local == conn.localAddress.AddrPort().Addr():
		local = netip.Addr{}
	case from.IsIPv6() != address.IsIPv6():
		return &net.AddrError{Err: "not of the version of IP that is sent to", Addr: from.String()}
	case !conn.packets.locals:
		return fmt.Errorf("queuednet: SendFrom: %w", errors.ErrUnsupported)
	}
	return w.sendPacket(datagram, conn, local, address)
}

func (w *ConnectionWriter) sendPacket(datagram *Datagram, conn *Connection, from netip.Addr, address NetAddress) error {
	sum := !w.rawMode.Load()
	if err := w.check(datagram, 0); err != nil {
		return err
	}
	limit := maxPacket
	if sum {
		limit -= udpHeader
	}
	switch {
	case conn == nil || conn.manager != w.manager:
		return ErrForeignConnection
	case conn.packets == nil:
		return ErrWrongKind
	case len(datagram.data) > limit:
		return &DatagramTooLongError{Length: int64(len(datagram.data)), Max: int64(limit)}
	case address.Port() == 0:
		return &net.AddrError{Err: "not an address to send to", Addr: address.String()}
	}
	return conn.packets.sendPacket(datagram.data, sum, from, address)
}

// IsValidForUDP reports whether a datagram has at most the 1,500 bytes that Panda3D
// receives over UDP. queuednet sends and receives longer ones, which the network cuts
// into several packets. It is Panda3D's is_valid_for_udp.
func (w *ConnectionWriter) IsValidForUDP(datagram *Datagram) bool {
	return datagram != nil && len(datagram.data) <= maxValidUDP
}

// SetRawMode makes the writer send the bytes of datagrams alone: without a header and,
// over UDP, without a sum. It holds for what is sent after the call. It is Panda3D's
// set_raw_mode.
func (w *ConnectionWriter) SetRawMode(raw bool) { w.rawMode.Store(raw) }

// RawMode returns what SetRawMode set. It is Panda3D's get_raw_mode.
func (w *ConnectionWriter) RawMode() bool { return w.rawMode.Load() }

// frameHeader returns the size of the header to send.
func (w *ConnectionWriter) frameHeader() int {
	if w.rawMode.Load() {
		return 0
	}
	return int(w.headerSize.Load())
}

// Flush sends now everything that connections of the manager have collected (see
// [Connection.SetCollectTCP]). If none collects, it does nothing. It does not wait
// until the bytes have left. In Panda3D only a Connection has it.
func (w *ConnectionWriter) Flush() {
	if w.manager != nil {
		w.manager.log.distribute()
		w.manager.collected.flush()
	}
}

// Shutdown makes the writer refuse, with net.ErrClosed, what is sent from now on. What
// it sent before still arrives. It is Panda3D's shutdown, which drops it.
func (w *ConnectionWriter) Shutdown() {
	w.shut.Store(true)
	w.Flush()
}

// check reports why a datagram cannot be sent at all.
func (w *ConnectionWriter) check(datagram *Datagram, headerSize int) error {
	switch {
	case w.manager == nil || w.shut.Load():
		return net.ErrClosed
	case datagram == nil:
		return errNilDatagram
	case datagram.err != nil:
		return datagram.err
	case int64(len(datagram.data)) > maxPayload(headerSize):
		return &DatagramTooLongError{Length: int64(len(datagram.data)), Max: maxPayload(headerSize)}
	}
	return nil
}

// checkReceiver reports why nothing can be sent to conn.
func (w *ConnectionWriter) checkReceiver(conn *Connection) error {
	switch {
	case conn == nil || conn.manager != w.manager:
		return ErrForeignConnection
	case conn.stream == nil:
		return ErrWrongKind
	}
	return nil
}

var errNilDatagram = errors.New("queuednet: nil datagram")
