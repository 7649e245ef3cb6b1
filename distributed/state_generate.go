package distributed

import (
	"fmt"
	"time"
)

// generate creates an object, moves it, or passes its fields on again.
func (s *state) generate(c *Client, m message) {
	if !s.owns(c, m.doID) {
		s.drop(c, DropForeignID, m.doID, fmt.Errorf("object %d is not of the range of client %d", m.doID, c.base))
		return
	}
	class := s.classes.byNumber(m.class)
	if class == nil {
		s.drop(c, DropUnknownClass, m.doID, fmt.Errorf("there is no class %d", m.class))
		return
	}
	o := s.objects[m.doID]
	if o != nil && o.class != class {
		s.drop(c, DropOtherClass, m.doID, fmt.Errorf("object %d is a %v, not a %v", m.doID, o.class.dc, class.dc))
		return
	}
	if o == nil && s.isAnswer(c, m.doID) {
		s.drop(c, DropDeleted, m.doID, fmt.Errorf("object %d has been deleted", m.doID))
		return
	}
	if !s.fieldsAllowed(c, class, &m) || !s.generateAllowed(c, class, o, m) {
		return
	}
	switch {
	case o == nil:
		delete(c.answers, m.doID)
		o = s.newObject(c, class, m.doID, s.zone(m.zone))
	case o.zone.id != m.zone:
		s.move(o, m.zone)
	case o.asked > 0:
		o.asked--
		m := c.zones[m.zone]
		m.asked = min(m.asked, o.asked)
	}
	if s.config.CacheFields {
		c.cached += o.cache.setFields(class, m.rest, false)
	}
	s.payload = appendObjectGenerate(s.payload[:0], c.base, m.zone, m.class, m.doID, m.rest)
	s.sendGenerate(o)
}

// fieldsAllowed checks the fields of a generate, and repairs them if RepairRequired is
// set.
func (s *state) fieldsAllowed(c *Client, class *class, m *message) bool {
	if !s.config.RelayUnchecked {
		if err := class.walk(m.rest, nil); err != nil {
			s.drop(c, DropBadFields, m.doID, fmt.Errorf("generate of %v %d: %w", class.dc, m.doID, err))
			return false
		}
	}
	if s.config.RepairRequired && class.secret {
		s.repaired = class.repair(s.repaired[:0], m.rest)
		m.rest = s.repaired
	}
	const header = 16 // of an OBJECT_GENERATE, before its fields
	if header+len(m.rest) > s.maxPayload {
		s.drop(c, DropTooLong, m.doID, fmt.Errorf("generate of object %d with fields of %d bytes", m.doID, len(m.rest)))
		return false
	}
	return true
}

// generateAllowed asks the limit and the program.
func (s *state) generateAllowed(c *Client, class *class, o *object, m message) bool {
	if o == nil && len(c.objects) >= s.config.MaxObjectsPerClient {
		s.drop(c, DropLimit, m.doID, fmt.Errorf("client %d has %d objects", c.base, len(c.objects)))
		return false
	}
	if !s.mayOpenWith(c, m.doID, m.zone) {
		return false
	}
	if s.config.CacheFields {
		cache := &fieldCache{}
		if o != nil {
			cache = &o.cache
		}
		if !s.cacheAllowed(c, c, cache, m.doID, cache.setFields(class, m.rest, true)) {
			return false
		}
	}
	if s.config.AllowGenerate == nil {
		return true
	}
	err := s.config.AllowGenerate(c, Generate{DoID: m.doID, Class: class.dc, Zone: m.zone, New: o == nil, Fields: m.rest})
	if err != nil {
		s.drop(c, DropNotAllowed, m.doID, err)
	}
	return err == nil
}

// sendGenerate sends the generate that was built to those who need it.
func (s *state) sendGenerate(o *object) {
	s.stats.Relayed++
	whole := o.moved || !s.isAwaited(o) || s.config.AskAll
	o.moved, o.awaited = false, time.Time{}
	s.publish(processMessage{kind: zoneGenerate, zone: o.zone.id, version: o.version, answer: !whole, payload: s.payload})
	if whole {
		s.sendMembers(o.zone, o.owner)
		return
	}
	for _, m := range o.zone.members {
		if s.unwait(m.client, o) {
			s.send(m.client)
		}
	}
}

// setZone moves an object on its owner's word. The owner sends a generate next, which
// tells those in the new zone.
func (s *state) setZone(c *Client, m message) {
	o := c.objects[m.doID]
	if o == nil {
		s.dropForeign(c, m.doID)
		return
	}
	if o.zone.id == m.zone {
		return
	}
	if !s.mayOpenWith(c, m.doID, m.zone) {
		return
	}
	if allow := s.config.AllowMove; allow != nil {
		if err := allow(c, m.doID, m.zone); err != nil {
			s.drop(c, DropNotAllowed, m.doID, err)
			return
		}
	}
	s.move(o, m.zone)
}

// dropForeign drops a message about an object that is not the client's.
func (s *state) dropForeign(c *Client, doID uint32) {
	reason := DropUnknownObject
	if s.objects[doID] != nil || s.foreign[doID] != nil {
		reason = DropNotOwner
	}
	s.drop(c, reason, doID, fmt.Errorf("client %d has no object %d", c.base, doID))
}

// move takes an object to another zone: its owner's interest changes, and it is
// disabled for those who see the old zone and not the new one.
func (s *state) move(o *object, id uint32) {
	old, z := o.zone, s.zone(id)
	s.event(Event{Kind: ObjectMoved, Client: o.owner, DoID: o.doID, Class: o.class.dc, Zone: id, OldZone: old.id})
	s.leaveZone(o)
	s.enterZone(o, z)
	s.closeIdle(o.owner, old)
	s.publish(processMessage{kind: zoneMove, zone: old.id, version: o.version, doID: o.doID, to: id})
	s.payload = appendIDs(s.payload[:0], objectDisable, o.doID)
	for _, m := range old.members {
		if m.client != o.owner && m.client.zones[id] == nil {
			s.send(m.client)
		}
	}
}

// delete deletes an object on its owner's word, which all in its zone hear, the owner
// too: it keeps the object and its id until then.
func (s *state) delete(c *Client, m message, payload []byte) {
	o := c.objects[m.doID]
	if o == nil {
		s.dropForeign(c, m.doID)
		return
	}
	s.payload = append(s.payload[:0], payload...)
	s.sendDelete(o)
	if o.asked > 0 {
		s.expectAnswers(c, o)
	}
	z := o.zone
	s.removeObject(o)
	s.closeIdle(c, z)
}

// answerTime is how long a generate of a deleted object may still answer a request from
// before the delete.
const answerTime = 10 * time.Second

// expectAnswers notes that a client will answer requests for an object that it has deleted
// before it saw them: a client of Panda3D has the object until it hears of the delete from
// the server. Without this the answer would make the object anew, and its owner would not
// know of it.
func (s *state) expectAnswers(c *Client, o *object) {
	for len(c.answering) > 0 && s.now.After(c.answers[c.answering[0]].until) {
		delete(c.answers, c.answering[0])
		c.answering = c.answering[1:]
	}
	c.answers[o.doID] = answers{o.asked, s.now.Add(answerTime)}
	c.answering = append(c.answering, o.doID)
}

// isAnswer reports whether a generate of an object that is not there is such an answer.
func (s *state) isAnswer(c *Client, doID uint32) bool {
	a := c.answers[doID]
	if a.n == 0 || s.now.After(a.until) {
		return false
	}
	a.n--
	c.answers[doID] = a
	return true
}
