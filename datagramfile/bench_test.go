package datagramfile

import (
	"bytes"
	"io"
	"testing"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/require"
)

// Once the memory is there, nothing is allocated for a datagram.
func TestNoAllocations(t *testing.T) {
	var (
		datagram queuednet.Datagram
		b        DatagramBuffer
	)
	datagram.PadBytes(1000)
	f := NewDatagramOutputFile(io.Discard)
	require.Zero(t, testing.AllocsPerRun(1000, func() { require.NoError(t, f.PutDatagram(&datagram)) }), "put into a file")
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		b.Clear()
		require.NoError(t, b.PutDatagram(&datagram))
		require.NoError(t, b.GetDatagram(&datagram))
	}), "put into and get from a buffer")
	in := NewDatagramInputFile(&endless{data: b.Data()})
	require.Zero(t, testing.AllocsPerRun(1000, func() { require.NoError(t, in.GetDatagram(&datagram)) }), "get from a file")
	require.Equal(t, 1000, datagram.Length())
}

// An endless file repeats its data.
type endless struct {
	data []byte
	next int
}

func (e *endless) Read(b []byte) (int, error) {
	n := 0
	for n < len(b) {
		m := copy(b[n:], e.data[e.next:])
		n += m
		e.next = (e.next + m) % len(e.data)
	}
	return n, nil
}

func benchmark(b *testing.B, size int, once func(*queuednet.Datagram) error) {
	var datagram queuednet.Datagram
	datagram.PadBytes(size)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		if err := once(&datagram); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPutFile(b *testing.B) {
	benchmark(b, 64, NewDatagramOutputFile(io.Discard).PutDatagram)
}

func BenchmarkGetFile(b *testing.B) {
	var data bytes.Buffer
	put(b, NewDatagramOutputFile(&data), string(make([]byte, 64)))
	benchmark(b, 64, NewDatagramInputFile(&endless{data: data.Bytes()}).GetDatagram)
}

func BenchmarkBuffer(b *testing.B) {
	var buffer DatagramBuffer
	benchmark(b, 64, func(datagram *queuednet.Datagram) error {
		buffer.Clear()
		if err := buffer.PutDatagram(datagram); err != nil {
			return err
		}
		return buffer.GetDatagram(datagram)
	})
}
