package distributed

import (
	"fmt"
	"time"
)

// openBurst is how many seconds' worth of MaxOpenedPerSecond may come at once.
const openBurst = 10

// setInterest notes what zones a client wants. It takes effect before the client's next
// other message, or at the end of the frame, so that of several in a row only the last
// costs anything.
func (s *state) setInterest(c *Client, zones idList) {
	if zones.len() > s.config.MaxZonesPerClient {
		s.drop(c, DropLimit, 0, fmt.Errorf("interest in %d zones, at most %d are allowed", zones.len(), s.config.MaxZonesPerClient))
		return
	}
	c.interest = append(c.interest[:0], zones...)
	if !c.interestChanged {
		c.interestChanged = true
		s.changed = append(s.changed, c)
	}
}

// applyInterest makes the zones that a client wants its explicit interest.
func (s *state) applyInterest(c *Client) {
	if !c.interestChanged || !s.mayOpen(c) {
		return
	}
	c.interestChanged = false
	s.marks++
	before := c.listed
	c.listed = nil
	for id := range idList(c.interest).all() {
		m := c.zones[id]
		if m == nil {
			m = s.openZone(c, s.zone(id))
		}
		if m.mark != s.marks {
			m.explicit, m.mark = true, s.marks
			c.listed = append(c.listed, m)
		}
	}
	var closed []uint32
	for _, m := range before { // not c.zones: own objects may keep thousands open
		m.explicit = m.mark == s.marks
		if !m.explicit && m.owned == 0 {
			closed = m.zone.sortedIDs(closed)
			s.closeZone(m)
		}
	}
	s.disable(c, closed)
}

// mayOpen reports whether a client may open zones: whether some of what
// MaxOpenedPerSecond allows is left.
func (s *state) mayOpen(c *Client) bool {
	rate := float64(s.config.MaxOpenedPerSecond)
	c.openable = min(c.openable+rate*s.now.Sub(c.openableAt).Seconds(), rate*openBurst)
	c.openableAt = s.now
	return c.openable > 0 || c.local != nil
}

// mayOpenWith reports whether a client may have an object in a zone, for which it may
// have to open the zone. If not, it drops the message.
func (s *state) mayOpenWith(c *Client, doID, zone uint32) bool {
	if c.zones[zone] != nil || s.mayOpen(c) {
		return true
	}
	s.drop(c, DropLimit, doID, fmt.Errorf("client %d opens zones too fast: %d", c.base, zone))
	return false
}

// openZone opens a zone for a client, and asks for the generates of the objects there.
func (s *state) openZone(c *Client, z *zone) *membership {
	m := &membership{client: c, zone: z, index: len(z.members)}
	z.members = append(z.members, m)
	c.zones[z.id] = m
	c.openable -= float64(1 + len(z.objects) + len(z.foreign))
	if len(z.members) == 1 {
		s.config.Processes.WatchZone(z.id, true)
	}
	s.requestGenerates(z, c)
	return m
}

// closeZone closes a zone for a client.
func (s *state) closeZone(m *membership) {
	z, c := m.zone, m.client
	last := z.members[len(z.members)-1]
	z.members[m.index], last.index = last, m.index
	z.members = z.members[:len(z.members)-1]
	delete(c.zones, z.id)
	if len(c.waiting) > 0 {
		for o := range z.objects {
			s.unwait(c, o)
		}
		for o := range z.foreign {
			s.unwait(c, o)
		}
	}
	if len(z.members) == 0 {
		s.config.Processes.WatchZone(z.id, false)
		s.forgetForeign(z)
	}
	s.forgetZone(z)
}

// closeIdle closes a zone that a client neither asked for nor has objects in.
func (s *state) closeIdle(c *Client, z *zone) {
	if m := c.zones[z.id]; !m.explicit && m.owned == 0 {
		ids := z.sortedIDs(nil)
		s.closeZone(m)
		s.disable(c, ids)
	}
}

// disable makes objects vanish for a client, in as many messages as it takes.
func (s *state) disable(c *Client, ids []uint32) {
	most := (s.maxPayload - 2) / 4
	for len(ids) > 0 {
		n := min(len(ids), most)
		s.payload = appendIDs(s.payload[:0], objectDisable, ids[:n]...)
		s.send(c)
		ids = ids[n:]
	}
}

// requestGenerates gets the objects of a zone for a client that has opened it.
func (s *state) requestGenerates(z *zone, c *Client) {
	s.requestForeign(z, c)
	s.payload = appendIDs(s.payload[:0], requestGenerates, z.id)
	if s.config.AskAll {
		s.sendMembers(z, c)
		z.noteAsked(s.now, func(owner *Client) bool { return owner != c })
		return
	}
	if s.config.CacheFields {
		s.answer(z, c)
		return
	}
	for o := range z.objects {
		if o.owner == c {
			continue
		}
		// An owner that was asked for this object, and has not answered yet,
		// answers this client too.
		if !s.isAwaited(o) {
			s.asked[o.owner] = struct{}{}
		}
		c.wait(o)
	}
	s.askOwners(z)
}

// askOwners sends the request that was built to the owners in asked.
func (s *state) askOwners(z *zone) {
	for owner := range s.asked {
		s.send(owner)
	}
	z.noteAsked(s.now, func(owner *Client) bool { _, asked := s.asked[owner]; return asked })
	clear(s.asked)
}

// noteAsked counts a request for the objects of some owners.
func (z *zone) noteAsked(now time.Time, of func(owner *Client) bool) {
	for _, m := range z.members {
		if of(m.client) {
			if now.Sub(m.askedAt) >= answerTime {
				m.asked = 0
			}
			m.asked++
			m.askedAt = now
		}
	}
	for o := range z.objects {
		if of(o.owner) {
			o.asked++
		}
	}
}

// answer sends a client the objects of a zone as they are known from their owners.
func (s *state) answer(z *zone, c *Client) {
	for o := range z.objects {
		if o.owner != c {
			s.appendCached(o)
			s.send(c)
		}
	}
}

// appendCached builds the generate of an object as it is known from its owner.
func (s *state) appendCached(o *object) {
	s.fields = o.cache.appendFields(s.fields[:0], o.class, s.config.RepairRequired)
	s.payload = appendObjectGenerate(s.payload[:0], o.owner.base, o.zone.id, uint16(o.class.dc.Number()), o.doID, s.fields)
}
