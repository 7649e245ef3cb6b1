package queuednet

import "net/netip"

// A NetDatagram is a datagram with the connection and the address that it came
// from. The zero value is ready for GetData. It is Panda3D's NetDatagram.
type NetDatagram struct {
	Datagram
	connection *Connection
	address    NetAddress
	local      netip.Addr // that a UDP packet was sent to, where the system tells
}

// Connection returns the connection that the datagram came over, which may have
// ended since; nil for a datagram that did not come from a reader. It is
// Panda3D's get_connection.
func (d *NetDatagram) Connection() *Connection { return d.connection }

// SetConnection sets what Connection returns. It is Panda3D's set_connection.
func (d *NetDatagram) SetConnection(conn *Connection) {
	d.connection = conn
	d.changed()
}

// Address returns the address of the sender. It is Panda3D's get_address.
func (d *NetDatagram) Address() NetAddress { return d.address }

// SetAddress sets what Address returns. It is Panda3D's set_address.
func (d *NetDatagram) SetAddress(address NetAddress) {
	d.address = address
	d.changed()
}

// LocalAddress returns the address of this machine that the datagram was sent to,
// from which SendFrom can answer: a peer that asked one address of a server takes
// no answer from another one. For a broadcast or an IPv4 multicast it is the address
// of the interface that it came in on. It is the zero NetAddress for IPv6
// multicast, for a datagram that did not come from a reader, and, on systems other
// than Linux, for a UDP connection that is not opened at one address. Panda3D has no
// counterpart.
func (d *NetDatagram) LocalAddress() NetAddress {
	if d.connection == nil {
		return NetAddress{}
	}
	local := d.connection.localAddress
	switch {
	case d.local.IsValid():
		return NetAddressFrom(netip.AddrPortFrom(d.local, uint16(local.Port())))
	case d.connection.packets != nil && local.IsAny():
		return NetAddress{}
	}
	return local
}

// Clear makes the datagram empty, of no connection and address. It is Panda3D's
// clear.
func (d *NetDatagram) Clear() {
	d.Datagram.Clear()
	d.connection, d.address, d.local = nil, NetAddress{}, netip.Addr{}
}

// Clone returns a copy that shares no memory with d: how to keep a datagram
// beyond the step of a loop over Datagrams. In Panda3D it is the copy constructor.
func (d *NetDatagram) Clone() *NetDatagram {
	return &NetDatagram{Datagram: *d.Datagram.Clone(), connection: d.connection, address: d.address, local: d.local}
}
