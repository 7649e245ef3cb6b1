package distributed

import (
	"errors"
	"slices"
	"time"

	"github.com/queuednet/queuednet/distributed/dc"
)

// A state is what a server knows: clients, zones and objects. It does no I/O: messages
// go in through handle, and what is to be sent comes out through a sender. It belongs
// to the goroutine that calls Update.
type state struct {
	config     *ServerConfig
	classes    classes
	out        sender
	maxPayload int // the longest payload that the wire's header can hold

	clients map[uint32]*Client // by base
	objects map[uint32]*object // by id
	zones   map[uint32]*zone

	alone     bool // there are no other processes
	file      *dc.File
	world     uint32                // what all processes have in common
	foreign   map[uint32]*object    // those of other processes in zones that are open here, by id
	gone      map[uint16]bool       // the processes that are not heard
	opened    []uint32              // zones that this process has begun to watch and has not asked for
	processes map[uint16]struct{}   // the other ones that are there
	greeted   map[uint16]time.Time  // those that have not answered, and since when
	resyncs   map[resyncKey]*resync // what was asked of processes and has not come
	unsaid    map[uint32]struct{}   // zones of which others could not be told everything
	unsure    map[uint32]time.Time  // since when foreign objects have moved to a zone and not been heard of there
	versions  uint64                // counts the objects that enter zones and go
	envelope  []byte                // the message to other processes that is being built
	stranger  Client                // whose message of another process is handled

	now      time.Time // of the frame
	changed  []*Client // those with an interest that is still to be applied
	asked    map[*Client]struct{}
	marks    uint64 // how many messages of interest have been applied
	payload  []byte // the message that is being built
	fields   []byte // the fields of a generate that the cache has
	repaired []byte // the fields of a generate without those that are not broadcast
	events   []Event
	stats    Stats
}

// A sender sends payloads, which are the caller's again once it returns. It does not
// call the state back.
type sender interface {
	send(payload []byte, to *Client)
	sendZone(payload []byte, to []*membership, except *Client)
}

func newState(config *ServerConfig, file *dc.File, out sender, maxPayload int) *state {
	_, alone := config.Processes.(*oneProcess)
	return &state{
		config: config, classes: newClasses(file), out: out, maxPayload: maxPayload,
		clients: make(map[uint32]*Client),
		objects: make(map[uint32]*object),
		zones:   make(map[uint32]*zone),
		asked:   make(map[*Client]struct{}),

		alone: alone, file: file, world: file.Hash() ^ config.IDRange ^ config.Processes.World(),
		foreign:   make(map[uint32]*object),
		gone:      make(map[uint16]bool),
		processes: make(map[uint16]struct{}),
		greeted:   make(map[uint16]time.Time),
		resyncs:   make(map[resyncKey]*resync),
		unsaid:    make(map[uint32]struct{}),
		unsure:    make(map[uint32]time.Time),
		stranger:  Client{foreign: true},
	}
}

// join gives a client its range and sends that to it. It reports false if no range is
// left.
func (s *state) join(c *Client) bool {
	base, ok := s.config.Processes.TakeRange()
	if !ok {
		return false
	}
	c.base = base
	c.objects = make(map[uint32]*object)
	c.zones = make(map[uint32]*membership)
	c.waiting = make(map[*object]struct{})
	c.answers = make(map[uint32]answers)
	c.openable, c.openableAt = openBurst*float64(s.config.MaxOpenedPerSecond), s.now
	s.clients[base] = c
	s.stats.Joined++
	s.event(Event{Kind: ClientJoined, Client: c})
	s.payload = appendSetDoIDRange(s.payload[:0], base, s.config.IDRange)
	s.send(c)
	return true
}

// leave forgets a client: its zones first, so that it gets nothing more, then its
// objects, whose end everybody else in their zones is told.
func (s *state) leave(c *Client) {
	delete(s.clients, c.base)
	c.interestChanged, c.listed = false, nil
	for _, m := range c.zones {
		s.closeZone(m)
	}
	for _, id := range c.Objects() {
		o := c.objects[id]
		s.payload = appendIDs(s.payload[:0], objectDelete, id)
		s.sendDelete(o)
		s.removeObject(o)
	}
	s.config.Processes.ReleaseRange(c.base)
	s.event(Event{Kind: ClientLeft, Client: c, Err: c.ended})
}

// handle carries out a message of a client. It reports false for the message that says
// that the client leaves.
func (s *state) handle(c *Client, payload []byte) bool {
	s.stats.Received++
	m, err := decodeClientMessage(payload)
	if err != nil {
		reason := DropMalformed
		if errors.Is(err, errUnknownType) {
			reason = DropUnknownType
		}
		s.drop(c, reason, m.doID, err)
		return true
	}
	if m.kind == clientSetInterest {
		s.setInterest(c, m.ids)
		return true
	}
	s.applyInterest(c)
	switch m.kind {
	case clientDisconnect:
		return false
	case clientObjectGenerate:
		s.generate(c, m)
	case clientObjectUpdateField, clientObjectUpdateFieldTargeted:
		s.update(c, m, payload)
	case objectSetZone:
		s.setZone(c, m)
	case objectDelete:
		s.delete(c, m, payload)
	case clientHeartbeat:
	}
	return true
}

// endFrame applies what was put off to the end of the frame.
func (s *state) endFrame() {
	for _, c := range s.changed {
		s.applyInterest(c)
	}
	s.changed = slices.DeleteFunc(s.changed, func(c *Client) bool { return !c.interestChanged })
	s.requestOpened()
	s.greetAgain()
	s.publishLost()
	s.resyncUnsure()
	s.resyncAgain()
}

// owns reports whether an id is of a client's range.
func (s *state) owns(c *Client, doID uint32) bool {
	return doID >= c.base && doID-c.base < s.config.IDRange
}

// send sends the payload that was built to a client.
func (s *state) send(c *Client) {
	s.stats.Sent++
	s.out.send(s.payload, c)
}

// sendUpdate sends the update that was built to all clients of the object's zone but one, in
// all processes.
func (s *state) sendUpdate(o *object, except *Client) {
	if !s.alone {
		m := processMessage{kind: zoneUpdate, zone: o.zone.id, version: o.version, payload: s.payload}
		if except != nil {
			m.client = except.base
		}
		s.publish(m)
	}
	s.sendMembers(o.zone, except)
}

// sendDelete sends the delete that was built to all clients of the object's zone, in all
// processes.
func (s *state) sendDelete(o *object) {
	s.publish(processMessage{kind: zoneDelete, zone: o.zone.id, version: s.nextVersion(), payload: s.payload})
	s.sendMembers(o.zone, nil)
}

// sendMembers sends the payload that was built to all clients of this process that have a
// zone open, but one.
func (s *state) sendMembers(z *zone, except *Client) {
	s.stats.Sent += uint64(len(z.members))
	if except != nil && except.zones[z.id] != nil {
		s.stats.Sent--
	}
	s.out.sendZone(s.payload, z.members, except)
}

func (s *state) event(e Event) { s.events = append(s.events, e) }

// drop records that a message of a client had no effect.
func (s *state) drop(c *Client, reason DropReason, doID uint32, err error) {
	if c == &s.stranger {
		c = &Client{base: c.base, foreign: true}
	}
	s.stats.Dropped[reason]++
	s.event(Event{Kind: MessageDropped, Client: c, DoID: doID, Reason: reason, Err: err})
}

// newObject records an object and opens its zone for the owner.
func (s *state) newObject(owner *Client, class *class, doID uint32, z *zone) *object {
	o := &object{doID: doID, class: class, owner: owner}
	s.objects[doID] = o
	owner.objects[doID] = o
	s.event(Event{Kind: ObjectGenerated, Client: owner, DoID: doID, Class: class.dc, Zone: z.id})
	s.enterZone(o, z)
	return o
}

// removeObject forgets an object.
func (s *state) removeObject(o *object) {
	delete(s.objects, o.doID)
	delete(o.owner.objects, o.doID)
	o.owner.cached -= o.cache.size
	s.event(Event{Kind: ObjectDeleted, Client: o.owner, DoID: o.doID, Class: o.class.dc, Zone: o.zone.id})
	s.leaveZone(o)
}

// enterZone puts an object into a zone, and opens that for the owner.
func (s *state) enterZone(o *object, z *zone) {
	o.zone = z
	o.moved = true
	o.version = s.nextVersion()
	z.objects[o] = struct{}{}
	m := o.owner.zones[z.id]
	if m == nil {
		m = s.openZone(o.owner, z)
	}
	m.owned++
	// A request that is on its way to the owner will be answered with this object too.
	o.asked = 0
	if s.now.Sub(m.askedAt) < answerTime {
		o.asked = m.asked
	}
}

// leaveZone takes an object out of its zone. That stays open for the owner until
// closeIdle.
func (s *state) leaveZone(o *object) {
	z := o.zone
	s.unwaitAll(o)
	o.awaited = time.Time{}
	delete(z.objects, o)
	if m := o.owner.zones[z.id]; m != nil {
		m.owned--
	}
	s.forgetZone(z)
}

// wait records that a client waits for a generate of an object.
func (c *Client) wait(o *object) {
	if _, ok := c.waiting[o]; !ok {
		c.waiting[o] = struct{}{}
		o.waiting++
	}
}

// unwaitAll records that no client here waits for a generate of an object.
func (s *state) unwaitAll(o *object) {
	for i := 0; o.waiting > 0 && i < len(o.zone.members); i++ {
		s.unwait(o.zone.members[i].client, o)
	}
}

// isAwaited reports whether a client, here or in another process, waits for a generate of an
// object, so that its owner has been asked.
func (s *state) isAwaited(o *object) bool { return o.waiting > 0 || s.now.Before(o.awaited) }

// unwait records that a client waits for a generate of an object no more, and reports
// whether it did.
func (s *state) unwait(c *Client, o *object) bool {
	if _, ok := c.waiting[o]; !ok {
		return false
	}
	delete(c.waiting, o)
	o.waiting--
	return true
}

// zone returns a zone, new if need be.
func (s *state) zone(id uint32) *zone {
	z := s.zones[id]
	if z == nil {
		z = &zone{id: id, objects: make(map[*object]struct{})}
		s.zones[id] = z
	}
	return z
}

// forgetZone forgets a zone in which there is nothing any more.
func (s *state) forgetZone(z *zone) {
	if len(z.members) == 0 && len(z.objects) == 0 {
		delete(s.zones, z.id)
	}
}

// sortedIDs appends the ids of a zone's objects to dst in order, those of other processes
// included.
func (z *zone) sortedIDs(dst []uint32) []uint32 {
	start := len(dst)
	for o := range z.objects {
		dst = append(dst, o.doID)
	}
	for o := range z.foreign {
		dst = append(dst, o.doID)
	}
	slices.Sort(dst[start:])
	return dst
}
