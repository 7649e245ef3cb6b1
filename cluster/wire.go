package cluster

import (
	"encoding/binary"
	"errors"
)

// A NATS message is a header and a body. All integers are little endian.
//
//	0  version, 1
//	1  kind
//	2  number of the sender, 16 bits
//	4  incarnation of the sender, 64 bits
//	12 sequence, 64 bits: of the first message of a group or directed one, see generationOf
//	20 body
//
// The body of kindGroup is one message after the other, each with its length as a uvarint
// before it, and they have consecutive sequences. That of kindDirected begins with the
// incarnation of the receiver, 64 bits, 0 for any; each message has the id of the
// connection that it is for, as a uvarint, before its length.
const (
	wireVersion = 1
	headerSize  = 20

	// maxPacket bounds a NATS message of several messages. A single one may be longer.
	maxPacket = 32 << 10
)

type kind uint8

const (
	kindGroup kind = 1 + iota
	kindDirected
	kindHeartbeat
	kindCounts
	kindTable
	kindAsk
	kindClaim
	kindAnswer
	kindUsed
	kindState
	kindEnd // not a kind: behind the last
)

var errInvalid = errors.New("cluster: invalid message")

type header struct {
	kind        kind
	number      uint16
	incarnation uint64
	sequence    uint64
}

func (h *header) appendTo(b []byte) []byte {
	b = append(b, wireVersion, byte(h.kind))
	b = binary.LittleEndian.AppendUint16(b, h.number)
	b = binary.LittleEndian.AppendUint64(b, h.incarnation)
	return binary.LittleEndian.AppendUint64(b, h.sequence)
}

// readHeader cuts the header off a NATS message.
func readHeader(b []byte) (h header, body []byte, err error) {
	if len(b) < headerSize || b[0] != wireVersion {
		return h, nil, errInvalid
	}
	h = header{
		kind:        kind(b[1]),
		number:      binary.LittleEndian.Uint16(b[2:]),
		incarnation: binary.LittleEndian.Uint64(b[4:]),
		sequence:    binary.LittleEndian.Uint64(b[12:]),
	}
	if h.kind == 0 || h.kind >= kindEnd || h.number == 0 || h.number > maxNumber || h.incarnation == 0 {
		return h, nil, errInvalid
	}
	return h, b[headerSize:], nil
}

// cutMessage takes the next message off the body of a group.
func cutMessage(body []byte) (message, rest []byte, err error) {
	length, n := binary.Uvarint(body)
	if n <= 0 || length > uint64(len(body)-n) {
		return nil, nil, errInvalid
	}
	return body[n : n+int(length)], body[n+int(length):], nil
}

// cutDirected takes the next message, and whom it is for, off a directed body.
func cutDirected(body []byte) (id uint64, message, rest []byte, err error) {
	id, n := binary.Uvarint(body)
	if n <= 0 {
		return 0, nil, nil, errInvalid
	}
	message, rest, err = cutMessage(body[n:])
	return id, message, rest, err
}

// countMessages checks a whole body, none of whose messages may be longer than
// longest, and returns how many it has.
func countMessages(k kind, body []byte, longest int) (n int, err error) {
	for len(body) > 0 {
		var message []byte
		if k == kindDirected {
			_, message, body, err = cutDirected(body)
		} else {
			message, body, err = cutMessage(body)
		}
		if err != nil || len(message) > longest {
			return 0, errInvalid
		}
		n++
	}
	if n == 0 {
		return 0, errInvalid
	}
	return n, nil
}

// fields reads the fixed part of a body: after the first field that is not there all
// are zero and failed is set.
type fields struct {
	b      []byte
	failed bool
}

func (f *fields) take(n int) []byte {
	if f.failed || n > len(f.b) {
		f.failed = true
		return nil
	}
	b := f.b[:n]
	f.b = f.b[n:]
	return b
}

func (f *fields) uint8() uint8 {
	if b := f.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (f *fields) uint16() uint16 {
	if b := f.take(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (f *fields) uint32() uint32 {
	if b := f.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (f *fields) uint64() uint64 {
	if b := f.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// bytes8 reads a length of one byte and so many bytes.
func (f *fields) bytes8() []byte { return f.take(int(f.uint8())) }
