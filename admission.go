package queuednet

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// admission decides who may come in through the rendezvous of a manager. It is
// asked by their goroutines and told by those of the connections, never by the
// program's.
//
// Its memory is bounded: live by the connections that are alive, recent and older by
// maxPaces each. An address that is in neither has nothing to pay for, so older can be
// forgotten once everything in it has been paid for. If an attacker has very many
// addresses, older is forgotten earlier, and its addresses are forgiven.
type admission struct {
	mu            sync.Mutex
	total         int
	live          map[netip.Addr]int  // connections of an address
	recent, older map[netip.Addr]pace // accepts of an address
	turned        time.Time           // when recent was begun
}

const maxPaces = 10_000

// who returns what counts as one address: an address of IPv4, or a /64 of IPv6, because
// one customer has at least that. If there is no address it is the zero value.
func who(address NetAddress) netip.Addr {
	addr := address.addrPort.Addr()
	if !addr.Is6() {
		return addr
	}
	network, _ := addr.Prefix(64) // of an IPv6 address it does not fail
	return network.Addr()
}

// limitsAdmission reports whether admission has anything to decide.
func (c *Config) limitsAdmission() bool {
	return c.MaxConnections > 0 || c.MaxConnectionsPerAddress > 0 || c.MaxAcceptsPerSecond > 0
}

// admit reports whether a connection from this address may come in, and counts
// it until release, or says why not.
func (a *admission) admit(config *Config, address NetAddress) (refusalReason, bool) {
	if !config.limitsAdmission() {
		return 0, true
	}
	addr := who(address)
	a.mu.Lock()
	defer a.mu.Unlock()
	if config.MaxConnections > 0 && a.total >= config.MaxConnections {
		return refusedConnections, false
	}
	if addr.IsValid() {
		if config.MaxConnectionsPerAddress > 0 && a.live[addr] >= config.MaxConnectionsPerAddress {
			return refusedPerAddress, false
		}
		if config.MaxAcceptsPerSecond > 0 && !a.acceptRate(config, addr, time.Now()) {
			return refusedAcceptRate, false
		}
		if a.live == nil {
			a.live = make(map[netip.Addr]int)
		}
		a.live[addr]++
	}
	a.total++
	return 0, true
}

// acceptRate reports whether an address keeps to its rate, and counts it then.
func (a *admission) acceptRate(config *Config, addr netip.Addr, now time.Time) bool {
	cost := costOf(1, config.MaxAcceptsPerSecond)
	// The most that an address can owe is paid for within one turn.
	turn := max(config.RateBurst, cost)
	if a.recent == nil || now.Sub(a.turned) >= turn || len(a.recent) >= maxPaces {
		a.recent, a.older = a.older, a.recent
		clear(a.recent)
		if a.recent == nil {
			a.recent = make(map[netip.Addr]pace)
		}
		a.turned = now
	}
	p, ok := a.recent[addr]
	if !ok {
		p = a.older[addr]
	}
	if p.wait(now, cost, config.RateBurst) > 0 {
		return false
	}
	p.spend(now, cost)
	a.recent[addr] = p
	return true
}

// release is the end of what admit began.
func (a *admission) release(config *Config, address NetAddress) {
	if !config.limitsAdmission() {
		return
	}
	addr := who(address)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.total--
	if !addr.IsValid() {
		return
	}
	if a.live[addr]--; a.live[addr] == 0 {
		delete(a.live, addr)
	}
}

// admit reports whether an accepted socket may come in. Who may not is closed
// with a reset: that leaves nothing behind in the system, which an attacker
// could fill, and tells the peer apart from a server that says good-bye.
// Nothing is lost by it, as nothing was sent.
func (m *QueuedConnectionManager) admit(socket net.Conn, address NetAddress) bool {
	reason, ok := m.admission.admit(&m.config, address)
	if !ok {
		m.refused(reason, address)
		resetAtOnce(socket)
	}
	return ok
}

// leave is the end of a connection that admit has let in.
func (m *QueuedConnectionManager) leave(address NetAddress) {
	m.admission.release(&m.config, address)
}
