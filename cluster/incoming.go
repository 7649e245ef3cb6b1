package cluster

import (
	"sync"
	"sync/atomic"
)

// incoming is the queue from the receiver to the program: packets, which hold messages,
// and events. An ordered event knows how many packets came before it, so that what a node
// sent stays between the events of its coming and going. mu is held for an append, a swap
// or one event.
type incoming struct {
	limit int64
	ready chan struct{} // capacity one; a token if something was queued

	size   atomic.Int64  // bytes of the packets that the program has not finished
	pushed atomic.Uint64 // packets ever; changed with mu held
	taken  atomic.Uint64 // packets that the program has finished, ever
	polled atomic.Bool   // Events was called
	held   atomic.Bool   // an event has held messages up before that
	free   atomic.Bool   // and nobody has taken it until the next drain: Events is never called, it seems

	// barrier is how many packets come before the first ordered event that is queued,
	// and first how many must have been taken before the first event. noEvent: none.
	barrier atomic.Uint64
	first   atomic.Uint64

	mu      sync.Mutex
	packets []packet
	events  []queuedEvent
	gone    int              // events that were taken out, ever
	added   map[eventKey]int // into events, plus gone
}

const noEvent = ^uint64(0)

type queuedEvent struct {
	Event
	after uint64 // packets that must have been taken before
}

// A packet is a NATS message whose body has been checked.
type packet struct {
	body        []byte
	group       *Group // nil: directed
	epoch       uint32
	kind        kind
	number      uint16
	incarnation uint64
	held        *atomic.Int64 // bytes of its node; nil: this one
}

// messageCost is what a NATS message that waits takes more than it has.
const messageCost = 256

// cost is what a packet counts under MaxReceiveQueue.
func (p *packet) cost() int64 { return int64(len(p.body)) + messageCost }

func (in *incoming) init(limit int) {
	in.limit = int64(limit)
	in.ready = make(chan struct{}, 1)
	in.added = make(map[eventKey]int)
	in.barrier.Store(noEvent)
	in.first.Store(noEvent)
}

// reserve makes room for a packet that push then queues; false: there is none.
func (in *incoming) reserve(p *packet) bool {
	cost := p.cost()
	if in.size.Add(cost) > in.limit {
		in.size.Add(-cost)
		return false
	}
	if p.held != nil {
		p.held.Add(cost)
	}
	return true
}

// push queues packets that have room. tell has to follow.
func (in *incoming) push(packets ...packet) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.packets = append(in.packets, packets...)
	in.pushed.Add(uint64(len(packets)))
}

// tell wakes whoever waits for messages.
func (in *incoming) tell() {
	if in.pushed.Load() != in.taken.Load() {
		signal(in.ready)
	}
}

// takePackets appends to taken what is queued, and swaps the memory.
func (in *incoming) takePackets(taken []packet) []packet {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(taken) == 0 {
		taken, in.packets = in.packets, taken
		return taken
	}
	taken = append(taken, in.packets...)
	clear(in.packets)
	in.packets = in.packets[:0]
	return taken
}

// finish counts a packet that the program is done with.
func (in *incoming) finish(p *packet) {
	in.size.Add(-p.cost())
	if p.held != nil {
		p.held.Add(-p.cost())
	}
	in.taken.Add(1)
	*p = packet{}
}

// raise queues an event.
func (in *incoming) raise(e Event) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if e.Kind.adds() {
		key := e.key()
		if i, ok := in.added[key]; ok {
			in.events[i-in.gone].Missed += e.Missed
			return
		}
		in.added[key] = in.gone + len(in.events)
	}
	var after uint64
	if e.Kind.ordered() {
		after = in.pushed.Load()
	}
	in.events = append(in.events, queuedEvent{e, after})
	if len(in.events) == 1 {
		in.first.Store(after)
	}
	if e.Kind.ordered() && in.barrier.Load() == noEvent {
		in.barrier.Store(after)
	}
	signal(in.ready)
}

// takeEvent takes the first event, unless messages come before it.
func (in *incoming) takeEvent() (e Event, ok bool) {
	if in.taken.Load() < in.first.Load() {
		return e, false
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.taken.Load() < in.first.Load() { // another goroutine was faster
		return e, false
	}
	e = in.events[0].Event
	in.events[0] = queuedEvent{}
	in.events = in.events[1:]
	in.gone++
	if e.Kind.adds() {
		delete(in.added, e.key())
	}
	in.first.Store(noEvent)
	if len(in.events) > 0 {
		in.first.Store(in.events[0].after)
	}
	if e.Kind.ordered() {
		in.nextBarrier()
	}
	return e, true
}

// nextBarrier finds the first ordered event that is queued. mu is held.
func (in *incoming) nextBarrier() {
	for i := range in.events {
		if in.events[i].Kind.ordered() {
			in.barrier.Store(in.events[i].after)
			return
		}
	}
	in.barrier.Store(noEvent)
}

// available reports whether Messages or Events would yield something.
func (in *incoming) available() bool {
	taken := in.taken.Load()
	return taken >= in.first.Load() || in.pushed.Load() > taken && !in.blocked()
}

// blocked reports whether an event has to be taken before the next message.
func (in *incoming) blocked() bool {
	return in.taken.Load() >= in.barrier.Load() && (in.polled.Load() || !in.free.Load())
}

// hold ends a drain because of an event, and begin begins the next one.
func (in *incoming) hold() {
	if !in.polled.Load() {
		in.held.Store(true)
	}
}

func (in *incoming) begin() {
	if in.held.Load() && !in.polled.Load() {
		in.free.Store(true)
	}
}

// queuedEvents returns how many there are.
func (in *incoming) queuedEvents() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.events)
}
