package queuednet

import (
	"slices"
	"time"
)

// What the programs of TestModel do.

// step is one action of the program or of a peer.
func (m *model) step() {
	if len(m.hosts) > 0 && m.random.IntN(4) == 0 {
		m.hosts[m.random.IntN(len(m.hosts))].step()
		return
	}
	p := m.players[m.random.IntN(len(m.players))]
	r := m.readers[m.random.IntN(len(m.readers))]
	size := m.random.IntN(1 + m.random.IntN(20_000))
	switch action := m.random.IntN(100); {
	case action < 25:
		m.note("%d: peer writes %d", p.name, size)
		p.write(size)
	case action < 35:
		m.note("%d: peer reads %d", p.name, 1+size)
		p.read(1 + size)
	case action < 50:
		m.drain(r)
	case action < 65:
		m.note("%d: send %d", p.name, 4+size)
		p.send(4 + size)
	case action < 70:
		m.note("broadcast %d", 4+size)
		m.broadcast(4 + size)
	case action < 75:
		m.note("flush")
		m.writer.Flush()
	case action < 83 && p.home != nil:
		m.note("%d: move", p.name)
		m.leave(p)
		if m.random.IntN(2) == 0 {
			m.yield()
			p.add(r)
		}
	case action < 83:
		m.note("%d: add", p.name)
		p.add(r)
	default:
		m.stepOfAnEnd(p, action)
	}
	for _, p := range m.players {
		p.look()
	}
}

// stepOfAnEnd ends something, or looks at what has ended, or is one of the rare ones.
func (m *model) stepOfAnEnd(p *player, action int) {
	switch {
	case action < 88:
		m.reports()
	case action == 90:
		m.note("%d: abort", p.name)
		p.abort()
	case action < 91:
		m.note("%d: close", p.name)
		p.close()
	case action < 93 && !p.finished:
		m.note("%d: peer ends its side", p.name)
		p.finished = true
		p.far.CloseWrite()
	case action < 94 && !p.left:
		m.note("%d: peer leaves", p.name)
		p.finished, p.left = true, true
		p.far.Close()
	case action < 95 && !p.left && !p.wasReset:
		m.note("%d: peer resets", p.name)
		p.finished, p.wasReset = true, true
		p.far.reset()
	case action < 97 && m.wait != nil:
		m.note("hours pass")
		m.hours()
	case action < 98 && m.fake != nil:
		m.note("%d: moves to a goroutine", p.name)
		m.fake.move(p.conn)
	case p.home != nil:
		m.note("%d: rush", p.name)
		m.rush(p)
	}
}

// rush takes datagrams as fast as a peer writes them, bit by bit: then the loop
// and the goroutine of the connection meet in the middle of what they do.
func (m *model) rush(p *player) {
	var datagram NetDatagram
	for range 300 {
		p.write(1 + m.random.IntN(100))
		for range m.random.IntN(200) {
			if p.home.DataAvailable() && p.home.GetData(&datagram) {
				m.take(p.home, &datagram)
			}
		}
		if m.random.IntN(5) == 0 {
			r := p.home
			m.leave(p)
			p.add(r)
		}
		if p.home == nil { // it has ended
			return
		}
	}
}

// leave takes a player out of its reader, which gets nothing more of it.
func (m *model) leave(p *player) {
	r := p.home
	p.remove(r)
	if slices.ContainsFunc(m.players, func(p *player) bool { return p.home == r }) {
		return
	}
	before := r.CurrentQueueSize()
	m.yield()
	if now := r.CurrentQueueSize(); now != before {
		p.fail("%d datagrams queued after it was removed", now-before)
	}
}

// hours makes the time-outs pass for those who have not taken something.
func (m *model) hours() {
	for _, p := range m.players {
		if p.received < len(p.sent) || p.closed || p.finished {
			p.slow = true
		}
	}
	time.Sleep(2 * time.Hour)
}

func (m *model) broadcast(size int) {
	var receivers []*player
	for _, p := range m.players {
		if m.random.IntN(3) > 0 && !p.closed && !p.mayHaveEnded() {
			receivers = append(receivers, p)
		}
	}
	b := payload(size, size)
	err := m.writer.Broadcast(NewDatagram(b), func(yield func(*Connection) bool) {
		for _, p := range receivers {
			if !yield(p.conn) {
				return
			}
		}
	})
	failed := make(map[*Connection]error)
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			failed[err.(*receiverError).conn] = err
		}
	}
	for _, p := range receivers {
		p.answered(b, failed[p.conn])
	}
	for _, p := range receivers {
		if m.random.IntN(3) == 0 { // behind what all share
			p.send(4 + m.random.IntN(100))
		}
	}
}

// drain takes what a reader has, or some of it, in one of the ways to do it.
func (m *model) drain(r *QueuedConnectionReader) {
	n := m.random.IntN(20)
	var datagram NetDatagram
	switch m.random.IntN(4) {
	case 0:
		m.drainAll(r)
	case 1:
		m.note("drain %d of reader %d", n, slices.Index(m.readers, r))
		if m.looping[r] {
			return
		}
		m.looping[r] = true
		for datagram := range r.Datagrams() {
			m.take(r, datagram)
			if n--; n < 0 {
				break
			}
			if m.random.IntN(10) == 0 {
				m.step() // a program does other things in the loop
			}
		}
		m.looping[r] = false
	case 2:
		m.note("get %d of reader %d", n, slices.Index(m.readers, r))
		for range n {
			if r.GetData(&datagram) {
				m.take(r, &datagram)
			}
		}
	case 3:
		m.note("poll reader %d", slices.Index(m.readers, r))
		for r.DataAvailable() {
			if r.GetData(&datagram) {
				m.take(r, &datagram)
			}
		}
	}
}

// drainAll takes what a reader has: a connection that it does not have will not
// show up in it any more.
func (m *model) drainAll(r *QueuedConnectionReader) {
	m.note("drain reader %d", slices.Index(m.readers, r))
	for datagram := range r.Datagrams() {
		m.take(r, datagram)
	}
	for _, p := range m.players {
		p.sealed[r] = p.home != r && !m.looping[r]
	}
}

func (m *model) take(r *QueuedConnectionReader, datagram *NetDatagram) {
	m.of(datagram.Connection()).take(r, datagram)
}

func (m *model) reports() {
	m.note("reports")
	for conn := range m.manager.ResetConnections() {
		if h := m.hostOf(conn); h != nil {
			h.report()
		} else {
			m.of(conn).report()
		}
	}
}

func (m *model) of(conn *Connection) *player {
	i := slices.IndexFunc(m.players, func(p *player) bool { return p.conn == conn })
	if i < 0 {
		m.fail("an unknown connection")
	}
	return m.players[i]
}
