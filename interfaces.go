package queuednet

import (
	"net"
	"net/netip"
	"strings"
)

// An Interface is one address of a network interface of this machine. An
// interface with several has one Interface for each; one without has none. It
// is Panda3D's ConnectionManager::Interface, whose has_… methods are a
// comparison with the zero value here.
type Interface struct {
	Name string // as the system calls it

	// MAC is the hardware address as lower-case hex digits joined by "-", such
	// as "02-fc-00-00-00-01"; empty if there is none. Panda3D has it on
	// Windows only.
	MAC string

	IP        NetAddress // with the interface as its zone if it is valid on the link only
	Netmask   NetAddress // zero if there is none
	Broadcast NetAddress // zero if there is none, as with IPv6

	Operational  bool // it is ready to carry packets
	IPv6         bool // IP is an IPv6 address
	Multicast    bool // it carries multicast; false for Linux's loopback interface, where it works all the same
	PointToPoint bool // there is one peer; Panda3D's get_p2p tells its address
}

// Interfaces returns the addresses of the machine's network interfaces as they are now,
// in the system's order. It is empty if the system does not tell, as in a browser, and
// fails with the error of the system. It takes the place of Panda3D's scan_interfaces,
// get_num_interfaces and get_interface.
func Interfaces() ([]Interface, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var all []Interface
	for _, i := range interfaces {
		addrs, err := i.Addrs()
		if err != nil {
			return nil, err
		}
		for _, addr := range addrs {
			if entry, ok := newInterface(&i, addr); ok {
				all = append(all, entry)
			}
		}
	}
	return all, nil
}

// newInterface reports false for an address that is not an IP address.
func newInterface(i *net.Interface, addr net.Addr) (Interface, bool) {
	var (
		ip   net.IP
		mask net.IPMask
	)
	switch addr := addr.(type) {
	case *net.IPNet:
		ip, mask = addr.IP, addr.Mask
	case *net.IPAddr:
		ip = addr.IP
	}
	address, ok := netip.AddrFromSlice(ip)
	if !ok {
		return Interface{}, false
	}
	address = address.Unmap()
	entry := Interface{
		Name:         i.Name,
		MAC:          strings.ReplaceAll(i.HardwareAddr.String(), ":", "-"),
		Operational:  i.Flags&net.FlagRunning != 0,
		IPv6:         address.Is6(),
		Multicast:    i.Flags&net.FlagMulticast != 0,
		PointToPoint: i.Flags&net.FlagPointToPoint != 0,
	}
	if entry.IPv6 && (address.IsLinkLocalUnicast() || address.IsLinkLocalMulticast()) {
		address = address.WithZone(i.Name)
	}
	entry.IP = withoutPort(address)
	if address.Is4() && len(mask) == net.IPv6len {
		mask = mask[net.IPv6len-net.IPv4len:]
	}
	if netmask, ok := netip.AddrFromSlice(mask); ok {
		entry.Netmask = withoutPort(netmask)
		if address.Is4() && i.Flags&net.FlagBroadcast != 0 {
			entry.Broadcast = broadcast(address.As4(), netmask.As4())
		}
	}
	return entry, true
}

// broadcast returns the last address of a network.
func broadcast(ip, mask [4]byte) NetAddress {
	for n := range ip {
		ip[n] |= ^mask[n]
	}
	return withoutPort(netip.AddrFrom4(ip))
}

func withoutPort(addr netip.Addr) NetAddress {
	return NetAddressFrom(netip.AddrPortFrom(addr, 0))
}

// String returns "name [ operational ipv6 <ip> netmask <ip> broadcast <ip> ]"
// without the parts that do not hold. It is Panda3D's output.
func (i Interface) String() string {
	var b strings.Builder
	b.WriteString(i.Name + " [ ")
	if i.Operational {
		b.WriteString("operational ")
	}
	if i.IPv6 {
		b.WriteString("ipv6 ")
	}
	b.WriteString(i.IP.IPString() + " ")
	if i.Netmask != (NetAddress{}) {
		b.WriteString("netmask " + i.Netmask.IPString() + " ")
	}
	if i.Broadcast != (NetAddress{}) {
		b.WriteString("broadcast " + i.Broadcast.IPString() + " ")
	}
	b.WriteString("]")
	return b.String()
}
