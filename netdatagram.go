package queuednet

import (
	"net/netip"
	"time"
)

// A NetDatagram is a datagram with the connection that it arrived over and the address
// that it came from. The zero value is ready for GetData. It is not safe for use by
// several goroutines at once. It is Panda3D's NetDatagram.
type NetDatagram struct {
	Datagram
	connection *Connection
	received   time.Duration // since manager.began; 0: it did not come from a reader

	fromPeer bool   // of the connection: that has the addresses, and sender says nothing
	sender   sender // of a packet of UDP
}

// arrived makes the datagram one of a span.
func (d *NetDatagram) arrived(b *batch, r *span) {
	d.connection, d.received, d.fromPeer = r.conn, r.at, r.sender == 0
	if r.sender > 0 {
		d.sender = b.senders[r.sender-1]
	}
}

// Connection returns the connection that the datagram arrived over, which may have
// ended since, or nil for a datagram that does not come from a reader. It is Panda3D's
// get_connection.
func (d *NetDatagram) Connection() *Connection { return d.connection }

// SetConnection sets what Connection returns. It is Panda3D's set_connection.
func (d *NetDatagram) SetConnection(conn *Connection) {
	d.SetAddress(d.Address())
	d.connection, d.received = conn, 0
}

// Address returns the address of the sender. It is Panda3D's get_address.
func (d *NetDatagram) Address() NetAddress {
	if d.fromPeer {
		return d.connection.Address()
	}
	return d.sender.address
}

// SetAddress sets what Address returns. It is Panda3D's set_address.
func (d *NetDatagram) SetAddress(address NetAddress) {
	if d.fromPeer {
		d.fromPeer, d.sender = false, sender{}
	}
	d.sender.address = address
	d.changed()
}

// LocalAddress returns the address of this machine to which the datagram was sent.
// SendFrom can answer from it: a peer that asked one address of a server takes no
// answer from another one. For a broadcast, or an IPv4 multicast, it is the address of
// the interface at which the datagram arrived.
//
// It is the zero NetAddress for IPv6 multicast; for a datagram that does not come from
// a reader; and, on systems other than Linux, for a UDP connection that was not opened
// at one address. Panda3D has no counterpart.
func (d *NetDatagram) LocalAddress() NetAddress {
	if d.connection == nil {
		return NetAddress{}
	}
	local := d.connection.localAddress
	switch {
	case !d.fromPeer && d.sender.local.IsValid():
		return NetAddressFrom(netip.AddrPortFrom(d.sender.local, uint16(local.Port())))
	case d.connection.packets != nil && local.IsAny():
		return NetAddress{}
	}
	return local
}

// Received returns when the datagram arrived: when the library read its last byte,
// however long the datagram has waited in the reader since then. It is exact to a
// millisecond, but does not include the time for which the bytes waited before they
// were read: while the connection was not read (see Config.MaxReceiveQueue and the
// rates), and up to 2 milliseconds while the engine pauses between two sweeps, which it
// does if no loop is in WaitForReaders.
//
// The time has a monotonic clock reading, so Sub of two of them is the time between
// them. It costs nothing for each datagram. It is the zero time for a datagram that
// does not come from a reader, and after SetConnection. Panda3D has no counterpart.
func (d *NetDatagram) Received() time.Time {
	if d.received == 0 || d.connection == nil || d.connection.manager == nil {
		return time.Time{}
	}
	return d.connection.manager.clocks.began.Add(d.received)
}

// Clear makes the datagram empty, without connection and address. It is Panda3D's
// clear.
func (d *NetDatagram) Clear() {
	d.Datagram.Clear()
	d.connection, d.received, d.fromPeer, d.sender = nil, 0, false, sender{}
}

// Clone returns a copy that shares no memory with d. It keeps a datagram beyond the
// step of a loop over Datagrams. In Panda3D it is the copy constructor.
func (d *NetDatagram) Clone() *NetDatagram {
	clone := *d
	clone.Datagram = *d.Datagram.Clone()
	return &clone
}
