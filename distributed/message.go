package distributed

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
)

// A messageType is the number that a message begins with.
type messageType int

// The messages, by Panda3D's names in direct.distributed.MsgTypes without CMU.
const (
	clientObjectUpdateField         messageType = 120  // to the server
	setDoIDRange                    messageType = 9001 // to a client
	clientObjectGenerate            messageType = 9002 // to the server
	objectGenerate                  messageType = 9003 // to a client
	objectUpdateField               messageType = 9004 // to a client
	objectDisable                   messageType = 9005 // to a client
	objectDelete                    messageType = 9006 // both ways
	requestGenerates                messageType = 9007 // to a client
	clientDisconnect                messageType = 9008 // to the server
	clientSetInterest               messageType = 9009 // to the server
	objectSetZone                   messageType = 9010 // to the server
	clientObjectUpdateFieldTargeted messageType = 9011 // to the server

	// clientHeartbeat has the number 9011 on the wire, like a targeted update, from
	// which its length of 2 bytes tells it. Here it has a number that no message has.
	clientHeartbeat messageType = -1
)

var messageNames = map[messageType]string{
	clientObjectUpdateField:         "CLIENT_OBJECT_UPDATE_FIELD",
	setDoIDRange:                    "SET_DOID_RANGE",
	clientObjectGenerate:            "CLIENT_OBJECT_GENERATE",
	objectGenerate:                  "OBJECT_GENERATE",
	objectUpdateField:               "OBJECT_UPDATE_FIELD",
	objectDisable:                   "OBJECT_DISABLE",
	objectDelete:                    "OBJECT_DELETE",
	requestGenerates:                "REQUEST_GENERATES",
	clientDisconnect:                "CLIENT_DISCONNECT",
	clientSetInterest:               "CLIENT_SET_INTEREST",
	objectSetZone:                   "OBJECT_SET_ZONE",
	clientObjectUpdateFieldTargeted: "CLIENT_OBJECT_UPDATE_FIELD_TARGETED",
	clientHeartbeat:                 "CLIENT_HEARTBEAT",
}

func (t messageType) String() string {
	if name, ok := messageNames[t]; ok {
		return name
	}
	return fmt.Sprintf("message %d", int(t))
}

var (
	errUnknownType = errors.New("a type that its receiver does not know")
	errTooShort    = errors.New("too short")
	errTail        = errors.New("a length that is no multiple of an id's")
)

// A message is any of the messages, decoded: each has some of these fields. The
// byte slices are views of the payload that it was decoded from.
type message struct {
	kind   messageType
	base   uint32 // setDoIDRange: the first id
	count  uint32 // setDoIDRange: how many ids
	sender uint32 // objectGenerate, objectUpdateField: the base of who sent it
	target uint32 // clientObjectUpdateFieldTargeted: the base of who gets it
	zone   uint32
	class  uint16
	doID   uint32
	field  uint16
	rest   []byte // the packed arguments of a field, or all fields of a generate
	ids    idList // clientSetInterest: zones; objectDisable: objects
}

// An idList is a list of ids or zones as it is on the wire, 4 bytes each.
type idList []byte

func (l idList) len() int { return len(l) / 4 }

func (l idList) all() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for ; len(l) >= 4; l = l[4:] {
			if !yield(binary.LittleEndian.Uint32(l)) {
				return
			}
		}
	}
}

// decodeClientMessage decodes what a client sends to a server. Bytes after the
// fields of a message are ignored, as Panda3D does, except in a heartbeat.
func decodeClientMessage(payload []byte) (message, error) {
	c := cursor{rest: payload}
	m := message{kind: messageType(c.uint16())}
	switch m.kind {
	case clientObjectUpdateFieldTargeted:
		if len(payload) == 2 {
			m.kind = clientHeartbeat
			break
		}
		m.target = c.uint32()
		m.doID, m.field, m.rest = c.uint32(), c.uint16(), c.rest
	case clientObjectUpdateField:
		m.doID, m.field, m.rest = c.uint32(), c.uint16(), c.rest
	case clientObjectGenerate:
		m.zone, m.class, m.doID, m.rest = c.uint32(), c.uint16(), c.uint32(), c.rest
	case objectDelete:
		m.doID, m.rest = c.uint32(), c.rest
	case objectSetZone:
		m.doID, m.zone = c.uint32(), c.uint32()
	case clientSetInterest:
		m.ids = c.ids()
	case clientDisconnect:
	default:
		c.fail(errUnknownType)
	}
	return m, c.error(m.kind)
}

// decodeServerMessage decodes what a server sends to a client. If the error is errTail,
// the message holds all ids that are whole.
func decodeServerMessage(payload []byte) (message, error) {
	c := cursor{rest: payload}
	m := message{kind: messageType(c.uint16())}
	switch m.kind {
	case setDoIDRange:
		m.base, m.count = c.uint32(), c.uint32()
	case objectGenerate:
		m.sender, m.zone, m.class, m.doID, m.rest = c.uint32(), c.uint32(), c.uint16(), c.uint32(), c.rest
	case objectUpdateField:
		m.sender, m.doID, m.field, m.rest = c.uint32(), c.uint32(), c.uint16(), c.rest
	case objectDisable:
		m.ids = c.ids()
	case objectDelete:
		m.doID = c.uint32()
	case requestGenerates:
		m.zone = c.uint32()
	default:
		c.fail(errUnknownType)
	}
	return m, c.error(m.kind)
}

// A cursor reads numbers from the front of a payload and keeps its first error.
type cursor struct {
	rest []byte
	err  error
}

func (c *cursor) fail(err error) {
	if c.err == nil {
		c.err = err
	}
	c.rest = nil
}

func (c *cursor) uint16() uint16 {
	if len(c.rest) < 2 {
		c.fail(errTooShort)
		return 0
	}
	v := binary.LittleEndian.Uint16(c.rest)
	c.rest = c.rest[2:]
	return v
}

func (c *cursor) uint32() uint32 {
	if len(c.rest) < 4 {
		c.fail(errTooShort)
		return 0
	}
	v := binary.LittleEndian.Uint32(c.rest)
	c.rest = c.rest[4:]
	return v
}

func (c *cursor) uint64() uint64 {
	low := c.uint32()
	return uint64(low) | uint64(c.uint32())<<32
}

func (c *cursor) bool() bool {
	if len(c.rest) < 1 {
		c.fail(errTooShort)
		return false
	}
	b := c.rest[0] != 0
	c.rest = c.rest[1:]
	return b
}

func (c *cursor) ids() idList {
	ids := c.rest
	if len(ids)%4 != 0 {
		c.fail(errTail)
	}
	return idList(ids[:len(ids)/4*4])
}

func (c *cursor) error(kind messageType) error {
	if c.err == nil {
		return nil
	}
	return fmt.Errorf("%v: %w", kind, c.err)
}
