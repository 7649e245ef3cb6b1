package cluster

import (
	"encoding/binary"
	"slices"
	"time"
)

// How the receiver answers other nodes about sessions.

const (
	answerFree uint8 = 1 + iota
	answerUsed
)

// sessionMessage takes a message about sessions.
func (r *receiver) sessionMessage(p *peer, h header, body []byte, now time.Duration) {
	f := fields{b: body}
	if id, taken := r.sessionFields(p, h, &f, now); taken {
		r.n.happened(Event{Kind: SessionTaken, Node: p.Number, Incarnation: p.Incarnation, Session: id})
	}
	if f.failed {
		r.invalid()
	}
}

func (r *receiver) sessionFields(p *peer, h header, f *fields, now time.Duration) (id SessionID, taken bool) {
	s := &r.n.sessions
	s.mu.Lock()
	defer s.mu.Unlock()
	switch h.kind {
	case kindClaim:
		claim := f.uint64()
		copy(id[:], f.take(len(id)))
		if generation := f.uint32(); !f.failed {
			r.answer(p, claim, id, generation)
		}
	case kindAnswer:
		r.answered(p, f)
	case kindUsed:
		copy(id[:], f.take(len(id)))
		if generation := f.uint32(); !f.failed {
			taken = s.taken(id, generation, now)
		}
	case kindState:
		copy(id[:], f.take(len(id)))
		version := f.uint64()
		if !f.failed && len(f.b) <= MaxSessionState {
			s.keep(id, keptState{version, slices.Clone(f.b), now + MaxTicketAge})
		}
	}
	return id, taken
}

// answer tells a node that redeems a ticket what is known of it here. Of two nodes that
// redeem at the same time the one with the lower number has it. sessions.mu is held.
func (r *receiver) answer(p *peer, claim uint64, id SessionID, generation uint32) {
	s := &r.n.sessions
	verdict := answerFree
	if s.isUsed(id, generation) {
		verdict = answerUsed
	} else if mine := s.claimed(id); mine != nil {
		if p.Number < r.n.config.Number {
			s.deny(r.n, mine, ErrTicketUsed)
		} else {
			verdict = answerUsed
		}
	}
	var highest uint32
	var version uint64
	var state []byte
	if at := s.here[id]; at != nil {
		highest, version, state = at.generation, at.version(), at.state
	} else if k, ok := s.kept[id]; ok {
		version, state = k.version, k.state
	}
	body := append(binary.LittleEndian.AppendUint64(nil, claim), verdict)
	body = binary.LittleEndian.AppendUint32(body, highest)
	body = binary.LittleEndian.AppendUint64(body, version)
	if verdict == answerFree {
		body = append(body, state...)
	}
	r.n.out.control(&subject{name: r.n.subjects.node(p.Number)}, kindAnswer, body, false)
}

// answered takes what another node knows. sessions.mu is held.
func (r *receiver) answered(p *peer, f *fields) {
	s := &r.n.sessions
	claim, verdict, highest, version := f.uint64(), f.uint8(), f.uint32(), f.uint64()
	mine := s.claims[claim]
	if f.failed || mine == nil || mine.waits[p.Number] != p.Incarnation {
		return
	}
	if verdict != answerFree {
		s.deny(r.n, mine, ErrTicketUsed)
		return
	}
	mine.highest = max(mine.highest, highest)
	if len(f.b) > 0 && len(f.b) <= MaxSessionState {
		mine.offer(version, f.b)
	}
	delete(mine.waits, p.Number)
	if len(mine.waits) == 0 {
		s.grant(r.n, mine)
	}
}

// taken notes that a session is at another node, or has ended there, and reports whether it
// was here. mu is held.
func (s *sessions) taken(id SessionID, generation uint32, now time.Duration) bool {
	s.mark(id, generation, now)
	at := s.here[id]
	if at == nil || at.generation > generation {
		return false
	}
	delete(s.here, id)
	return true
}

// keep keeps a state for another node. mu is held.
func (s *sessions) keep(id SessionID, k keptState) {
	if k.version < s.kept[id].version {
		return
	}
	s.forget(id)
	if s.size+k.cost() > maxKept {
		return
	}
	s.size += k.cost()
	s.kept[id] = k
}

// sessionTick ends the claims that nobody answers, or whose nodes are gone.
func (r *receiver) sessionTick(now time.Duration) {
	s := &r.n.sessions
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, claim := range s.claims {
		for number, incarnation := range claim.waits {
			if r.n.alive[number].Load() != incarnation {
				delete(claim.waits, number)
			}
		}
		switch {
		case len(claim.waits) == 0:
			s.grant(r.n, claim)
		case now > claim.end:
			s.deny(r.n, claim, ErrTicketUndecided)
		}
	}
}
