package datagramfile

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/queuednet/queuednet"
)

// A DatagramGenerator gives datagrams, one at a time, in order, and may BLOCK
// as its source does. It is Panda3D's DatagramGenerator, whose is_eof and
// is_error are the error here.
type DatagramGenerator interface {
	// GetDatagram takes the next datagram into that of the caller, which must
	// not be nil. Its memory is used again, and it belongs to the caller. After
	// the last datagram it returns io.EOF, not wrapped. Any other error tells
	// why there may have been more; if it is an io.ErrUnexpectedEOF to
	// errors.Is, the datagrams were cut off inside one, and a *FileError says
	// where. The datagrams that were given before are good in either case.
	GetDatagram(*queuednet.Datagram) error
}

// A DatagramSink takes datagrams, one at a time. Its methods may BLOCK as its
// target does. It is Panda3D's DatagramSink, whose is_error is the error here.
type DatagramSink interface {
	// PutDatagram takes a copy of the datagram, which may be reused at once. It
	// fails with the datagram's own error, and takes nothing then.
	PutDatagram(*queuednet.Datagram) error

	// Flush sends on its way what was put and is still held back.
	Flush() error
}

var (
	_ DatagramSink      = (*DatagramOutputFile)(nil)
	_ DatagramSink      = (*DatagramBuffer)(nil)
	_ DatagramSink      = (*DatagramSinkNet)(nil)
	_ DatagramGenerator = (*DatagramInputFile)(nil)
	_ DatagramGenerator = (*DatagramBuffer)(nil)
	_ DatagramGenerator = (*DatagramGeneratorNet)(nil)
)

var (
	errNilDatagram    = errors.New("datagramfile: nil datagram")
	errHeaderIsLate   = errors.New("datagramfile: the header comes before the first datagram")
	errNegativeHeader = errors.New("datagramfile: negative length of a header")
)

// sendable reports why a datagram cannot be put anywhere.
func sendable(datagram *queuednet.Datagram) error {
	if datagram == nil {
		return errNilDatagram
	}
	return datagram.Err()
}

const (
	escape      = math.MaxUint32 // in place of a size: the size follows in 8 bytes
	sizeLength  = 4
	maxSizeSize = sizeLength + 8
)

// appendSize appends the size of a datagram as it stands before it.
func appendSize(b []byte, size uint64) []byte {
	if size < escape {
		return binary.LittleEndian.AppendUint32(b, uint32(size))
	}
	b = binary.LittleEndian.AppendUint32(b, escape)
	return binary.LittleEndian.AppendUint64(b, size)
}

// A sizeField is what stands before a datagram.
type sizeField struct {
	length int   // of the field itself
	size   int64 // of the datagram
}

// parseSize reads the field at the front of b. It reports false, with the
// length that the field has or at least has, where that is not there.
func parseSize(b []byte) (field sizeField, ok bool) {
	if len(b) < sizeLength {
		return sizeField{length: sizeLength}, false
	}
	size := binary.LittleEndian.Uint32(b)
	if size != escape {
		return sizeField{sizeLength, int64(size)}, true
	}
	if len(b) < maxSizeSize {
		return sizeField{length: maxSizeSize}, false
	}
	// Nobody has 8 EiB: a size beyond an int64 is as impossible as the largest.
	return sizeField{maxSizeSize, int64(min(binary.LittleEndian.Uint64(b[sizeLength:]), math.MaxInt64))}, true
}
