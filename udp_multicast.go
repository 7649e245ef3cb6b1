package queuednet

import (
	"cmp"
	"net"
	"slices"
	"strconv"
	"syscall"

	"github.com/queuednet/queuednet/internal/sockopt"
)

// OpenUDPMulticast opens a UDP socket that receives, on a port, what is sent to a
// multicast group on one interface, of those that Interfaces returns. What it sends to
// any group leaves on that interface. It also receives what is sent to the machine
// itself on that port, on all interfaces, and sends there, like the connection of
// OpenUDPConnection.
//
// The port of the group is the one to receive on. 0 is the system's choice, for a
// program that only asks a group and waits for answers. The Name of the interface must
// be set. Its IP says from which address IPv4 packets to the group leave, if there are
// several; otherwise that is the first IPv4 address of the interface.
//
// Sockets of a group share their port, in this process and in others on the machine
// (SO_REUSEADDR; on BSD and macOS SO_REUSEPORT too). What anybody sends to the group
// reaches all of them, the sender included. What is sent to the address of the machine
// reaches only one of them, so a program that waits for answers needs a port of its
// own. Packets to a group pass no router unless Config.Control has set IP_MULTICAST_TTL
// or IPV6_MULTICAST_HOPS.
//
// It fails with a *net.AddrError if the address is not a group, if its zone is another
// interface, or if the interface does not have its version of IP; otherwise with the
// error of the system. Panda3D has no counterpart.
func (m *QueuedConnectionManager) OpenUDPMulticast(group NetAddress, on Interface) (*Connection, error) {
	if !group.IsMulticast() {
		return nil, &net.AddrError{Err: "not a multicast address", Addr: group.String()}
	}
	return m.openGroup(group, func(fd uintptr) (int, error) { return joinOn(fd, group, on) })
}

// openGroup opens a socket on the port of a group. It calls join, which makes the
// socket a member and returns the number of the interface, or 0 for the system's
// choice.
func (m *QueuedConnectionManager) openGroup(group NetAddress, join func(fd uintptr) (int, error)) (*Connection, error) {
	network, err := m.config.networkOf("udp", group)
	if err != nil {
		return nil, err
	}
	socket, err := m.listenUDP(network, group.String()) // for a group package net binds the port alone, and shares it
	if err != nil {
		return nil, err
	}
	on := 0
	err = sockopt.Control(socket.(syscall.Conn), func(fd uintptr) (err error) {
		on, err = join(fd)
		return err
	})
	if err != nil {
		socket.Close()
		return nil, wrapOption("joining "+group.IPString(), err)
	}
	c, err := m.newPackets(socket, on)
	if err != nil {
		return nil, err
	}
	// What one program of a machine sends reaches the others. On most systems that is
	// the default.
	_ = c.setIPOption("", sockopt.MulticastLoop, sockopt.MulticastLoop6, 1)
	return c, nil
}

// joinAnywhere makes a socket a member of a group: on the interface that the group's
// zone names, or otherwise on one that the system chooses. A system that has no route to
// the group, such as Linux on a LAN without a router, chooses none; then joinAnywhere
// tries interfaces until one works. It returns the number of the interface, 0 for the
// system's choice.
func joinAnywhere(fd uintptr, group NetAddress) (int, error) {
	zone, err := zoneInterface(group)
	if err != nil {
		return 0, err
	}
	if zone != nil {
		return joinOn(fd, group, Interface{Name: zone.Name})
	}
	err = sockopt.JoinGroup(fd, group.addrPort.Addr(), sockopt.GroupInterface{})
	if err == nil {
		return 0, nil
	}
	interfaces, _ := Interfaces()
	for _, on := range likelyInterfaces(interfaces) {
		if on.IPv6 != group.IsIPv6() {
			continue
		}
		if index, err := joinOn(fd, group, on); err == nil {
			return index, nil
		}
	}
	return 0, err
}

// likelyInterfaces returns the interfaces that may have a group's other members,
// the likeliest first: those with a LAN, those with one peer, and the loopback
// interface, which needs no multicast flag.
func likelyInterfaces(all []Interface) []Interface {
	rank := func(i Interface) int {
		switch {
		case i.IP.addrPort.Addr().IsLoopback():
			return 2
		case i.PointToPoint:
			return 1
		}
		return 0
	}
	likely := slices.DeleteFunc(slices.Clone(all), func(i Interface) bool {
		return !i.Operational || !i.Multicast && rank(i) < 2
	})
	slices.SortStableFunc(likely, func(a, b Interface) int { return cmp.Compare(rank(a), rank(b)) })
	return likely
}

// joinOn makes a socket a member of a group on one interface, and returns the number of
// the interface.
func joinOn(fd uintptr, group NetAddress, on Interface) (int, error) {
	i, err := net.InterfaceByName(on.Name)
	if err != nil {
		return 0, err
	}
	if zone, err := zoneInterface(group); err != nil {
		return 0, err
	} else if zone != nil && zone.Index != i.Index {
		return 0, &net.AddrError{Err: "group on another interface than " + on.Name, Addr: group.String()}
	}
	if group.IsIPv6() {
		return i.Index, sockopt.JoinGroup(fd, group.addrPort.Addr(), sockopt.GroupInterface{Index: i.Index})
	}
	ip, err := ipv4Of(on)
	if err != nil {
		return 0, err
	}
	return i.Index, sockopt.JoinGroup(fd, group.addrPort.Addr(), sockopt.GroupInterface{IP: ip})
}

// ipv4Of returns the IPv4 address of an interface: its IP or the first one.
func ipv4Of(on Interface) ([4]byte, error) {
	if ip := on.IP.addrPort.Addr(); ip.Is4() {
		return ip.As4(), nil
	}
	all, err := Interfaces()
	if err != nil {
		return [4]byte{}, err
	}
	for _, i := range all {
		if i.Name == on.Name && !i.IPv6 {
			return i.IP.addrPort.Addr().As4(), nil
		}
	}
	return [4]byte{}, &net.AddrError{Err: "interface without an IPv4 address", Addr: on.Name}
}

// zoneInterface returns the interface that an address has as its zone, nil for none.
func zoneInterface(address NetAddress) (*net.Interface, error) {
	zone := address.addrPort.Addr().Zone()
	if zone == "" {
		return nil, nil
	}
	if index, err := strconv.Atoi(zone); err == nil {
		return net.InterfaceByIndex(index)
	}
	return net.InterfaceByName(zone)
}
