package queuednet

import "encoding/binary"

// Framing without I/O: Panda3D puts the length of a datagram, without the
// header itself, little-endian in front of it.

// maxPayload returns the longest datagram that a header of this size can carry.
func maxPayload(headerSize int) int64 {
	switch headerSize {
	case 2:
		return 1<<16 - 1
	default: // a header of 4 bytes, or none
		return 1<<32 - 1
	}
}

// appendHeader appends the header of a datagram of length bytes.
func appendHeader(b []byte, headerSize, length int) []byte {
	switch headerSize {
	case 2:
		return binary.LittleEndian.AppendUint16(b, uint16(length))
	case 4:
		return binary.LittleEndian.AppendUint32(b, uint32(length))
	default:
		return b
	}
}

// newFrame returns a block with a datagram behind its header.
func newFrame(headerSize int, payload []byte) *block {
	frame := newBlock(headerSize + len(payload))
	frame.b = append(appendHeader(frame.b, headerSize, len(payload)), payload...)
	frame.frames = 1
	return frame
}

// payloadLength reads a header, which must be there. It is 64 bits wide
// because the peer may announce more than an int holds.
func payloadLength(b []byte, headerSize int) int64 {
	if headerSize == 2 {
		return int64(binary.LittleEndian.Uint16(b))
	}
	return int64(binary.LittleEndian.Uint32(b))
}

// cut finds the whole frames that lie in b from start on, notes where each ends,
// and returns where the last one does. A frame that announces more than limit
// bytes ends the span with an error; the frames before it still count.
func (b *block) cut(start, headerSize int, limit int64) (end int, err error) {
	bytes, ends := b.b, b.ends
	end = start
	for len(bytes)-end >= headerSize {
		n := payloadLength(bytes[end:], headerSize)
		if n > limit {
			err = &DatagramTooLongError{Length: n, Max: limit}
			break
		}
		if int64(len(bytes)-end-headerSize) < n {
			break
		}
		end += headerSize + int(n)
		ends = append(ends, uint32(end))
	}
	b.ends = ends
	return end, err
}

// firstFrames returns the first n of whole frames, and how many they are; a negative n
// means all.
func firstFrames(b []byte, headerSize, n int) (first []byte, count int) {
	end := 0
	for end < len(b) && count != n {
		end += headerSize + int(payloadLength(b[end:], headerSize))
		count++
	}
	return b[:end], count
}

// lastFrame returns the last of whole frames.
func lastFrame(b []byte, headerSize int) []byte {
	for {
		first, _ := firstFrames(b, headerSize, 1)
		if len(first) == len(b) {
			return b
		}
		b = b[len(first):]
	}
}
