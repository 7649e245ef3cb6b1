package queuednet

import "testing"

// A position message as games send it: 10 fields, 38 bytes.
type position struct {
	kind             uint16
	id               uint32
	x, y, z, h, p, r float32
	tick             uint32
	key              uint32
}

func (m *position) encode(dg *Datagram) {
	dg.AddUint16(m.kind)
	dg.AddUint32(m.id)
	dg.AddFloat32(m.x)
	dg.AddFloat32(m.y)
	dg.AddFloat32(m.z)
	dg.AddFloat32(m.h)
	dg.AddFloat32(m.p)
	dg.AddFloat32(m.r)
	dg.AddUint32(m.tick)
	dg.AddBEUint32(m.key)
}

func (m *position) decode(it *DatagramIterator) error {
	m.kind = it.GetUint16()
	m.id = it.GetUint32()
	m.x = it.GetFloat32()
	m.y = it.GetFloat32()
	m.z = it.GetFloat32()
	m.h = it.GetFloat32()
	m.p = it.GetFloat32()
	m.r = it.GetFloat32()
	m.tick = it.GetUint32()
	m.key = it.GetBEUint32()
	return it.Err()
}

var benchPosition = position{7, 1, 1.5, -2.5, 3.5, 90, 0, -45, 123_456, 0xFEEDBEEF}

func BenchmarkDatagramEncodePosition(b *testing.B) {
	b.ReportAllocs()
	var dg Datagram
	for b.Loop() {
		dg.Clear()
		benchPosition.encode(&dg)
	}
	b.SetBytes(int64(dg.Length()))
	if dg.Length() != 38 || dg.Err() != nil {
		b.Fatal(dg.String())
	}
}

func BenchmarkDatagramDecodePosition(b *testing.B) {
	b.ReportAllocs()
	var dg Datagram
	benchPosition.encode(&dg)
	b.SetBytes(int64(dg.Length()))
	var got position
	for b.Loop() {
		it := dg.Iterator()
		if err := got.decode(&it); err != nil {
			b.Fatal(err)
		}
	}
	if got != benchPosition {
		b.Fatal(got)
	}
}

func BenchmarkDatagramEncodeString(b *testing.B) {
	b.ReportAllocs()
	var dg Datagram
	for b.Loop() {
		dg.Clear()
		dg.AddString("the magic words are squeamish ossifrage")
	}
}

func BenchmarkDatagramDecodeString(b *testing.B) {
	b.ReportAllocs()
	var dg Datagram
	dg.AddString("the magic words are squeamish ossifrage")
	for b.Loop() {
		it := dg.Iterator()
		if it.GetString() == "" {
			b.Fatal(it.Err())
		}
	}
}
