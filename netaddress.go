package queuednet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// A NetAddress is an IP address, version 4 or 6, and a port. It is a value: == compares
// it, and it can be the key of a map. The zero value is 0.0.0.0:0.
//
// An IPv4 address is always held as such, never in IPv6 form (::ffff:1.2.3.4), however
// it arrived. So a client has one address whether or not the socket that accepted it
// speaks IPv6 too.
//
// It is Panda3D's NetAddress, and the part of Socket_Address that is of use.
type NetAddress struct {
	// One address must have one representation, for == to work: 0.0.0.0 is held
	// as the zero netip.Addr, and IPv4 is unmapped.
	addrPort netip.AddrPort
}

// NetAddressFrom returns a netip.AddrPort as a NetAddress. One that is not valid
// becomes 0.0.0.0 with its port. It is the counterpart of Panda3D's
// NetAddress(Socket_Address).
func NetAddressFrom(addrPort netip.AddrPort) NetAddress {
	addr := addrPort.Addr().Unmap()
	if addr == netip.IPv4Unspecified() {
		addr = netip.Addr{}
	}
	return NetAddress{netip.AddrPortFrom(addr, addrPort.Port())}
}

// ParseNetAddress reads an address as NetAddress.String writes it: "a.b.c.d:port" or
// "[v6]:port", perhaps with a zone. Spaces around either part do not matter. It takes
// no names and never blocks; NetAddress.SetHost looks names up. Anything else is an
// error. It is the counterpart of Socket_Address::set_host("host:port").
func ParseNetAddress(s string) (NetAddress, error) {
	colon := strings.LastIndexByte(s, ':')
	if colon < 0 {
		return NetAddress{}, fmt.Errorf("queuednet: %w", &net.AddrError{Err: "no port in address", Addr: s})
	}
	host, port := strings.TrimSpace(s[:colon]), strings.TrimSpace(s[colon+1:])
	addrPort, err := netip.ParseAddrPort(host + ":" + port)
	if err != nil {
		return NetAddress{}, fmt.Errorf("queuednet: %w", err)
	}
	return NetAddressFrom(addrPort), nil
}

// SplitHostPort splits an address as Go programs write it, "host:port" or "[v6]:port",
// into a host and a port, for NetAddress.SetHost and for the calls that open a TCP
// connection, such as [QueuedConnectionManager.BeginTCPClientConnection]. The host may
// be a name, or empty as in ":9099". The port is a number from 0 to 65535. Anything
// else is a *net.AddrError. Spaces around the address do not matter. It never blocks.
// Panda3D has no counterpart.
func SplitHostPort(address string) (host string, port int, err error) {
	host, digits, err := net.SplitHostPort(strings.TrimSpace(address))
	if err != nil {
		return "", 0, fmt.Errorf("queuednet: %w", err)
	}
	number, err := strconv.ParseUint(digits, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("queuednet: %w", &net.AddrError{Err: "not a port from 0 to 65535 in address", Addr: address})
	}
	return host, int(number), nil
}

// netAddressOf returns the address that a socket reports, or 0.0.0.0:0 if it is
// not an IP address and a port, as with net.Pipe.
func netAddressOf(addr net.Addr) NetAddress {
	switch addr := addr.(type) {
	case nil:
		return NetAddress{}
	case *net.TCPAddr:
		return NetAddressFrom(addr.AddrPort())
	case *net.UDPAddr:
		return NetAddressFrom(addr.AddrPort())
	}
	addrPort, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return NetAddress{}
	}
	return NetAddressFrom(addrPort)
}

// SetAny sets the address to 0.0.0.0, which is every local address, with the port
// given. A port that is not within 0 to 65535 is an error and changes nothing, here as
// in all the methods that take one. It is Panda3D's set_any.
func (a *NetAddress) SetAny(port int) error {
	return a.set(netip.IPv4Unspecified(), port)
}

// SetAnyIPv6 sets the address to [::], which is every local address of either version,
// with the port given. It is Panda3D's set_any_IPv6.
func (a *NetAddress) SetAnyIPv6(port int) error {
	return a.set(netip.IPv6Unspecified(), port)
}

// SetLocalhost sets the address to 127.0.0.1 with the port given. It is Panda3D's
// set_localhost.
func (a *NetAddress) SetLocalhost(port int) error {
	return a.set(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)
}

// SetBroadcast sets the address to 255.255.255.255 with the port given. It is Panda3D's
// set_broadcast.
func (a *NetAddress) SetBroadcast(port int) error {
	return a.set(netip.AddrFrom4([4]byte{255, 255, 255, 255}), port)
}

// hostOf returns a host without what people type around it: spaces, and the
// brackets of an IPv6 address, as in "[fe80::1%eth0]". A URL has "%25" before
// a zone.
func hostOf(typed string) string {
	host := strings.TrimSpace(typed)
	if len(host) < 2 || host[0] != '[' || host[len(host)-1] != ']' || !strings.Contains(host, ":") {
		return host
	}
	host = host[1 : len(host)-1]
	if addr, zone, ok := strings.Cut(host, "%25"); ok && zone != "" && (zone[0] < '0' || zone[0] > '9') {
		return addr + "%" + zone
	}
	return host
}

// SetHost BLOCKS while the system looks the name up, unless host is an address, which
// needs no look-up. Spaces around it, and brackets around an IPv6 address, do not
// matter. It sets the address to the first that the name has, of either version, with
// the port given. An empty name, a name that is not found (a *net.DNSError) or a wrong
// port is an error and changes nothing. It is Panda3D's set_host.
func (a *NetAddress) SetHost(host string, port int) error {
	return a.setHost(net.DefaultResolver, host, port)
}

// resolver is what SetHost needs of a *net.Resolver.
type resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

func (a *NetAddress) setHost(names resolver, host string, port int) error {
	if host = hostOf(host); host == "" {
		return errors.New("queuednet: empty host name")
	}
	if err := checkPort(port); err != nil {
		return err
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		addrs, err := names.LookupNetIP(context.Background(), "ip", host)
		if err != nil {
			return fmt.Errorf("queuednet: %w", err)
		}
		if len(addrs) == 0 {
			return fmt.Errorf("queuednet: %w", &net.DNSError{Err: "no address", Name: host, IsNotFound: true})
		}
		addr = addrs[0]
	}
	return a.set(addr, port)
}

// Clear sets the address to 0.0.0.0:0, the zero value. It is Panda3D's clear.
func (a *NetAddress) Clear() {
	*a = NetAddress{}
}

// Port returns the port. It is Panda3D's get_port.
func (a NetAddress) Port() int {
	return int(a.addrPort.Port())
}

// SetPort changes the port. One that is not within 0 to 65535 is an error and
// changes nothing; Panda3D's set_port cuts it to 16 bits.
func (a *NetAddress) SetPort(port int) error {
	return a.set(a.addrPort.Addr(), port)
}

// IPString returns the address in numbers, without the port and without brackets,
// with its zone if it has one. It is Panda3D's get_ip_string.
func (a NetAddress) IPString() string {
	return a.AddrPort().Addr().String()
}

// IPComponent returns one of the four numbers of an IPv4 address; 0 is the
// leftmost. For another n, and for IPv6, it returns 0. It is Panda3D's
// get_ip_component.
func (a NetAddress) IPComponent(n int) byte {
	if addr := a.addrPort.Addr(); addr.Is4() && 0 <= n && n < 4 {
		return addr.As4()[n]
	}
	return 0
}

// AddrPort returns the address in the form that the standard library takes. It is
// always valid. Panda3D has no counterpart.
func (a NetAddress) AddrPort() netip.AddrPort {
	if !a.addrPort.Addr().IsValid() {
		return netip.AddrPortFrom(netip.IPv4Unspecified(), a.addrPort.Port())
	}
	return a.addrPort
}

// IsAny reports whether the address is 0.0.0.0 or ::, whatever the port. It is
// Panda3D's is_any.
func (a NetAddress) IsAny() bool {
	return a.AddrPort().Addr().IsUnspecified()
}

// IsIPv6 reports whether the address is an IPv6 address. It takes the place of
// Panda3D's get_family.
func (a NetAddress) IsIPv6() bool {
	return a.addrPort.Addr().Is6()
}

// IsMulticast reports whether the address is a multicast address: 224.0.0.0 to
// 239.255.255.255, or ff00::/8. It is Panda3D's is_mcast_range, with the last
// IPv4 address and with IPv6.
func (a NetAddress) IsMulticast() bool {
	return a.addrPort.Addr().IsMulticast()
}

// Compare orders addresses: IPv4 before IPv6, then by address, by zone, by port.
// It returns -1 if a comes before b, 0 if they are equal, else 1. It takes the
// place of Panda3D's < operator.
func (a NetAddress) Compare(b NetAddress) int {
	return a.AddrPort().Compare(b.AddrPort())
}

// String returns "a.b.c.d:port" or "[v6]:port". It is Panda3D's output.
func (a NetAddress) String() string {
	return a.AddrPort().String()
}

// set sets address and port, or neither.
func (a *NetAddress) set(addr netip.Addr, port int) error {
	if err := checkPort(port); err != nil {
		return err
	}
	*a = NetAddressFrom(netip.AddrPortFrom(addr, uint16(port)))
	return nil
}

// checkPort returns an error for a port that does not exist.
func checkPort(port int) error {
	if port < 0 || port > 65535 {
		return fmt.Errorf("queuednet: %w", &net.AddrError{Err: "port not within 0 to 65535", Addr: strconv.Itoa(port)})
	}
	return nil
}
