package websocket

import "encoding/binary"

// A framer cuts what a manager writes, frames in pieces of any length, into datagrams.
// A frame that is whole in one piece is not copied. Of any other it keeps the
// beginning, and so holds at most one datagram.
type framer struct {
	headerSize int                         // 2 or 4
	send       func(datagram []byte) error // gets each datagram
	part       *buffer                     // the beginning of a frame, its header included; nil: none
}

// write sends each datagram that p completes. It returns how many bytes of p have
// been dealt with, which is all unless send fails.
func (f *framer) write(p []byte) (n int, err error) {
	for n < len(p) {
		frame, took := f.next(p[n:])
		if frame != nil {
			if err := f.send(frame[f.headerSize:]); err != nil {
				f.putBack(took)
				return n, err
			}
			f.forget()
		}
		n += took
	}
	return n, nil
}

// next returns a whole frame, nil if p does not complete any, and how many bytes
// of p it used.
func (f *framer) next(p []byte) (frame []byte, took int) {
	if f.part == nil {
		if need := f.need(p); int64(len(p)) >= need {
			return p[:need], int(need)
		}
		f.part = newBuffer()
	}
	part := f.part
	for took < len(p) {
		n := int(min(f.need(part.b)-int64(len(part.b)), int64(len(p)-took)))
		part.b = append(part.b, p[took:took+n]...)
		took += n
		if len(part.b) >= f.headerSize && int64(len(part.b)) == f.need(part.b) {
			return part.b, took
		}
	}
	return nil, took
}

// putBack takes the last n bytes off the part again, because the caller will write them
// once more.
func (f *framer) putBack(n int) {
	if f.part != nil {
		f.part.b = f.part.b[:len(f.part.b)-n]
	}
}

// forget gives up the part of a frame that is there.
func (f *framer) forget() {
	f.part.free()
	f.part = nil
}

// need returns the length of the frame that begins with b, or the length of its header
// if b does not hold all of that.
func (f *framer) need(b []byte) int64 {
	switch {
	case len(b) < f.headerSize:
		return int64(f.headerSize)
	case f.headerSize == 2:
		return 2 + int64(binary.LittleEndian.Uint16(b))
	default:
		return 4 + int64(binary.LittleEndian.Uint32(b))
	}
}

// single reports whether p is exactly one frame.
func (f *framer) single(p []byte) bool {
	return f.part == nil && len(p) >= f.headerSize && f.need(p) == int64(len(p))
}

// setHeader writes the header of a datagram of this length to the beginning of b.
func setHeader(b []byte, headerSize int, length int64) {
	switch headerSize {
	case 2:
		binary.LittleEndian.PutUint16(b, uint16(length))
	case 4:
		binary.LittleEndian.PutUint32(b, uint32(length))
	}
}
