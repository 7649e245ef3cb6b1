package record

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/datagramfile"
	"github.com/stretchr/testify/require"
)

var timeZero = time.Unix(0, 0)

// recorderOf returns a recorder that writes to nowhere, and a datagram for it.
func recorderOf(t testing.TB) (*Recorder, *queuednet.NetDatagram) {
	p := newProgram(t, nil, datagramfile.NewDatagramOutputFile(io.Discard))
	conn, err := p.manager.AdoptConnection(newPeer(t.Context(), queuednet.NetAddress{}))
	require.NoError(t, err)
	var datagram queuednet.NetDatagram
	datagram.PadBytes(64)
	datagram.SetConnection(conn)
	return p.recorder, &datagram
}

// packetRecorderOf is recorderOf with a packet of UDP.
func packetRecorderOf(t testing.TB) (*Recorder, *queuednet.NetDatagram) {
	p := newProgram(t, nil, datagramfile.NewDatagramOutputFile(io.Discard))
	line := p.openUDP("[::]:4000")
	line.send(t, "[fe80::1%eth0]:1", "[2001:db8::1]:4000", string(make([]byte, 64)), false)
	line.end()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, p.manager.WaitForReaders(ctx))
	var datagram queuednet.NetDatagram
	require.True(t, p.reader.GetData(&datagram))
	require.NotZero(t, datagram.LocalAddress())
	return p.recorder, &datagram
}

func TestRecorderDoesNotAllocate(t *testing.T) {
	for _, of := range []func(testing.TB) (*Recorder, *queuednet.NetDatagram){recorderOf, packetRecorderOf} {
		recorder, datagram := of(t)
		require.Zero(t, testing.AllocsPerRun(1000, func() { recorder.received(datagram) }))
		require.NoError(t, recorder.Err())
	}
}

func BenchmarkRecorder(b *testing.B) {
	recorder, datagram := recorderOf(b)
	b.ReportAllocs()
	for b.Loop() {
		recorder.received(datagram)
	}
	require.NoError(b, recorder.Err())
}

// BenchmarkReplay plays one datagram an operation, of four connections in turn.
func BenchmarkReplay(b *testing.B) {
	all := []event{comes(1), comes(2), comes(3), comes(4)}
	for i := range b.N {
		all = append(all, speaks(uint32(1+i%4), string(make([]byte, 64))))
	}
	data := recording(b, all...)
	p := newProgram(b, nil, nil)
	b.ReportAllocs()
	b.ResetTimer()
	replay, err := NewReplay(p.reader, datagramfile.NewDatagramBuffer(data), 0)
	require.NoError(b, err)
	require.NoError(b, p.listener.AddConnection(replay.Rendezvous()))
	n := 0
	for !replay.Done() {
		for conn := range p.listener.NewConnections() {
			require.NoError(b, p.reader.AddConnection(conn))
		}
		for range p.reader.Datagrams() {
			n++
		}
		time.Sleep(time.Millisecond)
	}
	require.Equal(b, b.N, n)
}
