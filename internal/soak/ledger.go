package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/queuednet/queuednet"
)

// A life is one connection of a client, from its beginning to its end, and what
// each side knows of it. The two sides are compared when both are over.
type life struct {
	number uint32
	role   *role
	over   chan struct{} // closed when the server has seen its end

	client, server *account
}

// An account is what one end of a life saw.
type account struct {
	sent, received flow
	reason         string // of the end as the server sees it; "" of a client whose stream ended cleanly
}

// Why the server closed a connection itself, so that no end is reported.
const (
	asked = "closed: asked"
	kicks = "closed: kicked"
)

// A ledger compares the ends of all lives and adds up what agreed. Its methods
// may be called from any goroutine.
type ledger struct {
	mu    sync.Mutex
	last  uint32
	open  map[uint32]*life
	roles map[string]int // lives that are over, by role
	ends  map[string]int // as the server saw them, by reason

	// In each direction, of the lives in which all had to arrive, and of others.
	toServer, toClient sums

	failed  error
	failure chan struct{} // closed with failed
}

// sums add up what was sent and received.
type sums struct{ whole, cut struct{ sent, received flow } }

func (s *sums) add(exactly bool, sent, received flow) {
	to := &s.cut
	if exactly {
		to = &s.whole
	}
	to.sent.add(sent)
	to.received.add(received)
}

// received is all that was received.
func (s *sums) received() int {
	return s.whole.received.all() + s.cut.received.all()
}

func newLedger() *ledger {
	return &ledger{
		open: make(map[uint32]*life), roles: make(map[string]int), ends: make(map[string]int),
		failure: make(chan struct{}),
	}
}

// begin returns a new life.
func (l *ledger) begin(role *role) *life {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last++
	one := &life{number: l.last, role: role, over: make(chan struct{})}
	l.open[one.number] = one
	return one
}

// find returns an open life.
func (l *ledger) find(number uint32) *life {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open[number]
}

// lives returns how many are open.
func (l *ledger) lives() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open)
}

// fail records the first failure.
func (l *ledger) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failLocked(err)
}

func (l *ledger) failLocked(err error) {
	if l.failed == nil && err != nil {
		l.failed = err
		close(l.failure)
	}
}

// clientOver and serverOver hand in what a side saw.
func (l *ledger) clientOver(one *life, a *account) {
	l.mu.Lock()
	defer l.mu.Unlock()
	one.client = a
	if one.role.stranger {
		one.server = new(account) // it never told who it was
	}
	l.settle(one)
}

func (l *ledger) serverOver(one *life, a *account) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if one.server != nil {
		l.failLocked(fmt.Errorf("life %d, which %s, ended twice: %s and %s", one.number, one.role.name, one.server.reason, a.reason))
		return
	}
	one.server = a
	l.ends[a.reason]++
	close(one.over)
	l.settle(one)
}

// strangerOver is for a connection that never told which life it belongs to.
func (l *ledger) strangerOver(reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ends[reason+" of a stranger"]++
	if !slices.Contains([]string{"EOF", "unexpected EOF", "reset", asked, kicks}, reason) {
		l.failLocked(fmt.Errorf("a connection over which nothing came ended with %s", reason))
	}
}

// settle compares both sides once they are over. l.mu is held.
func (l *ledger) settle(one *life) {
	if one.client == nil || one.server == nil {
		return
	}
	delete(l.open, one.number)
	l.roles[one.role.name]++
	l.toServer.add(one.allToServer(), one.client.sent, one.server.received)
	l.toClient.add(one.role.toClient, one.server.sent, one.client.received)
	if err := one.compare(); err != nil {
		l.failLocked(fmt.Errorf("life %d, which %s, ended with %s: %w", one.number, one.role.name, one.server.reason, err))
	}
}

// complete fails unless each connection that the server accepted has ended once.
func (l *ledger) complete(accepted int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	ended := 0
	for _, count := range l.ends {
		ended += count
	}
	if ended != accepted {
		return fmt.Errorf("%d connections were accepted and %d have ended", accepted, ended)
	}
	return nil
}

func (f *flow) add(other flow) {
	f.datagrams += other.datagrams
	f.bytes += other.bytes
	f.shared += other.shared
}

// allToServer reports whether all that was sent to the server had to arrive.
func (one *life) allToServer() bool { return one.role.toServer && one.server.reason != kicks }

// compare fails where the two sides do not agree as the role promises. That what
// arrived is a beginning of what was sent the receivers have checked.
func (one *life) compare() error {
	client, server, role := one.client, one.server, one.role
	if role.stranger {
		return nil
	}
	if server.reason != kicks && !slices.Contains(role.ends, server.reason) {
		return fmt.Errorf("not one of %s", strings.Join(role.ends, ", "))
	}
	if err := agree("to the server", client.sent, server.received, one.allToServer()); err != nil {
		return err
	}
	if err := agree("to the client", server.sent, client.received, role.toClient); err != nil {
		return err
	}
	if role.toClient && client.reason != "" {
		return fmt.Errorf("the client's stream ended with %s", client.reason)
	}
	return nil
}

func agree(direction string, sent, received flow, exactly bool) error {
	fits := received.datagrams <= sent.datagrams && received.shared <= sent.shared && received.bytes <= sent.bytes
	if exactly {
		fits = received == sent
	}
	if !fits {
		return fmt.Errorf("%s %+v was sent and %+v received (all was to arrive: %v)", direction, sent, received, exactly)
	}
	return nil
}

// counts writes a map of counts in the order of its keys.
func counts(m map[string]int) string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.SortFunc(names, cmp.Compare)
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %d", name, m[name])
	}
	return strings.Join(names, ", ")
}

// endName classifies the reason of an end.
func endName(err error) string {
	var tooLong *queuednet.DatagramTooLongError
	switch {
	case errors.As(err, &tooLong):
		return "too long"
	case errors.Is(err, queuednet.ErrSendQueueFull):
		return "send queue full"
	case errors.Is(err, queuednet.ErrWriteTimeout):
		return "write timeout"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "unexpected EOF"
	case errors.Is(err, io.EOF):
		return "EOF"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.Errno(10054)): // the latter on Windows
		return "reset"
	}
	return fmt.Sprint(err)
}
