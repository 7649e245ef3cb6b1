package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
)

// A kind of message. Each begins with its kind, the number of the life that it
// belongs to, and its own number, which counts from 1 in each direction.
type kind byte

const (
	numbered  kind = 'n' // of one life
	broadcast kind = 'b' // to all players, of life 0
	leave     kind = 'l' // a client's last one: the server is to close
	much      kind = 'm' // a client's last one: the server is to send until it ends
)

const (
	messageHead = 9
	longest     = 300_000 // bytes of a datagram
)

// filling is what messages are filled with, from an offset that everything else
// in the message determines. So both ends know each byte of each message, and
// need not keep any.
var filling = func() []byte {
	r := rand.NewChaCha8([32]byte{1})
	b := make([]byte, longest+64<<10)
	r.Read(b)
	return b
}()

func fillFor(k kind, life, number uint32, size int) []byte {
	x := uint64(life)<<32 | uint64(number)
	x ^= uint64(k)<<56 ^ uint64(size)<<20
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	x ^= x >> 31
	offset := int(x % uint64(len(filling)-size+1))
	return filling[offset : offset+size]
}

// appendMessage appends a message of this many bytes, messageHead at least.
func appendMessage(b []byte, k kind, life, number uint32, size int) []byte {
	b = append(b, byte(k))
	b = binary.LittleEndian.AppendUint32(b, life)
	b = binary.LittleEndian.AppendUint32(b, number)
	return append(b, fillFor(k, life, number, max(size-messageHead, 0))...)
}

// parseMessage checks every byte of a message.
func parseMessage(b []byte) (k kind, life, number uint32, err error) {
	if len(b) < messageHead || len(b) > longest {
		return 0, 0, 0, fmt.Errorf("a message of %d bytes", len(b))
	}
	k, life, number = kind(b[0]), binary.LittleEndian.Uint32(b[1:]), binary.LittleEndian.Uint32(b[5:])
	if !bytes.Equal(b[messageHead:], fillFor(k, life, number, len(b)-messageHead)) {
		return 0, 0, 0, fmt.Errorf("message %c %d of life %d has other contents than it was sent with", k, number, life)
	}
	return k, life, number, nil
}

// sizeFor draws a size: mostly small, sometimes large, seldom very large.
func sizeFor(r *rand.Rand, most int) int {
	n := messageHead + r.IntN(60)
	switch r.IntN(300) {
	case 0:
		n = messageHead + r.IntN(most-messageHead)
	case 1, 2, 3, 4, 5:
		n = messageHead + r.IntN(2000)
	}
	return n
}

// A flow is one direction of a life, as one end of it knows it.
type flow struct {
	datagrams int // of the life itself
	bytes     int
	shared    int // broadcasts; they are counted apart because their numbers are
}

// A check is a receiver's view of a flow: whatever arrives must be the next.
type check struct {
	flow
	life          uint32
	lastBroadcast uint32
}

func (c *check) take(b []byte) (kind, error) {
	k, life, number, err := parseMessage(b)
	if err != nil {
		return 0, err
	}
	if k == broadcast {
		if c.shared > 0 && number != c.lastBroadcast+1 {
			return 0, fmt.Errorf("broadcast %d after %d", number, c.lastBroadcast)
		}
		c.lastBroadcast = number
		c.shared++
	} else {
		if life != c.life || number != uint32(c.datagrams)+1 {
			return 0, fmt.Errorf("life %d: message %d of life %d after %d", c.life, number, life, c.datagrams)
		}
		c.datagrams++
	}
	c.bytes += len(b)
	return k, nil
}
