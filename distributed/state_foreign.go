package distributed

import (
	"errors"
	"fmt"
	"slices"
)

// What other processes tell: where objects of theirs are, and what clients of theirs send. Of a
// zone that no client here has open nothing is kept, and nothing is asked.

// ErrOtherWorld is why a process is not heard: it has other DC files, another IDRange, or another
// [Processes].World.
var ErrOtherWorld = errors.New("distributed: a process with other DC files or another division of ids")

// deliver does what a message of another process says.
func (s *state) deliver(process uint16, data []byte) error {
	m, err := decodeProcessMessage(data)
	if err == nil && !s.gone[process] {
		err = s.handleProcess(process, m)
	}
	if err != nil {
		return fmt.Errorf("distributed: process %d: %w", process, err)
	}
	return nil
}

func (s *state) handleProcess(process uint16, m processMessage) error {
	switch m.kind {
	case zoneUpdate:
		return s.foreignUpdate(process, m)
	case zoneGenerate:
		return s.foreignGenerate(process, m)
	case zoneMove:
		if err := s.speaksFor(process, m.doID); err != nil {
			return err
		}
		if o := s.foreign[m.doID]; o != nil && o.version < m.version {
			s.moveForeign(o, m.to, m.version)
			s.unsure[m.doID] = s.now
		}
	case zoneDelete:
		return s.foreignDelete(process, m)
	case zoneList:
		return s.foreignList(process, m)
	case forwardClient:
		return s.foreignClient(process, m)
	case forwardTarget:
		return s.foreignTarget(process, m)
	case zoneLost:
		s.gap(process, m.zone)
	case forwardNone:
		for zone := range m.zones.all() {
			s.listed(process, zone, m.version)
		}
	case forwardHello, zoneRequest, forwardResync:
		return s.foreignRequest(process, m)
	}
	return nil
}

// speaksFor requires that an object or a client is of a process: each speaks for its own only.
func (s *state) speaksFor(process uint16, id uint32) error {
	if of, ok := s.config.Processes.ProcessOf(id); !ok || of != process {
		return fmt.Errorf("id %d is not of its ranges: %w", id, errProcessMessage)
	}
	return nil
}

// relayed decodes what clients here are to get of a process, and requires that they can read it
// and that it is about an object of that process.
func (s *state) relayed(process uint16, payload []byte, kind messageType) (message, error) {
	m, err := decodeServerMessage(payload)
	if err != nil {
		return m, err
	}
	if m.kind != kind || len(payload) > s.maxPayload {
		return m, fmt.Errorf("%v of %d bytes: %w", m.kind, len(payload), errProcessMessage)
	}
	if err := s.speaksFor(process, m.doID); err != nil || s.config.RelayUnchecked {
		return m, err
	}
	switch kind {
	case objectUpdateField:
		field := s.file.FieldByNumber(int(m.field))
		if field == nil {
			return m, fmt.Errorf("%w %d", ErrUnknownField, m.field)
		}
		_, err = field.Validate(m.rest)
	case objectGenerate:
		class := s.classes.byNumber(m.class)
		if class == nil {
			return m, fmt.Errorf("%w %d", ErrUnknownClass, m.class)
		}
		err = class.walk(m.rest, nil)
	}
	return m, err
}

// watched returns a zone that clients here have open, otherwise nil.
func (s *state) watched(id uint32) *zone {
	if z := s.zones[id]; z != nil && len(z.members) > 0 {
		return z
	}
	return nil
}

// foreignUpdate passes an update on to the clients of a zone.
func (s *state) foreignUpdate(process uint16, m processMessage) error {
	update, err := s.relayed(process, m.payload, objectUpdateField)
	if err != nil {
		return err
	}
	z, o := s.watched(m.zone), s.foreign[update.doID]
	if z == nil || o != nil && m.version < o.version {
		return nil // the object has left since, and a generate has all that is newer
	}
	if o != nil {
		s.placeForeign(process, update.doID, z, m.version)
	}
	s.payload = append(s.payload[:0], m.payload...)
	s.sendMembers(z, s.clients[m.client])
	return nil
}

// foreignGenerate passes a generate on to those who need it.
func (s *state) foreignGenerate(process uint16, m processMessage) error {
	g, err := s.relayed(process, m.payload, objectGenerate)
	if err != nil {
		return err
	}
	z, o := s.watched(m.zone), s.foreign[g.doID]
	if z == nil || o != nil && m.version < o.version {
		return nil
	}
	whole := !m.answer || o == nil || m.version > o.version
	o = s.placeForeign(process, g.doID, z, m.version)
	s.payload = append(s.payload[:0], m.payload...)
	if whole {
		s.unwaitAll(o)
		s.sendMembers(z, nil)
		return nil
	}
	for _, m := range z.members {
		if s.unwait(m.client, o) {
			s.send(m.client)
		}
	}
	return nil
}

// foreignDelete passes a delete on to the clients of a zone.
func (s *state) foreignDelete(process uint16, m processMessage) error {
	d, err := s.relayed(process, m.payload, objectDelete)
	if err != nil {
		return err
	}
	z, o := s.watched(m.zone), s.foreign[d.doID]
	if o != nil {
		if m.version < o.version {
			return nil // it is there again
		}
		if o.zone != z {
			s.moveForeign(o, m.zone, m.version) // the message that said so is lost or late
		}
		if o.zone == z {
			s.removeForeign(o)
		}
	}
	if z != nil {
		s.payload = append(s.payload[:0], m.payload...)
		s.sendMembers(z, nil)
	}
	return nil
}

// foreignList takes in which objects of a process are in a zone. When the last part of a list that
// was asked for has come, the objects that are not in the list have gone.
func (s *state) foreignList(process uint16, m processMessage) error {
	z := s.watched(m.zone)
	if z == nil {
		return nil
	}
	key := resyncKey{process, m.zone}
	r := s.resyncs[key]
	for i := range m.entries.len() {
		doID, version := m.entries.at(i)
		if err := s.speaksFor(process, doID); err != nil {
			return err
		}
		o := s.foreign[doID]
		if o != nil && version < o.version {
			continue
		}
		needed := r != nil || o == nil || version > o.version
		o = s.placeForeign(process, doID, z, version)
		o.listed = m.version
		if needed {
			z.wait(o)
		}
	}
	if r == nil {
		return nil
	}
	if r.version != m.version {
		r.version, r.got = m.version, 0
	}
	if r.got += m.entries.len(); r.got >= int(m.total) {
		s.listed(process, m.zone, m.version)
	}
	return nil
}

// listed ends a resync: a list that was asked for is complete.
func (s *state) listed(process uint16, zone uint32, list uint64) {
	key := resyncKey{process, zone}
	r, z := s.resyncs[key], s.watched(zone)
	if r == nil || z == nil {
		return
	}
	s.removeUnlisted(process, z, list)
	delete(s.resyncs, key)
	if r.again {
		s.resync(process, zone)
	}
}

// removeUnlisted makes the objects of a process that are in a zone no more vanish there. They may
// have moved to another, so that they are disabled and not deleted.
func (s *state) removeUnlisted(process uint16, z *zone, list uint64) {
	var gone []uint32
	for o := range z.foreign {
		if o.process == process && o.listed != list && o.version < list {
			s.removeForeign(o)
			gone = append(gone, o.doID)
		}
	}
	slices.Sort(gone)
	for _, m := range z.members {
		s.disable(m.client, gone)
	}
}

// foreignClient carries out what a client of another process has sent about an object
// here.
func (s *state) foreignClient(process uint16, m processMessage) error {
	if err := s.speaksFor(process, m.client); err != nil {
		return err
	}
	update, err := decodeClientMessage(m.payload)
	if err != nil {
		return err
	}
	if update.kind != clientObjectUpdateField && update.kind != clientObjectUpdateFieldTargeted {
		return fmt.Errorf("%v: %w", update.kind, errProcessMessage)
	}
	s.stranger.base = m.client
	s.update(&s.stranger, update, nil)
	return nil
}

// foreignTarget passes an update on to one client.
func (s *state) foreignTarget(process uint16, m processMessage) error {
	update, err := s.relayed(process, m.payload, objectUpdateField)
	if err != nil {
		return err
	}
	target := s.clients[m.client]
	if target == nil {
		s.stranger.base = update.sender
		s.drop(&s.stranger, DropUnknownTarget, update.doID, fmt.Errorf("there is no client %d", m.client))
		return nil
	}
	s.payload = append(s.payload[:0], m.payload...)
	s.send(target)
	return nil
}

// foreignRequest gets the objects of zones for other processes.
func (s *state) foreignRequest(process uint16, m processMessage) error {
	if m.world != s.world {
		if m.kind == forwardHello && !m.answer {
			s.greet(process, true) // so that it does not hear this one either: ours may have been lost
		}
		if !s.gone[process] && s.config.Logger != nil {
			s.config.Logger.Warn("process not heard", "process", process, "reason", ErrOtherWorld)
		}
		s.processLeft(process)
		return ErrOtherWorld
	}
	switch z := s.zones[m.zone]; {
	case m.kind == forwardHello:
		s.hello(process, m.answer)
	case m.kind == forwardResync:
		s.answerResync(process, m.zones)
	case z != nil:
		s.answerProcess(z)
	}
	return nil
}

// placeForeign records where an object of another process is.
func (s *state) placeForeign(process uint16, doID uint32, z *zone, version uint64) *object {
	o := s.foreign[doID]
	switch {
	case o == nil:
		o = &object{doID: doID, process: process}
		s.foreign[doID] = o
		s.enterForeign(o, z)
	case o.zone != z:
		s.moveForeign(o, z.id, version)
	}
	o.version = version
	if len(s.unsure) > 0 {
		delete(s.unsure, doID)
	}
	return o
}

// moveForeign takes an object of another process to another zone: out of sight of those who see
// the old one and not that. Those who see that wait for a generate, which its owner sends next;
// if the process has begun to watch the zone later than that, it comes as the answer to its request.
func (s *state) moveForeign(o *object, id uint32, version uint64) {
	old := o.zone
	s.leaveForeign(o)
	s.payload = appendIDs(s.payload[:0], objectDisable, o.doID)
	for _, m := range old.members {
		if m.client.zones[id] == nil {
			s.send(m.client)
		}
	}
	o.version = version
	if z := s.watched(id); z != nil {
		s.enterForeign(o, z)
		z.wait(o)
	} else {
		delete(s.foreign, o.doID)
	}
}

// wait records that all clients of a zone wait for a generate of an object.
func (z *zone) wait(o *object) {
	for _, m := range z.members {
		m.client.wait(o)
	}
}

func (s *state) enterForeign(o *object, z *zone) {
	if z.foreign == nil {
		z.foreign = make(map[*object]struct{})
	}
	o.zone = z
	z.foreign[o] = struct{}{}
}

func (s *state) leaveForeign(o *object) {
	s.unwaitAll(o)
	delete(o.zone.foreign, o)
}

// removeForeign forgets an object of another process. The caller tells those who see
// it.
func (s *state) removeForeign(o *object) {
	s.leaveForeign(o)
	delete(s.foreign, o.doID)
}

// forgetForeign forgets the objects of other processes in a zone that no client has open any more.
func (s *state) forgetForeign(z *zone) {
	for o := range z.foreign {
		delete(s.foreign, o.doID)
	}
	z.foreign = nil
}
