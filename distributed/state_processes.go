package distributed

import (
	"maps"
	"slices"
	"time"
)

// What the other processes are told: what happens to objects of this one, in the order of their
// zones, and what is for one process alone.

// resyncTime is after how long a process that was asked what is in a zone is asked again.
const resyncTime = time.Second

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

// requestForeign gets a client that has opened a zone the objects of other processes.
func (s *state) requestForeign(z *zone, c *Client) {
	if s.alone {
		return
	}
	for o := range z.foreign {
		c.wait(o)
	}
	first := len(z.members) == 1
	if first || len(z.foreign) > 0 || s.config.AskAll {
		s.publish(processMessage{kind: zoneRequest, zone: z.id, world: s.world, list: first})
	}
}

// answerProcess gets other processes the objects of a zone.
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

// publishList tells which objects of this process are in a zone, if there are any or if none
// is news too.
func (s *state) publishList(id uint32, evenNone bool) {
	var list entries
	total := 0
	if z := s.zones[id]; z != nil {
		total = len(z.objects)
	}
	if total == 0 && !evenNone {
		return
	}
	m := processMessage{kind: zoneList, zone: id, version: s.nextVersion(), total: uint32(total)}
	if total > 0 {
		for o := range s.zones[id].objects {
			if list.len() == maxEntries {
				m.entries = list
				s.publish(m)
				list = list[:0]
			}
			list = appendEntry(list, o.doID, o.version)
		}
	}
	m.entries = list
	s.publish(m)
}

// gap puts right what messages of a process to a zone may have said that are lost: what is there,
// and that somebody wants to know what is here.
func (s *state) gap(process uint16, zone uint32) {
	if s.gone[process] {
		return
	}
	if r := s.resyncs[resyncKey{process, zone}]; r != nil {
		r.again = true // the list that is on its way may be older
	} else if s.watched(zone) != nil {
		s.resync(process, zone)
	}
	if z := s.zones[zone]; z != nil {
		s.publishList(zone, false)
		s.answerProcess(z)
	}
}

// resync asks a process for lists and generates of zones, until the lists have come.
func (s *state) resync(process uint16, zones ...uint32) {
	for first := true; first || len(zones) > 0; first = false {
		n := min(len(zones), maxResync)
		var list idList
		for _, zone := range zones[:n] {
			s.resyncs[resyncKey{process, zone}] = &resync{askedAt: s.now}
			list = append(list, appendIDs(nil, 0, zone)[2:]...)
		}
		_ = s.forward(process, processMessage{kind: forwardResync, world: s.world, zones: list}) // or again later
		zones = zones[n:]
	}
}

// resyncUnsure asks for objects that have moved to a zone and were not heard of there: what was said
// there before the zone was opened has not come, and they may have gone.
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

// resyncAgain asks the processes again that have not answered.
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

// processJoined begins anew with a process.
func (s *state) processJoined(process uint16) {
	delete(s.gone, process)
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
	for _, id := range slices.Sorted(maps.Keys(s.foreign)) {
		if o := s.foreign[id]; o.process == process {
			s.payload = appendIDs(s.payload[:0], objectDelete, id)
			s.sendMembers(o.zone, nil)
			s.leaveForeign(o)
			delete(s.foreign, id)
		}
	}
	maps.DeleteFunc(s.resyncs, func(key resyncKey, _ *resync) bool { return key.process == process })
}
