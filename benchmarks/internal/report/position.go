package report

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"testing"

	"github.com/queuednet/queuednet"
)

// A position is a message as games send it many times a frame.
type position struct {
	id               uint16
	x, y, z, h, p, r float32
	time             float64
	flags            uint8
	name             []byte
}

func (m *position) equal(other *position) bool {
	return m.id == other.id && m.x == other.x && m.y == other.y && m.z == other.z && m.h == other.h && m.p == other.p &&
		m.r == other.r && m.time == other.time && m.flags == other.flags && bytes.Equal(m.name, other.name)
}

// fixedPosition is the same for encoding/binary, which knows no lengths.
type fixedPosition struct {
	ID               uint16
	X, Y, Z, H, P, R float32
	Time             float64
	Flags            uint8
	NameLength       uint16
	Name             [12]byte
}

var (
	aPosition = position{4711, 1.5, -2.5, 3.5, 90, 0, -45, 1234.5, 0x81, []byte("Oswald Riese")}
	fixed     = fixedPosition{4711, 1.5, -2.5, 3.5, 90, 0, -45, 1234.5, 0x81, 12, [12]byte([]byte("Oswald Riese"))}
	encoded   = aPosition.append(nil)
)

// addTo is how a program that uses queuednet encodes it.
func (m *position) addTo(dg *queuednet.Datagram) {
	dg.AddUint16(m.id)
	dg.AddFloat32(m.x)
	dg.AddFloat32(m.y)
	dg.AddFloat32(m.z)
	dg.AddFloat32(m.h)
	dg.AddFloat32(m.p)
	dg.AddFloat32(m.r)
	dg.AddFloat64(m.time)
	dg.AddUint8(m.flags)
	dg.AddBlob(m.name)
}

// getFrom is how it decodes it.
func (m *position) getFrom(it *queuednet.DatagramIterator) error {
	m.id = it.GetUint16()
	m.x = it.GetFloat32()
	m.y = it.GetFloat32()
	m.z = it.GetFloat32()
	m.h = it.GetFloat32()
	m.p = it.GetFloat32()
	m.r = it.GetFloat32()
	m.time = it.GetFloat64()
	m.flags = it.GetUint8()
	m.name = it.GetBlob()
	return it.Err()
}

// append is the hand-written encoder.
func (m *position) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, m.id)
	b = binary.LittleEndian.AppendUint32(b, math.Float32bits(m.x))
	b = binary.LittleEndian.AppendUint32(b, math.Float32bits(m.y))
	b = binary.LittleEndian.AppendUint32(b, math.Float32bits(m.z))
	b = binary.LittleEndian.AppendUint32(b, math.Float32bits(m.h))
	b = binary.LittleEndian.AppendUint32(b, math.Float32bits(m.p))
	b = binary.LittleEndian.AppendUint32(b, math.Float32bits(m.r))
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(m.time))
	b = append(b, m.flags)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(m.name)))
	return append(b, m.name...)
}

// slice is the hand-written decoder.
func (m *position) slice(b []byte) error {
	const size = 2 + 6*4 + 8 + 1 + 2
	if len(b) < size {
		return io.ErrUnexpectedEOF
	}
	m.id = binary.LittleEndian.Uint16(b)
	m.x = math.Float32frombits(binary.LittleEndian.Uint32(b[2:]))
	m.y = math.Float32frombits(binary.LittleEndian.Uint32(b[6:]))
	m.z = math.Float32frombits(binary.LittleEndian.Uint32(b[10:]))
	m.h = math.Float32frombits(binary.LittleEndian.Uint32(b[14:]))
	m.p = math.Float32frombits(binary.LittleEndian.Uint32(b[18:]))
	m.r = math.Float32frombits(binary.LittleEndian.Uint32(b[22:]))
	m.time = math.Float64frombits(binary.LittleEndian.Uint64(b[26:]))
	m.flags = b[34]
	n := int(binary.LittleEndian.Uint16(b[35:]))
	if len(b) < size+n {
		return io.ErrUnexpectedEOF
	}
	m.name = b[size : size+n]
	return nil
}

// The benchmarks fail when a message comes out different.

func encodeQueuednet(b *testing.B) {
	b.ReportAllocs()
	var dg queuednet.Datagram
	for b.Loop() {
		dg.Clear()
		aPosition.addTo(&dg)
	}
	check(b, bytes.Equal(dg.Message(), encoded) && dg.Err() == nil)
}

func decodeQueuednet(b *testing.B) {
	b.ReportAllocs()
	dg := queuednet.NewDatagram(encoded)
	var got position
	var err error
	for b.Loop() {
		it := dg.Iterator()
		err = got.getFrom(&it)
	}
	check(b, err == nil && got.equal(&aPosition))
}

func encodeByHand(b *testing.B) {
	b.ReportAllocs()
	var buffer []byte
	for b.Loop() {
		buffer = aPosition.append(buffer[:0])
	}
	check(b, bytes.Equal(buffer, encoded))
}

func decodeByHand(b *testing.B) {
	b.ReportAllocs()
	var got position
	var err error
	for b.Loop() {
		err = got.slice(encoded)
	}
	check(b, err == nil && got.equal(&aPosition))
}

// encodeBinary uses the fastest of the package's functions.
func encodeBinary(b *testing.B) {
	b.ReportAllocs()
	var buffer []byte
	var err error
	for b.Loop() {
		buffer, err = binary.Append(buffer[:0], binary.LittleEndian, &fixed)
	}
	check(b, err == nil && bytes.Equal(buffer, encoded))
}

func decodeBinary(b *testing.B) {
	b.ReportAllocs()
	var got fixedPosition
	var err error
	for b.Loop() {
		_, err = binary.Decode(encoded, binary.LittleEndian, &got)
	}
	check(b, err == nil && got == fixed)
}

func check(b *testing.B, ok bool) {
	if !ok {
		b.Fatal("the message came out different")
	}
}
