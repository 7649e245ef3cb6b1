package datagramfile

import (
	"io"

	"github.com/queuednet/queuednet"
)

// A DatagramBuffer is a file in memory, in the format of the package
// documentation. Datagrams are put at its end, and got from where the last get
// stopped. The zero value is empty and ready to use.
//
// It is not safe for use by several goroutines at once. It is Panda3D's
// DatagramBuffer.
type DatagramBuffer struct {
	data     []byte
	next     int // where the next get begins
	put, got bool
}

// NewDatagramBuffer returns a buffer that holds data, to be read from its
// beginning. The memory belongs to the buffer from then on. It is Panda3D's
// DatagramBuffer(data) and set_data.
func NewDatagramBuffer(data []byte) *DatagramBuffer {
	return &DatagramBuffer{data: data}
}

// Data returns all that the buffer holds, whether or not it has been got: its
// own memory, valid until something is put. It is Panda3D's get_data.
func (b *DatagramBuffer) Data() []byte {
	return b.data[:len(b.data):len(b.data)]
}

// Clear makes the buffer empty, and keeps its memory for the datagrams that
// follow. It is Panda3D's clear.
func (b *DatagramBuffer) Clear() {
	*b = DatagramBuffer{data: b.data[:0]}
}

// WriteHeader appends the bytes as they are, with no size before them. It fails
// after the first datagram has been put. It is Panda3D's write_header.
func (b *DatagramBuffer) WriteHeader(header []byte) error {
	if b.put {
		return errHeaderIsLate
	}
	b.data = append(b.data, header...)
	return nil
}

// ReadHeader returns the next n bytes as they are: memory of the buffer, as
// with Data. It fails once a datagram was asked for, and for a negative n. If
// there are fewer bytes, it returns them with a *FileError. It is Panda3D's
// read_header.
func (b *DatagramBuffer) ReadHeader(n int) ([]byte, error) {
	switch {
	case b.got:
		return nil, errHeaderIsLate
	case n < 0:
		return nil, errNegativeHeader
	}
	return b.take("header", b.next, int64(n))
}

// PutDatagram appends a datagram. It fails with the datagram's own error only.
// It is Panda3D's put_datagram.
func (b *DatagramBuffer) PutDatagram(datagram *queuednet.Datagram) error {
	if err := sendable(datagram); err != nil {
		return err
	}
	b.put = true
	b.data = append(appendSize(b.data, uint64(datagram.Length())), datagram.Message()...)
	return nil
}

// Flush does nothing: nothing is held back.
func (b *DatagramBuffer) Flush() error { return nil }

// GetDatagram copies the next datagram into that of the caller, whose memory is
// used again and whose stdfloat setting stays. At the end it returns io.EOF and
// leaves the caller's datagram alone; datagrams that are put after that can be
// got. If the data ends inside a datagram it returns a *FileError, each time,
// and the caller's datagram holds the bytes that are there. It is Panda3D's
// get_datagram.
func (b *DatagramBuffer) GetDatagram(datagram *queuednet.Datagram) error {
	if datagram == nil {
		return errNilDatagram
	}
	b.got = true
	rest := b.data[b.next:]
	if len(rest) == 0 {
		return io.EOF
	}
	field, ok := parseSize(rest)
	if !ok {
		datagram.Clear()
		return b.short("size", b.next, int64(field.length))
	}
	message, err := b.take("datagram", b.next+field.length, field.size)
	datagram.Assign(message)
	return err
}

// take returns n bytes from start and goes on behind them, or returns what
// there is and stays.
func (b *DatagramBuffer) take(part string, start int, n int64) ([]byte, error) {
	if n > int64(len(b.data)-start) {
		return b.data[start:len(b.data):len(b.data)], b.short(part, start, n)
	}
	b.next = start + int(n)
	return b.data[start:b.next:b.next], nil
}

func (b *DatagramBuffer) short(part string, start int, need int64) error {
	return &FileError{
		Part: part, Offset: int64(start), Need: need, Have: int64(len(b.data) - start), Err: io.ErrUnexpectedEOF,
	}
}
