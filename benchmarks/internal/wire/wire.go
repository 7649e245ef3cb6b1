// Package wire is what the load generator and the servers under test have in
// common: how datagrams are framed, and what is in them.
package wire

import (
	"encoding/binary"
	"time"
)

// HeaderSize is the size of the length before each datagram.
const HeaderSize = 2

// AppendFrame appends a datagram with its length in front.
func AppendFrame(b, payload []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, uint16(len(payload)))
	return append(b, payload...)
}

// Cut returns the length of the whole frames at the front of b.
func Cut(b []byte) (n int) {
	for len(b)-n >= HeaderSize {
		end := n + HeaderSize + int(binary.LittleEndian.Uint16(b[n:]))
		if end > len(b) {
			break
		}
		n = end
	}
	return n
}

// A payload begins with who sent it and its number, then the time, if it has
// 16 bytes; what follows is Pattern.
const (
	NumberSize = 8
	numberBits = 40
)

// FirstNumber is the number of the first datagram over a connection.
func FirstNumber(connection int) uint64 { return uint64(connection) << numberBits }

// Sender tells the connection of a number.
func Sender(number uint64) int { return int(number >> numberBits) }

// Number reads the number of a datagram.
func Number(payload []byte) uint64 { return binary.LittleEndian.Uint64(payload) }

// SetNumber writes the number of a datagram.
func SetNumber(payload []byte, number uint64) { binary.LittleEndian.PutUint64(payload, number) }

// Time tells when a datagram was sent, a time of Now.
func Time(payload []byte) int64 { return int64(binary.LittleEndian.Uint64(payload[NumberSize:])) }

// SetTime writes when a datagram is sent.
func SetTime(payload []byte, now int64) {
	binary.LittleEndian.PutUint64(payload[NumberSize:], uint64(now))
}

// Now is the time in nanoseconds: the processes share the machine's clock.
func Now() int64 { return time.Now().UnixNano() }

// PatternStart is where Pattern begins in a payload.
const PatternStart = 2 * NumberSize

// Pattern returns a payload of a size, with neither number nor time.
func Pattern(size int) []byte {
	payload := make([]byte, size)
	for i := PatternStart; i < size; i++ {
		payload[i] = byte(i * 7)
	}
	return payload
}
