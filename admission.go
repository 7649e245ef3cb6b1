package queuednet

import (
	"net/netip"
	"sync"
	"time"
)

// admission decides who may come in through the rendezvous of a manager. It is
// asked by their goroutines and told by those of the connections, never by the
// program's.
//
// Its memory is bounded: live by the connections that are alive, recent and previous by
// maxBuckets each. An address that is in neither has nothing to pay for, so previous can be
// forgotten once everything in it has been paid for. If an attacker has very many
// addresses, previous is forgotten earlier, and its addresses are forgiven.
type admission struct {
	mu               sync.Mutex
	total            int
	live             map[netip.Addr]int    // connections of an address
	recent, previous map[netip.Addr]bucket // accepts of an address
	rotated          time.Time             // when recent was begun
}

const maxBuckets = 10_000

// addressGroup returns what counts as one address: an address of IPv4, or a /64 of IPv6, because
// one customer has at least that. If there is no address it is the zero value.
func addressGroup(address NetAddress) netip.Addr {
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
	addr := addressGroup(address)
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
	// The most that an address can owe is paid for within this time.
	period := max(config.RateBurst, cost)
	if a.recent == nil || now.Sub(a.rotated) >= period || len(a.recent) >= maxBuckets {
		a.recent, a.previous = a.previous, a.recent
		clear(a.recent)
		if a.recent == nil {
			a.recent = make(map[netip.Addr]bucket)
		}
		a.rotated = now
	}
	b, ok := a.recent[addr]
	if !ok {
		b = a.previous[addr]
	}
	if b.wait(now, cost, config.RateBurst) > 0 {
		return false
	}
	b.spend(now, cost)
	a.recent[addr] = b
	return true
}

// release is the end of what admit began.
func (a *admission) release(config *Config, address NetAddress) {
	if !config.limitsAdmission() {
		return
	}
	addr := addressGroup(address)
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

// admit reports whether an accepted socket may come in. Whoever may not is to be closed
// with a reset: that leaves nothing behind in the system, which an attacker
// could fill, and tells the peer apart from a server that says good-bye.
// Nothing is lost by it, as nothing was sent.
func (m *QueuedConnectionManager) admit(address NetAddress) bool {
	reason, ok := m.admission.admit(&m.config, address)
	if !ok {
		m.refused(reason, address)
	}
	return ok
}

// leave is the end of a connection that admit has let in.
func (m *QueuedConnectionManager) leave(address NetAddress) {
	m.admission.release(&m.config, address)
}
