package peer

import (
	"sync"

	"github.com/queuednet/queuednet/benchmarks/internal/wire"
)

// An outbox takes what a loop sends off its hands, for libraries whose writes
// do a system call, or wake somebody, each: the loop appends to a list, and
// what writes takes all of it at once. It is to sending what inbox is to
// receiving.
type outbox struct {
	// schedule makes run be called soon, elsewhere. It is called when the list
	// was empty.
	schedule func()

	mu        sync.Mutex
	now, done jobs
	scheduled bool

	receivers []*link // of the broadcast that the loop is about to give
}

// link is a connection of a peer that uses an outbox.
type link struct {
	box    *outbox
	writer frameWriter
	cutter
}

// frameWriter writes a frame, or what it must copy of it is its own.
type frameWriter interface{ writeFrame(frame []byte) }

// jobs are frames with their receivers.
type jobs struct {
	bytes     []byte
	receivers []*link
	list      []job
}

type job struct{ frame, receivers span }

type span struct{ start, end int }

func (j *jobs) add(payload []byte, receivers ...*link) {
	frame, to := len(j.bytes), len(j.receivers)
	j.bytes = wire.AppendFrame(j.bytes, payload)
	j.receivers = append(j.receivers, receivers...)
	j.list = append(j.list, job{span{frame, len(j.bytes)}, span{to, len(j.receivers)}})
}

func (j *jobs) clear() {
	clear(j.receivers)
	j.bytes, j.receivers, j.list = j.bytes[:0], j.receivers[:0], j.list[:0]
}

func (o *outbox) add(payload []byte, receivers ...*link) {
	o.mu.Lock()
	o.now.add(payload, receivers...)
	schedule := !o.scheduled
	o.scheduled = true
	o.mu.Unlock()
	if schedule {
		o.schedule()
	}
}

// run writes until the list is empty.
func (o *outbox) run() {
	for {
		o.done.clear()
		o.mu.Lock()
		if len(o.now.list) == 0 {
			o.scheduled = false
			o.mu.Unlock()
			return
		}
		o.now, o.done = o.done, o.now
		o.mu.Unlock()
		for _, j := range o.done.list {
			frame := o.done.bytes[j.frame.start:j.frame.end]
			for _, receiver := range o.done.receivers[j.receivers.start:j.receivers.end] {
				receiver.writer.writeFrame(frame)
			}
		}
	}
}

// outboxes are a peer's, each with a part of its connections.
type outboxes []*outbox

// Send implements Server.
func (outboxes) Send(conn Conn, payload []byte) {
	to := conn.(*link)
	to.box.add(payload, to)
}

// Broadcast implements Server.
func (o outboxes) Broadcast(payload []byte, conns []Conn) {
	for _, conn := range conns {
		to := conn.(*link)
		to.box.receivers = append(to.box.receivers, to)
	}
	for _, box := range o {
		if len(box.receivers) > 0 {
			box.add(payload, box.receivers...)
			box.receivers = box.receivers[:0]
		}
	}
}

// newOutboxes returns n with a goroutine each.
func newOutboxes(n int) outboxes {
	boxes := make(outboxes, n)
	for i := range boxes {
		wake := make(chan struct{}, 1)
		box := &outbox{schedule: func() { wake <- struct{}{} }}
		boxes[i] = box
		go func() {
			for range wake {
				box.run()
			}
		}()
	}
	return boxes
}
