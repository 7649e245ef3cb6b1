package queuednet

import (
	"bytes"
	"context"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// crowd connects n plain sockets to e, which the reader has.
func crowd(b *testing.B, e *end, n int) (conns []*Connection, raws []*net.TCPConn) {
	_, address := e.listen()
	for range n {
		raw := dialRaw(b, address)
		require.NoError(b, raw.SetDeadline(time.Time{}))
		raws = append(raws, raw)
		conns = append(conns, e.accept())
	}
	return conns, raws
}

// frames returns n framed datagrams of size bytes.
func frames(n, size int) []byte {
	frame := append(appendHeader(nil, 2, size), make([]byte, size)...)
	return bytes.Repeat(frame, n)
}

func BenchmarkIdlePoll(b *testing.B) {
	e := newEnd(b, nil)
	crowd(b, e, 1000)
	for b.Loop() {
		if e.reader.DataAvailable() {
			b.Fatal("data on an idle reader")
		}
	}
}

// Time in the loop to take 30,000 datagrams of 64 bytes from 1,000 connections.
func BenchmarkDrain30000(b *testing.B) {
	const conns, each = 1000, 30
	e := newEnd(b, nil)
	all, raws := crowd(b, e, conns)
	burst := frames(each, 64)
	var took []time.Duration
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		b.StopTimer()
		for _, raw := range raws {
			if _, err := raw.Write(burst); err != nil {
				b.Fatal(err)
			}
		}
		for _, conn := range all {
			eventually(b, "burst queued", func() bool { return queuedBytes(conn) >= int64(len(burst)) })
		}
		b.StartTimer()
		n, start := 0, time.Now()
		for datagram := range e.reader.Datagrams() {
			n += len(datagram.Message())
		}
		took = append(took, time.Since(start))
		if n != conns*each*64 {
			b.Fatal("lost", n)
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2]), "median-ns/op")
}

// Time in the loop to broadcast 64 bytes to 1,000 connections.
func BenchmarkBroadcast1000(b *testing.B) {
	e := newEnd(b, nil)
	all, raws := crowd(b, e, 1000)
	for _, raw := range raws {
		go io.Copy(io.Discard, raw)
	}
	datagram := NewDatagram(make([]byte, 64))
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if err := e.writer.Broadcast(datagram, slices.Values(all)); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		for _, conn := range all {
			eventually(b, "flush", func() bool {
				conn.stream.out.mu.Lock()
				defer conn.stream.out.mu.Unlock()
				return !conn.stream.out.busy
			})
		}
		b.StartTimer()
	}
}

func benchmarkBulk(b *testing.B, size int, drain func(*QueuedConnectionReader) int) {
	e := newEnd(b, nil)
	_, raws := crowd(b, e, 1)
	raw := raws[0]
	each := max(1, readBlock/(size+2))
	burst := frames(each, size)
	sent := make(chan error, 1)
	ctx := context.Background()
	b.SetBytes(int64(size + 2))
	b.ReportAllocs()
	b.ResetTimer()
	go func() {
		for left := b.N; left > 0; left -= each {
			if _, err := raw.Write(burst[:min(left, each)*(size+2)]); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	for got := 0; got < b.N; {
		if err := e.manager.WaitForReaders(ctx); err != nil {
			b.Fatal(err)
		}
		got += drain(e.reader)
	}
	b.StopTimer()
	require.NoError(b, <-sent)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "M/s")
}

func drainDatagrams(r *QueuedConnectionReader) (n int) {
	for range r.Datagrams() {
		n++
	}
	return n
}

func drainGetData() func(*QueuedConnectionReader) int {
	var datagram NetDatagram
	return func(r *QueuedConnectionReader) (n int) {
		for r.DataAvailable() {
			if r.GetData(&datagram) {
				n++
			}
		}
		return n
	}
}

// One connection, drained by a loop that waits.
func BenchmarkBulk(b *testing.B) {
	b.Run("16B", func(b *testing.B) { benchmarkBulk(b, 16, drainDatagrams) })
	b.Run("64B", func(b *testing.B) { benchmarkBulk(b, 64, drainDatagrams) })
	b.Run("512B", func(b *testing.B) { benchmarkBulk(b, 512, drainDatagrams) })
	b.Run("64B_GetData", func(b *testing.B) { benchmarkBulk(b, 64, drainGetData()) })
}

// Send to a peer that takes everything.
func BenchmarkSend(b *testing.B) {
	e := newEnd(b, nil)
	conns, raws := crowd(b, e, 1)
	conn, raw := conns[0], raws[0]
	go io.Copy(io.Discard, raw)
	datagram := NewDatagram(make([]byte, 64))
	b.ReportAllocs()
	for b.Loop() {
		for e.writer.Send(datagram, conn) != nil {
			b.Fatal(conn.Err())
		}
		conn.stream.out.mu.Lock()
		full := conn.stream.out.unsent() > 1<<20
		conn.stream.out.mu.Unlock()
		if full {
			eventually(b, "room", func() bool {
				conn.stream.out.mu.Lock()
				defer conn.stream.out.mu.Unlock()
				return !conn.stream.out.busy
			})
		}
	}
}
