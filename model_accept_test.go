package queuednet

import (
	"errors"
	"net"
	"os"
	"slices"
	"syscall"
	"time"
)

// A host is the model of one rendezvous: which of its clients the program has to see, in
// which order, and when nothing may be accepted.
type host struct {
	m       *model
	name    int
	conn    *Connection
	socket  *fakeSocket
	clients []*player // all that have dialled, in this order
	next    int       // of clients: those before it have been taken, or refused
	taken   int

	attached bool // the listener has it
	sealed   int  // how many had been accepted when that ended
	closed   bool // by the program
	gone     bool // its socket is: Accept says so from now on
	reported bool
}

func (m *model) newPlayer(name int) *player {
	return &player{m: m, name: name, sealed: make(map[*QueuedConnectionReader]bool), last: make(map[*QueuedConnectionReader]int)}
}

// openHosts opens some rendezvous. One for which there is no room leaves nothing behind.
func (m *model) openHosts() {
	m.mostIdle = 20_000 // after each error of Accept nothing happens for up to a second
	for range m.random.IntN(3) {
		fd, socket := m.fake.openListening()
		conn, err := m.manager.engine.Load().acceptAt(fd, NetAddress{}, 1+m.random.IntN(4))
		switch {
		case err == nil:
			m.hosts = append(m.hosts, &host{m: m, name: len(m.hosts), conn: conn, socket: socket})
		case !errors.Is(err, syscall.EBADF) || !socket.closed:
			m.fail("opening a rendezvous: %v", err)
		}
	}
}

func (m *model) hostOf(conn *Connection) *host {
	i := slices.IndexFunc(m.hosts, func(h *host) bool { return h.conn == conn })
	if i < 0 {
		return nil
	}
	return m.hosts[i]
}

// step is one action at a rendezvous, of the program or of a client that waits.
func (h *host) step() {
	m := h.m
	switch action := m.random.IntN(100); {
	case action < 35:
		h.dial()
	case action < 50 && h.next < len(h.clients):
		h.clientActs(h.clients[h.next+m.random.IntN(len(h.clients)-h.next)])
	case action < 75:
		m.takeSome(m.random.IntN(4))
	case action < 85:
		h.attach()
	case action < 91:
		h.detach()
	case action < 95:
		h.rush()
	case action < 97:
		m.note("host %d fails", h.name)
		h.setTrouble(os.NewSyscallError("accept4", syscall.EMFILE))
	case action < 99:
		m.note("host %d is gone", h.name)
		h.gone = true
		h.setTrouble(os.NewSyscallError("accept4", syscall.EINVAL))
	default:
		h.close()
	}
	m.yield()
	for _, h := range m.hosts {
		h.check()
	}
}

// dial lets a client wait.
func (h *host) dial() {
	m := h.m
	p := m.newPlayer(1000*(h.name+1) + len(h.clients))
	p.wire, p.far = newWire([]int{64, 1000, 4 << 10}[m.random.IntN(3)], m.random)
	h.clients = append(h.clients, p)
	m.note("%d: dials host %d", p.name, h.name)
	if n := m.fake.dialOver(h.socket, p.wire); n != len(h.clients) {
		p.fail("is client %d", n)
	}
}

// clientActs lets a client do something before the program has its connection.
func (h *host) clientActs(p *player) {
	m := h.m
	switch m.random.IntN(6) {
	case 0:
		m.note("%d: ends its side early", p.name)
		p.finished = true
		p.far.CloseWrite()
	case 1:
		m.note("%d: leaves early", p.name)
		p.finished, p.left = true, true
		p.far.Close()
	case 2:
		m.note("%d: resets early", p.name)
		p.finished, p.wasReset = true, true
		p.far.reset()
	default:
		size := m.random.IntN(1000)
		m.note("%d: writes %d early", p.name, size)
		p.write(size)
	}
}

// rush takes the listener away just when a client is accepted.
func (h *host) rush() {
	m := h.m
	m.note("host %d: rush", h.name)
	for range 5 {
		h.attach()
		time.Sleep(2 * sweepPause) // the engine waits for events then
		h.dial()
		time.Sleep(time.Duration(m.random.IntN(100)) * time.Microsecond)
		h.detach()
		time.Sleep(time.Duration(m.random.IntN(100)) * time.Microsecond)
		h.check()
		m.takeAll()
	}
}

func (h *host) setTrouble(trouble error) {
	if h.gone && !errors.Is(trouble, syscall.EINVAL) {
		return // for good
	}
	h.m.fake.fail(h.socket, trouble)
}

// endTroubles ends what passes. No event tells of that.
func (m *model) endTroubles() {
	for _, h := range m.hosts {
		if !h.gone {
			m.fake.mu.Lock()
			h.socket.trouble = nil
			m.fake.mu.Unlock()
		}
	}
}

func (h *host) attach() {
	h.m.note("attach host %d", h.name)
	err := h.m.listener.AddConnection(h.conn)
	switch {
	case err == nil && (h.attached || h.closed || h.reported):
		h.fail("added twice, or after its end")
	case err == nil:
		h.attached = true
	case errors.Is(err, ErrAlreadyAdded) && h.attached:
	case errors.Is(err, net.ErrClosed) && (h.closed || h.gone):
	default:
		h.fail("add: %v", err)
	}
}

func (h *host) detach() {
	h.m.note("detach host %d", h.name)
	ok := h.m.listener.RemoveConnection(h.conn)
	if ok != h.attached && !h.gone {
		h.fail("remove is %v", ok)
	}
	h.seal()
}

func (h *host) close() {
	h.m.note("close host %d", h.name)
	ok := h.m.manager.CloseConnection(h.conn)
	if ok == (h.closed || h.reported) {
		h.fail("close is %v", ok)
	}
	h.closed = true
	h.seal()
	if !h.socket.isClosed(h.m.fake) {
		h.fail("its socket is open")
	}
}

// seal notes that from now on nothing may be accepted.
func (h *host) seal() {
	if h.attached {
		h.attached = false
		h.sealed, _ = h.counts()
	}
}

// counts returns how many have been accepted, and how many wait.
func (h *host) counts() (accepted, waiting int) {
	h.m.fake.mu.Lock()
	defer h.m.fake.mu.Unlock()
	return h.socket.accepted, len(h.socket.waiting)
}

func (s *fakeSocket) isClosed(f *fakePoller) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return s.closed
}

// check looks at what always holds.
func (h *host) check() {
	if accepted, _ := h.counts(); !h.attached && accepted != h.sealed {
		h.fail("%d accepted without a listener", accepted-h.sealed)
	}
	r := h.conn.listening
	if n := int(r.untaken.Load()); n < 0 || n > r.backlog {
		h.fail("%d untaken, of %d", n, r.backlog)
	}
}

// takeSome takes some connections from the listener, in one of the ways to do it.
func (m *model) takeSome(n int) {
	m.note("take %d connections", n)
	if m.random.IntN(2) == 0 {
		for conn := range m.listener.NewConnections() {
			m.accepts(conn)
			if n--; n < 0 {
				return
			}
		}
		return
	}
	for range n {
		if conn, ok := m.listener.GetNewConnection(); ok {
			m.accepts(conn)
		}
	}
}

func (m *model) takeAll() {
	for conn := range m.listener.NewConnections() {
		m.accepts(conn)
	}
}

// accepts makes a player of a client whose connection has come out of the listener.
func (m *model) accepts(conn *Connection) {
	h := m.hostOf(conn.Rendezvous())
	if h == nil {
		m.fail("accepted at no host")
	}
	i := conn.Address().Port() - 1
	if i < h.next || i >= len(h.clients) {
		h.fail("client %d out of turn: %d of %d are next", i, h.next, len(h.clients))
	}
	for _, p := range h.clients[h.next:i] {
		h.refused(p)
	}
	p := h.clients[i]
	p.conn = conn
	h.next = i + 1
	h.taken++
	m.players = append(m.players, p)
	if m.random.IntN(4) > 0 {
		p.add(m.readers[m.random.IntN(len(m.readers))])
	}
	p.look()
}

// refused checks that a client was told that it may not come in.
func (h *host) refused(p *player) {
	if _, err := p.far.take(make([]byte, 1)); err != errConnectionReset && !p.left {
		p.fail("passed over, and not reset: %v", err)
	}
}

func (h *host) report() {
	if !h.gone || h.closed || h.reported || !errors.Is(h.conn.Err(), syscall.EINVAL) {
		h.fail("reported: %v", h.conn.Err())
	}
	h.reported = true
	h.seal()
}

// missing says what has not happened yet that must, if the program takes what is there.
func (h *host) missing() string {
	_, waiting := h.counts()
	switch {
	case h.attached && h.gone && !h.closed && !h.reported:
		return "a report"
	case h.attached && !h.gone && waiting > 0:
		return "a client"
	case h.conn.listening.untaken.Load() != 0:
		return "a place in the backlog"
	}
	return ""
}

// missingPlaces compares the sums over all rendezvous.
func (m *model) missingPlaces() string {
	accepted, taken := 0, 0
	for _, h := range m.hosts {
		n, _ := h.counts()
		accepted += n
		taken += h.taken
	}
	refusals := m.manager.Refusals()
	m.fake.mu.Lock()
	noRoom, failed := m.fake.noRoom, m.fake.failed
	m.fake.mu.Unlock()
	switch {
	case int(refusals.AcceptErrors) != noRoom+failed:
		return "the count of an AcceptError"
	case accepted != taken+noRoom+int(refusals.Connections):
		return "an accepted connection"
	}
	m.manager.mu.Lock()
	defer m.manager.mu.Unlock()
	alive := 0
	for conn := range m.manager.connections {
		if conn.rendezvous != nil && !conn.left.Load() {
			alive++
		}
	}
	if m.config.MaxConnections > 0 && m.admitted() != alive {
		return "a place under MaxConnections"
	}
	return ""
}

// admitted returns how many have a place under MaxConnections.
func (m *model) admitted() int {
	a := &m.manager.admission
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.total
}

func (h *host) fail(format string, values ...any) {
	h.m.t.Helper()
	h.m.fail("host %d: "+format, append([]any{h.name}, values...)...)
}
