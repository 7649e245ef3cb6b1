package cluster

import (
	"context"
	"crypto/cipher"
	"encoding/binary"
	"hash/fnv"
	"maps"
	"slices"
	"sync"
	"time"
)

// A Session is what a ticket has brought to this node.
type Session struct {
	ID     SessionID
	Data   []byte  // that the ticket was issued with
	State  []byte  // that was kept last, as far as it is known; nil: none is
	Issuer Address // the node that issued the ticket
}

// MaxSessionState is the longest state that KeepState takes, in bytes.
const MaxSessionState = 32 << 10

// maxKept bounds the states that a node keeps for others, in bytes.
const maxKept = 64 << 20

// sessions are the sessions at this node, and what it knows of others.
type sessions struct {
	sealer cipher.AEAD

	mu     sync.Mutex
	here   map[SessionID]*session
	kept   map[SessionID]keptState // for other nodes
	size   int                     // of kept, in bytes
	used   map[SessionID]usedMark
	claims map[uint64]*PendingSession
	last   uint64 // number of the last claim

	forgetAt time.Duration // when what is old is forgotten
}

// A session is one at this node.
type session struct {
	generation uint32 // of the last ticket
	keeps      uint32
	state      []byte
}

type keptState struct {
	version uint64 // generation and keeps: what is newer is higher
	state   []byte
	until   time.Duration
}

// cost is what a state counts under maxKept.
func (k *keptState) cost() int { return len(k.state) + 128 }

type usedMark struct {
	generation uint32
	until      time.Duration
}

func (s *session) version() uint64 { return uint64(s.generation)<<32 | uint64(s.keeps) }

func (s *sessions) init(c *Config) {
	s.sealer = newSealer(c)
	s.here = make(map[SessionID]*session)
	s.kept = make(map[SessionID]keptState)
	s.used = make(map[SessionID]usedMark)
	s.claims = make(map[uint64]*PendingSession)
}

// IssueTicket makes a ticket with which a player may take up a session on another node, or
// on this one again, until it has expired: to be sent to the player's program, which keeps
// it for the day on which its connection ends. The session is at this node from then on. The
// data, at most MaxTicketData bytes, is sealed: the player can neither read nor change it.
// A ticket is good for at most MaxTicketAge, by the clocks of the nodes' machines, which
// should agree to a second; issue another one before. When one is redeemed, it and all that
// were issued before it, or that this node has issued, are worthless.
//
// It fails with ErrTicketKey, with ErrTicketSize, and with the node's end.
func (n *Node) IssueTicket(id SessionID, data []byte, validFor time.Duration) ([]byte, error) {
	if n.isZero() {
		return nil, errZero
	}
	switch {
	case n.sessions.sealer == nil:
		return nil, ErrTicketKey
	case len(data) > MaxTicketData:
		return nil, ErrTicketSize
	}
	if err := n.Err(); err != nil && err != ErrLeft {
		return nil, err
	}
	s := &n.sessions
	s.mu.Lock()
	at := s.at(id)
	at.generation++
	t := ticket{
		id: id, generation: at.generation, issuer: n.Self(), data: data,
		expires: time.Now().Add(min(validFor, MaxTicketAge)).Unix(),
	}
	s.mu.Unlock()
	return t.seal(s.sealer), nil
}

// at returns the session, which is here from now on. mu is held.
func (s *sessions) at(id SessionID) *session {
	at := s.here[id]
	if at == nil {
		at = &session{generation: s.used[id].generation}
		s.here[id] = at
	}
	return at
}

// KeepState keeps a copy of a session's state, at most MaxSessionState bytes, in this node
// and on one other: who redeems a ticket of the session gets the one that was kept last, if
// this node still lives, and else what has reached the other one. It may be lost if both die,
// or if the other one died and KeepState was not called since: call it at what must not be
// forgotten, and every few seconds. What must not be lost at all belongs in a database.
//
// It fails with ErrTicketSize, and as Send does where the other node does not get it. For a
// session that is not here, because no ticket of it was issued or redeemed here or another
// node has taken it, it fails with ErrNoSession.
func (n *Node) KeepState(id SessionID, state []byte) error {
	if n.isZero() {
		return errZero
	}
	if len(state) > MaxSessionState {
		return ErrTicketSize
	}
	s := &n.sessions
	s.mu.Lock()
	at := s.here[id]
	if at == nil {
		s.mu.Unlock()
		return ErrNoSession
	}
	at.keeps++
	at.state = slices.Clone(state)
	version := at.version()
	s.mu.Unlock()
	keeper := n.keeper(id)
	if keeper == 0 {
		return n.Err()
	}
	body := append(make([]byte, 0, 24+len(state)), id[:]...)
	body = binary.LittleEndian.AppendUint64(body, version)
	return n.counters.refuse(n.out.control(&subject{name: n.subjects.node(keeper)}, kindState, append(body, state...), true))
}

// keeper chooses the node that keeps the state of a session for this one: the same as long
// as it is there. 0: there is none.
func (n *Node) keeper(id SessionID) (keeper uint16) {
	var best uint64
	for p := range n.Peers() {
		if p.State != PeerAlive {
			continue
		}
		h := fnv.New64a()
		h.Write(binary.LittleEndian.AppendUint16(id[:], p.Number))
		if sum := h.Sum64(); keeper == 0 || sum > best {
			keeper, best = p.Number, sum
		}
	}
	return keeper
}

// EndSession ends a session that is here: all its tickets are worthless, and its state is
// forgotten. It reports false where it is not here.
func (n *Node) EndSession(id SessionID) bool {
	if n.isZero() {
		return false
	}
	s := &n.sessions
	s.mu.Lock()
	at := s.here[id]
	if at != nil {
		delete(s.here, id)
		s.mark(id, at.generation, n.now())
	}
	s.mu.Unlock()
	if at == nil {
		return false
	}
	n.tellUsed(id, at.generation)
	return true
}

// tellUsed tells all nodes that tickets of a session are worthless.
func (n *Node) tellUsed(id SessionID, generation uint32) {
	if n.pump == nil {
		return
	}
	body := binary.LittleEndian.AppendUint32(slices.Clone(id[:]), generation)
	n.out.control(&subject{name: n.subjects.heartbeat}, kindUsed, body, false)
}

// mark notes that tickets up to a generation are worthless. mu is held.
func (s *sessions) mark(id SessionID, generation uint32, now time.Duration) {
	s.used[id] = usedMark{max(generation, s.used[id].generation), now + MaxTicketAge}
	s.forget(id)
	if now < s.forgetAt {
		return
	}
	s.forgetAt = now + time.Minute
	for id, k := range s.kept {
		if now > k.until {
			s.forget(id)
		}
	}
	maps.DeleteFunc(s.used, func(_ SessionID, mark usedMark) bool { return now > mark.until })
}

// forget drops the state that is kept for another node. mu is held.
func (s *sessions) forget(id SessionID) {
	if k, ok := s.kept[id]; ok {
		s.size -= k.cost()
		delete(s.kept, id)
	}
}

// A PendingSession is a ticket that is being redeemed: poll it once a frame. Its methods may
// be called from any goroutine.
type PendingSession struct {
	number     uint64
	id         SessionID
	generation uint32
	waits      map[uint16]uint64 // nodes that have not answered, and their incarnations
	end        time.Duration
	highest    uint32 // generation that any node has issued
	version    uint64

	done    chan struct{}
	session Session
	err     error
}

// Redeem begins to take up the session of a ticket at this node. All nodes that are there are
// asked whether they know it as used, which takes a round trip, and Config.DeadAfter at
// most. At the end the session is here, its tickets are worthless, and the node that had it
// is told by SessionTaken.
//
// A ticket is redeemed at most once as far as the cluster can tell: of two nodes that see each
// other only one succeeds, whatever is lost between them. While the cluster is cut in two,
// each half may redeem it once; and a ticket that was redeemed may be so again when all nodes
// that heard of it are gone.
func (n *Node) Redeem(sealed []byte) *PendingSession {
	p := &PendingSession{done: make(chan struct{})}
	if n.isZero() {
		p.fail(errZero)
		return p
	}
	t, err := n.readTicket(sealed)
	if err != nil {
		p.fail(err)
		return p
	}
	p.id, p.generation, p.highest = t.id, t.generation, t.generation
	p.session = Session{ID: t.id, Data: t.data, Issuer: t.issuer}
	p.waits = make(map[uint16]uint64)
	for other := range n.Peers() {
		if other.State == PeerAlive || other.State == PeerDraining {
			p.waits[other.Number] = other.Incarnation
		}
	}
	p.end = n.now() + n.config.DeadAfter + n.config.Heartbeat
	n.sessions.claim(n, p)
	return p
}

func (n *Node) readTicket(sealed []byte) (t ticket, err error) {
	if err := n.Err(); err != nil {
		return t, err
	}
	if n.sessions.sealer == nil {
		return t, ErrTicketKey
	}
	if t, err = openTicket(n.sessions.sealer, sealed); err != nil {
		return t, err
	}
	if time.Now().Unix() >= t.expires {
		return t, ErrTicketExpired
	}
	return t, nil
}

// claim asks the other nodes, if there are any.
func (s *sessions) claim(n *Node, p *PendingSession) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isUsed(p.id, p.generation) || s.claimed(p.id) != nil {
		p.fail(ErrTicketUsed)
		return
	}
	if k, ok := s.kept[p.id]; ok {
		p.offer(k.version, k.state)
	}
	if at := s.here[p.id]; at != nil {
		p.highest = max(p.highest, at.generation)
		p.offer(at.version(), at.state)
	}
	s.last++
	p.number = s.last
	s.claims[p.number] = p
	if len(p.waits) == 0 {
		s.grant(n, p)
		return
	}
	body := binary.LittleEndian.AppendUint64(nil, p.number)
	body = append(body, p.id[:]...)
	body = binary.LittleEndian.AppendUint32(body, p.generation)
	n.out.control(&subject{name: n.subjects.heartbeat}, kindClaim, body, false)
}

func (s *sessions) isUsed(id SessionID, generation uint32) bool {
	mark, ok := s.used[id]
	return ok && generation <= mark.generation
}

// claimed returns the claim to a session that is under way here. mu is held.
func (s *sessions) claimed(id SessionID) *PendingSession {
	for _, p := range s.claims {
		if p.id == id {
			return p
		}
	}
	return nil
}

// offer takes a state if it is the newest. mu is held.
func (p *PendingSession) offer(version uint64, state []byte) {
	if state != nil && version >= p.version {
		p.version, p.session.State = version, slices.Clone(state)
	}
}

// grant makes the session one of this node. mu is held.
func (s *sessions) grant(n *Node, p *PendingSession) {
	delete(s.claims, p.number)
	s.mark(p.id, p.highest, n.now())
	s.here[p.id] = &session{generation: p.highest, keeps: uint32(p.version), state: p.session.State}
	n.tellUsed(p.id, p.highest)
	close(p.done)
	signal(n.in.ready)
}

// deny ends a claim. mu is held.
func (s *sessions) deny(n *Node, p *PendingSession, err error) {
	delete(s.claims, p.number)
	p.session = Session{}
	p.fail(err)
	signal(n.in.ready)
}

func (p *PendingSession) fail(err error) {
	p.err = err
	close(p.done)
}

// Ready reports whether Result has something other than ErrTicketPending.
func (p *PendingSession) Ready() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Result returns the session, or why it is not here: ErrTicketForged, ErrTicketExpired,
// ErrTicketUsed, ErrTicketUndecided, ErrTicketKey, the node's end; ErrTicketPending while it
// is not decided.
func (p *PendingSession) Result() (Session, error) {
	if !p.Ready() {
		return Session{}, ErrTicketPending
	}
	return p.session, p.err
}

// Wait BLOCKS until it is decided, or ctx is done, and returns as Result does.
func (p *PendingSession) Wait(ctx context.Context) (Session, error) {
	select {
	case <-p.done:
		return p.session, p.err
	case <-ctx.Done():
		return Session{}, ctx.Err()
	}
}
