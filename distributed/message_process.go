package distributed

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// A processKind is the first byte of a message between processes.
type processKind uint8

const (
	// In the order of a zone, to all who watch it.
	zoneUpdate   processKind = iota + 1 // an update for the zone's clients
	zoneGenerate                        // a generate: of one who is new in the zone, or again
	zoneMove                            // an object has left the zone for another
	zoneDelete                          // an object of the zone is deleted
	zoneRequest                         // clients need the generates of the zone's objects
	zoneList                            // part of a list of the sender's objects in the zone
	zoneLost                            // messages to the zone could not be sent

	// To one process.
	forwardClient // what a client has sent about an object that is owned there
	forwardTarget // an update for one client
	forwardHello  // the sender has heard of the process: it answers, unless this is the answer
	forwardResync // the zones of which the sender wants lists and generates
	forwardNone   // the answer for zones in which the sender has no objects
)

// A processMessage is any of the messages between processes, decoded: each has some of these
// fields. The byte slices are views of the bytes that it was decoded from.
type processMessage struct {
	kind    processKind
	zone    uint32
	client  uint32  // zoneUpdate: who does not get it; forwardClient: who has sent it; forwardTarget: who gets it
	version uint64  // of where the object is; zoneList, forwardNone: when it was made
	answer  bool    // zoneGenerate: only those who wait for it need it; forwardHello
	doID    uint32  // zoneMove
	to      uint32  // zoneMove: the other zone
	world   uint32  // zoneRequest, forwardHello, forwardResync: what all processes of a world have in common
	total   uint32  // zoneList: how many entries all parts have
	entries entries // zoneList
	zones   idList  // forwardResync, forwardNone
	payload []byte  // as clients send or get it
}

// entries are objects of a list: the id and the version of each.
type entries []byte

const entrySize = 4 + 8

// maxEntries and maxZones are how many objects and zones one message lists.
const (
	maxEntries = 2000
	maxZones   = 4000
)

func (e entries) len() int { return len(e) / entrySize }

func (e entries) at(i int) (doID uint32, version uint64) {
	e = e[i*entrySize:]
	return binary.LittleEndian.Uint32(e), binary.LittleEndian.Uint64(e[4:])
}

func appendEntry(dst []byte, doID uint32, version uint64) []byte {
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint32(dst, doID), version)
}

// appendTo appends a message to dst. It must not be one that shares memory with it.
func (m *processMessage) appendTo(dst []byte) []byte {
	order := binary.LittleEndian
	dst = append(dst, byte(m.kind))
	switch m.kind {
	case zoneUpdate:
		dst = order.AppendUint64(order.AppendUint32(dst, m.zone), m.version)
		dst = order.AppendUint32(dst, m.client)
	case zoneGenerate:
		dst = order.AppendUint64(order.AppendUint32(dst, m.zone), m.version)
		dst = appendBool(dst, m.answer)
	case zoneMove:
		dst = order.AppendUint64(order.AppendUint32(dst, m.zone), m.version)
		dst = order.AppendUint32(order.AppendUint32(dst, m.doID), m.to)
	case zoneDelete:
		dst = order.AppendUint64(order.AppendUint32(dst, m.zone), m.version)
	case zoneLost:
		dst = order.AppendUint32(dst, m.zone)
	case zoneRequest:
		dst = order.AppendUint32(order.AppendUint32(dst, m.zone), m.world)
	case zoneList:
		dst = order.AppendUint64(order.AppendUint32(dst, m.zone), m.version)
		dst = append(order.AppendUint32(dst, m.total), m.entries...)
	case forwardClient, forwardTarget:
		dst = order.AppendUint32(dst, m.client)
	case forwardHello:
		dst = appendBool(order.AppendUint32(dst, m.world), m.answer)
	case forwardResync:
		dst = append(order.AppendUint32(dst, m.world), m.zones...)
	case forwardNone:
		dst = append(order.AppendUint64(dst, m.version), m.zones...)
	}
	return append(dst, m.payload...)
}

func appendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, 1)
	}
	return append(dst, 0)
}

var errProcessMessage = errors.New("not a message between processes")

// decodeProcessMessage decodes what appendTo has made.
func decodeProcessMessage(data []byte) (processMessage, error) {
	if len(data) == 0 {
		return processMessage{}, errProcessMessage
	}
	m, c := processMessage{kind: processKind(data[0])}, cursor{rest: data[1:]}
	switch m.kind {
	case zoneUpdate:
		m.zone, m.version, m.client, m.payload = c.uint32(), c.uint64(), c.uint32(), c.rest
	case zoneGenerate:
		m.zone, m.version, m.answer, m.payload = c.uint32(), c.uint64(), c.bool(), c.rest
	case zoneMove:
		m.zone, m.version, m.doID, m.to = c.uint32(), c.uint64(), c.uint32(), c.uint32()
	case zoneDelete:
		m.zone, m.version, m.payload = c.uint32(), c.uint64(), c.rest
	case zoneLost:
		m.zone = c.uint32()
	case zoneRequest:
		m.zone, m.world = c.uint32(), c.uint32()
	case zoneList:
		m.zone, m.version, m.total, m.entries = c.uint32(), c.uint64(), c.uint32(), entries(c.rest)
		if len(m.entries)%entrySize != 0 {
			c.fail(errTail)
		}
	case forwardClient, forwardTarget:
		m.client, m.payload = c.uint32(), c.rest
	case forwardHello:
		m.world, m.answer = c.uint32(), c.bool()
	case forwardResync:
		m.world, m.zones = c.uint32(), c.ids()
	case forwardNone:
		m.version, m.zones = c.uint64(), c.ids()
	default:
		c.fail(errProcessMessage)
	}
	if c.err != nil {
		return m, fmt.Errorf("message %d between processes: %w", m.kind, c.err)
	}
	return m, nil
}
