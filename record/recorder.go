package record

import (
	"errors"
	"fmt"
	"iter"
	"net"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/datagramfile"
)

// A Recorder hands out what a reader has received, and writes it down. The loop
// drains the Recorder instead of the reader, by the same methods, and tells it
// which connections opened and ended.
//
// A sink that fails does not disturb the program: it ends the recording, which
// Err tells, and the datagrams go on. The calls of the loop do the writing, so
// they BLOCK as the sink does; with a datagramfile.DatagramOutputFile that is a
// copy, and a write of 64 KiB now and then. A datagram is written before the
// program sees it: with a deferred Flush, the datagram that makes the loop
// panic is in the recording.
//
// A recording contains everything that was received, passwords and addresses
// included.
//
// A Recorder is for the goroutine of the loop.
type Recorder struct {
	reader  *queuednet.QueuedConnectionReader
	sink    datagramfile.DatagramSink // nil: nothing is recorded
	start   time.Time
	numbers map[*queuednet.Connection]uint32 // 0: it is over, but something may still be queued
	last    uint32
	drains  int    // drains that have ended
	over    []over // the connections of number 0, the oldest first
	event   queuednet.Datagram
	err     error
}

// An over connection, and how many drains had ended by then.
type over struct {
	conn   *queuednet.Connection
	drains int
}

// NewRecorder begins a recording of what the reader receives. With a nil sink
// nothing is recorded, so the loop is the same with and without a recording.
func NewRecorder(reader *queuednet.QueuedConnectionReader, sink datagramfile.DatagramSink) *Recorder {
	r := &Recorder{
		reader:  reader,
		sink:    sink,
		start:   time.Now(),
		numbers: make(map[*queuednet.Connection]uint32),
	}
	if r.recording() {
		beginRecording(&r.event, r.start)
		r.put()
	}
	return r
}

// Datagrams drains the reader as its own Datagrams does, and records each
// datagram before it yields it.
func (r *Recorder) Datagrams() iter.Seq[*queuednet.NetDatagram] {
	return func(yield func(*queuednet.NetDatagram) bool) {
		for datagram := range r.reader.Datagrams() {
			r.received(datagram)
			if !yield(datagram) {
				return
			}
		}
		r.drained()
	}
}

// DataAvailable is DataAvailable of the reader.
func (r *Recorder) DataAvailable() bool {
	available := r.reader.DataAvailable()
	if !available {
		r.drained()
	}
	return available
}

// GetData takes a datagram as the reader's GetData does, and records it.
func (r *Recorder) GetData(datagram *queuednet.NetDatagram) bool {
	if !r.reader.GetData(datagram) {
		r.drained()
		return false
	}
	r.received(datagram)
	return true
}

// Opened records that there is a new connection. Call it, before its first
// datagram, for each connection that the listener yields or that the program
// has opened, UDP included. A connection that was never told of is recorded
// with its first datagram.
func (r *Recorder) Opened(conn *queuednet.Connection) {
	if _, known := r.numbers[conn]; known || conn == nil || !r.recording() {
		return
	}
	r.number(conn)
}

// Ended records that a connection is over, with the reason that its Err tells.
// Call it for each connection that the reset queue yields, and for each that
// the program closes itself. Nothing more is recorded of the latter, even if
// the loop still takes datagrams that were queued.
func (r *Recorder) Ended(conn *queuednet.Connection) {
	number := r.numbers[conn]
	if number == 0 || !r.recording() {
		return
	}
	r.numbers[conn] = 0
	r.over = append(r.over, over{conn, r.drains})
	reason := conn.Err()
	if reason == nil || errors.Is(reason, net.ErrClosed) {
		r.putEvent(event{kind: closed, number: number})
		return
	}
	text := reason.Error()
	r.putEvent(event{kind: ended, number: number, reason: text[:min(len(text), longestReason)]})
}

// Err returns why recording has stopped, nil as long as it goes on.
func (r *Recorder) Err() error { return r.err }

// Flush flushes the sink: what was recorded so far can be replayed even if the
// program crashes. It returns Err if the recording has stopped.
func (r *Recorder) Flush() error {
	if r.recording() {
		r.fail(r.sink.Flush())
	}
	return r.err
}

// received records a datagram.
func (r *Recorder) received(datagram *queuednet.NetDatagram) {
	if !r.recording() {
		return
	}
	conn := datagram.Connection()
	number, known := r.numbers[conn]
	switch {
	case !known:
		number = r.number(conn)
	case number == 0:
		return
	}
	e := event{kind: received, number: number, payload: datagram.Message()}
	if conn.IsUDP() {
		e.kind, e.address, e.local = packet, datagram.Address(), datagram.LocalAddress()
		if e.local == conn.LocalAddress() {
			e.local = queuednet.NetAddress{}
		}
	}
	r.putEvent(e)
}

// number records a new connection, and gives it its number.
func (r *Recorder) number(conn *queuednet.Connection) uint32 {
	r.last++
	r.numbers[conn] = r.last
	e := event{kind: opened, number: r.last, address: conn.Address()}
	if conn.IsUDP() {
		e.kind = udpOpened
	}
	r.putEvent(e)
	return r.last
}

// drained is called at the end of a drain. The one that was under way when a
// connection was over, and the next, have taken what was queued of it.
func (r *Recorder) drained() {
	r.drains++
	for len(r.over) > 0 && r.drains-r.over[0].drains >= 2 {
		delete(r.numbers, r.over[0].conn)
		r.over = r.over[1:]
	}
}

func (r *Recorder) recording() bool { return r.sink != nil && r.err == nil }

func (r *Recorder) putEvent(e event) {
	e.time = time.Since(r.start)
	e.encode(&r.event)
	r.put()
}

func (r *Recorder) put() {
	if r.err == nil {
		r.fail(r.sink.PutDatagram(&r.event))
	}
}

// fail notes an error, which ends the recording.
func (r *Recorder) fail(err error) {
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("record: %w", err)
		r.numbers, r.over = nil, nil
	}
}
