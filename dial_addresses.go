package queuednet

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"time"
)

// A client may connect to a name with several addresses, some of which do not answer.
// As RFC 8305 says, the next address is tried while those before it may still answer,
// and the first that answers is taken.

const (
	nextAddressAfter    = 250 * time.Millisecond // RFC 8305's Connection Attempt Delay
	minNextAddressAfter = 10 * time.Millisecond  // its least value
)

// addressesOf looks a host's name up. It returns its addresses in the order in
// which they are to be tried.
func (c *Config) addressesOf(ctx context.Context, host string, port int) ([]netip.AddrPort, error) {
	addrs := make([]netip.Addr, 1)
	var err error
	if addrs[0], err = netip.ParseAddr(host); err != nil {
		network := "ip"
		if c.IPv4Only {
			network = "ip4"
		}
		if addrs, err = net.DefaultResolver.LookupNetIP(ctx, network, host); err != nil {
			return nil, err
		}
	}
	local := c.LocalAddress.addrPort.Addr()
	addresses := make([]netip.AddrPort, 0, len(addrs))
	for _, addr := range addrs {
		addr = addr.Unmap()
		if c.IPv4Only && addr.Is6() || local.IsValid() && local.Is4() != addr.Is4() {
			continue
		}
		addresses = append(addresses, netip.AddrPortFrom(addr, uint16(port)))
	}
	if len(addresses) == 0 {
		return nil, &net.AddrError{Err: "no address of the version of IP that Config allows", Addr: host}
	}
	return alternate(addresses), nil
}

// dial connects to a host until ctx, which has a deadline, is done.
func (c *Config) dial(ctx context.Context, host string, port int) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	addresses, err := c.addressesOf(ctx, host, port)
	if err != nil {
		return nil, err
	}
	if len(addresses) == 1 { // on this goroutine, whose thread may be in a network namespace
		return c.dialer().DialContext(ctx, "tcp", addresses[0].String())
	}
	deadline, _ := ctx.Deadline()
	return c.connect(ctx, addresses, pauseBetween(len(addresses), time.Until(deadline)))
}

// alternate lets the addresses of the two versions of IP take turns, because often all
// of one version are dead.
func alternate(addresses []netip.AddrPort) []netip.AddrPort {
	first := addresses[0].Addr().Is4()
	var same, other []netip.AddrPort
	for _, address := range addresses {
		if address.Addr().Is4() == first {
			same = append(same, address)
		} else {
			other = append(other, address)
		}
	}
	turns := make([]netip.AddrPort, 0, len(addresses))
	for len(same) > 0 && len(other) > 0 {
		turns = append(turns, same[0], other[0])
		same, other = same[1:], other[1:]
	}
	return slices.Concat(turns, same, other)
}

// pauseBetween is how long after one address the next is tried, so that all are tried
// in the first half of the time.
func pauseBetween(addresses int, timeout time.Duration) time.Duration {
	return max(min(nextAddressAfter, timeout/time.Duration(2*addresses)), minNextAddressAfter)
}

// A dialed is the outcome of connecting to one address.
type dialed struct {
	socket net.Conn
	err    error
}

// connect connects to the first of several addresses that answers. It returns when no
// attempt is left. If none answers, it returns the error of the first address, or, when
// the time is over, that of the last.
func (c *Config) connect(ctx context.Context, addresses []netip.AddrPort, pause time.Duration) (net.Conn, error) {
	attempts, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan dialed)
	running := 0
	next := time.NewTimer(0)
	defer next.Stop()
	var winner net.Conn
	var first, last error
	for running > 0 || winner == nil && len(addresses) > 0 {
		select {
		case <-next.C:
			if winner != nil || len(addresses) == 0 {
				continue
			}
			address := addresses[0].String()
			addresses = addresses[1:]
			running++
			go func() {
				socket, err := c.dialer().DialContext(attempts, "tcp", address)
				results <- dialed{socket, err}
			}()
			next.Reset(pause)
		case r := <-results:
			running--
			switch {
			case r.err != nil:
				if last = r.err; first == nil {
					first = r.err
				}
				next.Reset(0)
			case winner != nil:
				r.socket.Close()
			default:
				winner = r.socket
				cancel()
			}
		}
	}
	if winner != nil {
		return winner, nil
	}
	if ctx.Err() != nil || isTimeout(last) { // a socket may know of the deadline before ctx
		return nil, last
	}
	return nil, first
}

// dialer opens sockets of clients.
func (c *Config) dialer() *net.Dialer {
	d := &net.Dialer{KeepAlive: -1, Control: c.Control} // see setKeepAlive
	if c.LocalAddress != (NetAddress{}) {
		d.LocalAddr = net.TCPAddrFromAddrPort(c.LocalAddress.AddrPort())
	}
	return d
}

// listenConfig opens all other sockets. They are not of MPTCP, as those of package net are
// if nobody says so: with that a connection cannot have an AckTimeout, and does not get
// the options of the listening socket.
func (c *Config) listenConfig() *net.ListenConfig {
	l := &net.ListenConfig{KeepAlive: -1, Control: c.Control} // see setKeepAlive
	l.SetMultipathTCP(false)
	return l
}
