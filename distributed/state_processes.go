package distributed

import (
	"encoding/binary"
	"maps"
	"slices"
	"time"
)

// What the other processes are told: what happens to objects of this process, in order in each
// zone, and messages for one process alone.

// resyncTime is how long a process has to answer what is in a zone before it is asked
// again.
const resyncTime = 3 * time.Second

// A resyncKey is a zone in which the objects of a process may not be known any more.
type resyncKey struct {
	process uint16
	zone    uint32
}

// A resync waits for a list.
type resync struct {
	askedAt time.Time
	version uint64 // of the list of which some came last
	got     int    // how many entries of it
	again   bool   // ask again then
}

// publish tells all who watch a zone.
func (s *state) publish(m processMessage) {
	if s.alone {
		return
	}
	if len(s.opened) > 0 {
		s.requestOpened()
	}
	s.envelope = m.appendTo(s.envelope[:0])
	if s.config.Processes.Publish(m.zone, s.envelope) != nil {
		s.stats.Unsent++
		s.unsaid[m.zone] = struct{}{}
	}
}

// publishLost tells the others of the zones in which they were not told everything.
func (s *state) publishLost() {
	for zone := range s.unsaid {
		m := processMessage{kind: zoneLost, zone: zone}
		s.envelope = m.appendTo(s.envelope[:0])
		if s.config.Processes.Publish(zone, s.envelope) == nil {
			delete(s.unsaid, zone)
		}
	}
}

// forward tells one process, and reports whether that could be sent.
func (s *state) forward(process uint16, m processMessage) error {
	s.envelope = m.appendTo(s.envelope[:0])
	err := s.config.Processes.Send(process, s.envelope)
	if err != nil {
		s.stats.Unsent++
	}
	return err
}

// processOf returns the other process that has a client or an object.
func (s *state) processOf(id uint32) (process uint16, ok bool) {
	if s.alone {
		return 0, false
	}
	process, ok = s.config.Processes.ProcessOf(id)
	return process, ok && !s.gone[process]
}

// nextVersion counts a change of where an object is.
func (s *state) nextVersion() uint64 {
	s.versions++
	return s.versions
}

// requestForeign gets the objects of other processes for a client that has opened a
// zone.
func (s *state) requestForeign(z *zone, c *Client) {
	if s.alone {
		return
	}
	for o := range z.foreign {
		c.wait(o)
	}
	if len(z.members) == 1 {
		s.opened = append(s.opened, z.id)
	} else if len(z.foreign) > 0 || s.config.AskAll {
		s.publish(processMessage{kind: zoneRequest, zone: z.id, world: s.world})
	}
}

// requestOpened asks all processes for the zones that this one has begun to watch. It does not ask
// in the zone itself: if two processes begin at the same time, neither may know of the other's
// interest yet, and each would miss what the other says there.
func (s *state) requestOpened() {
	if len(s.opened) == 0 {
		return
	}
	for process := range s.processes {
		s.resync(process, s.opened...)
	}
	s.opened = s.opened[:0]
}

func appendZones(dst idList, zones []uint32) idList {
	for _, zone := range zones {
		dst = binary.LittleEndian.AppendUint32(dst, zone)
	}
	return dst
}

// answerProcess gets the objects of a zone for other processes.
func (s *state) answerProcess(z *zone) {
	if s.config.CacheFields {
		for o := range z.objects {
			s.appendCached(o)
			s.publish(processMessage{kind: zoneGenerate, zone: z.id, version: o.version, answer: true, payload: s.payload})
		}
		return
	}
	s.payload = appendIDs(s.payload[:0], requestGenerates, z.id)
	if s.config.AskAll {
		s.sendMembers(z, nil)
		z.noteAsked(s.now, func(*Client) bool { return true })
		return
	}
	for o := range z.objects {
		if !s.isAwaited(o) {
			s.asked[o.owner] = struct{}{}
		}
		o.awaited = s.now.Add(answerTime)
	}
	s.askOwners(z)
}

// publishList tells which objects of this process are in a zone. If there are none, it tells
// nothing and reports false.
func (s *state) publishList(z *zone) bool {
	if z == nil || len(z.objects) == 0 {
		return false
	}
	var list entries
	m := processMessage{kind: zoneList, zone: z.id, version: s.nextVersion(), total: uint32(len(z.objects))}
	for o := range z.objects {
		if list.len() == maxEntries {
			m.entries = list
			s.publish(m)
			list = list[:0]
		}
		list = appendEntry(list, o.doID, o.version)
	}
	m.entries = list
	s.publish(m)
	return true
}

// answerResync tells a process which objects of this one are in zones, and gets their
// fields for it.
func (s *state) answerResync(process uint16, zones idList) {
	var none []uint32
	for id := range zones.all() {
		z := s.zones[id]
		listed := s.publishList(z)
		if !listed {
			none = append(none, id)
		}
		if listed || z != nil && s.config.AskAll {
			s.answerProcess(z)
		}
	}
	if len(none) > 0 {
		m := processMessage{kind: forwardNone, version: s.nextVersion(), zones: appendZones(nil, none)}
		_ = s.forward(process, m) // or it asks again
	}
}

// gap makes up for lost messages of a process to a zone. They may have said what is there, or
// that somebody wants to know what is here.
func (s *state) gap(process uint16, zone uint32) {
	if s.gone[process] {
		return
	}
	if r := s.resyncs[resyncKey{process, zone}]; r != nil {
		r.again = true // the list that is on its way may be older
	} else if s.watched(zone) != nil {
		s.resync(process, zone)
	}
	if z := s.zones[zone]; s.publishList(z) {
		s.answerProcess(z)
	}
}

// resync asks a process for lists and generates of zones, until the lists have come.
func (s *state) resync(process uint16, zones ...uint32) {
	for len(zones) > 0 {
		n := min(len(zones), maxZones)
		for _, zone := range zones[:n] {
			s.resyncs[resyncKey{process, zone}] = &resync{askedAt: s.now}
		}
		m := processMessage{kind: forwardResync, world: s.world, zones: appendZones(nil, zones[:n])}
		_ = s.forward(process, m) // or again later
		zones = zones[n:]
	}
}

// resyncUnsure asks about objects that have moved to a zone and were not heard of there. What was
// said there before the zone was opened has not come, so they may have gone.
func (s *state) resyncUnsure() {
	for id, since := range s.unsure {
		if s.now.Sub(since) < resyncTime {
			continue
		}
		delete(s.unsure, id)
		if o := s.foreign[id]; o != nil {
			s.resync(o.process, o.zone.id)
		}
	}
}

// resyncAgain asks again the processes that have not answered.
func (s *state) resyncAgain() {
	if len(s.resyncs) == 0 {
		return
	}
	late := make(map[uint16][]uint32)
	for key, r := range s.resyncs {
		switch {
		case s.watched(key.zone) == nil:
			delete(s.resyncs, key)
		case s.now.Sub(r.askedAt) >= resyncTime:
			late[key.process] = append(late[key.process], key.zone)
		}
	}
	for process, zones := range late {
		s.resync(process, zones...)
	}
}

// processJoined begins anew with a process, once it has answered: not every process has
// a repository.
func (s *state) processJoined(process uint16) {
	delete(s.gone, process)
	delete(s.processes, process)
	s.greet(process, false)
}

func (s *state) greet(process uint16, answer bool) {
	if !answer {
		s.greeted[process] = s.now
	}
	_ = s.forward(process, processMessage{kind: forwardHello, world: s.world, answer: answer}) // or again
}

// greetAgain greets those that have not answered.
func (s *state) greetAgain() {
	for process, at := range s.greeted {
		if s.now.Sub(at) >= resyncTime {
			s.greet(process, false)
		}
	}
}

// hello takes a process in, and asks it what is in all zones that are watched here.
func (s *state) hello(process uint16, answer bool) {
	_, known := s.processes[process]
	if !answer {
		s.greet(process, true)
	} else if known {
		return
	}
	s.processes[process] = struct{}{}
	delete(s.greeted, process)
	var zones []uint32
	for id := range s.zones {
		if s.watched(id) != nil {
			zones = append(zones, id)
		}
	}
	s.resync(process, zones...)
}

// processLeft deletes all objects of a process.
func (s *state) processLeft(process uint16) {
	s.gone[process] = true
	delete(s.processes, process)
	delete(s.greeted, process)
	for _, id := range slices.Sorted(maps.Keys(s.foreign)) {
		if o := s.foreign[id]; o.process == process {
			s.payload = appendIDs(s.payload[:0], objectDelete, id)
			s.sendMembers(o.zone, nil)
			s.removeForeign(o)
		}
	}
	maps.DeleteFunc(s.resyncs, func(key resyncKey, _ *resync) bool { return key.process == process })
}
