package record

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/datagramfile"
)

// A Replay plays a recording to a program, through the program's own manager,
// listener and reader. Its connections are like any other: the listener yields
// them, they have the recorded addresses, and they end with the recorded
// reasons. What the program sends to them goes nowhere. The listener also
// yields the connections that the recorded program had opened itself, except
// those of UDP: the program opens them with OpenUDPConnection of the Replay,
// and their packets come from the recorded senders. A replay waits until the
// program has opened them.
//
// The program learns of everything in the order of the recording, over all
// connections and at any speed: a datagram is fed when the one before it is in
// the queue of the reader. Between arrivals, datagrams and ends the replay
// waits until the program has taken all that is queued, because the three
// queues have no order among them. So the manager must belong to the replay
// alone, the loop must take what it took when it was recorded, and connections
// must be added to a reader, or closed: a replay waits for that.
//
// How many datagrams a drain finds, and how much time of the program's passes,
// is as in the recording only at speed 1, and only to within a few frames: each
// change between arrivals, datagrams and ends takes a frame, and a recording
// that has more of them than frames takes longer. In a bubble of
// testing/synctest a replay takes no time, and is the same each time.
//
// The replay does not end a connection that the program had closed itself: the
// program will close it again. Connections that were open at the end of the
// recording stay open until the program closes them, or its manager.
//
// The methods may be called from any goroutine.
type Replay struct {
	reader     *queuednet.QueuedConnectionReader
	manager    *queuednet.QueuedConnectionManager
	rendezvous *queuednet.Connection
	events     *source
	speed      float64
	done       chan struct{}
	err        error // for when done is closed

	// Of the goroutine alone.
	entrance  *entrance
	start     time.Time
	peers     map[uint32]*peer
	sockets   map[uint32]*udpPeer
	frame     []byte
	unsettled int             // what was fed over UDP since the program has last taken all
	noTime    context.Context // one that is done
}

// NewReplay prepares to play a recording into the manager of the reader. It
// plays once a listener has its Rendezvous. Datagrams are put into frames with
// the header size that the reader has, or without frames if it is in raw mode.
// Header size and raw mode must be the same for all readers that the program
// adds these connections to, and raw mode must be as it was when the datagrams
// were recorded.
//
// A speed of 1 keeps to the recorded times, 2 takes half of them, and 0 is as
// fast as the program takes the datagrams. The beginning of the recording is
// read at once, which BLOCKS as its generator does. A goroutine of the replay
// reads the rest, and ends when the replay is Done or stopped: leave the
// generator alone until then.
//
// It fails with ErrFormat if this is no recording, with the error of its
// generator, and with net.ErrClosed if the manager is closed.
func NewReplay(reader *queuednet.QueuedConnectionReader, recording datagramfile.DatagramGenerator, speed float64) (*Replay, error) {
	if !(speed >= 0 && speed <= math.MaxFloat64) {
		return nil, fmt.Errorf("record: speed cannot be %v", speed)
	}
	manager := reader.Manager()
	if manager == nil {
		return nil, net.ErrClosed
	}
	decoder, err := newDecoder(recording)
	if err != nil {
		return nil, err
	}
	entrance := newEntrance()
	rendezvous, err := manager.AdoptRendezvous(entrance)
	if err != nil {
		entrance.close()
		return nil, err
	}
	noTime, cancel := context.WithCancel(context.Background())
	cancel()
	r := &Replay{
		reader:     reader,
		manager:    manager,
		rendezvous: rendezvous,
		events:     &source{decoder: decoder},
		speed:      speed,
		done:       make(chan struct{}),
		entrance:   entrance,
		peers:      make(map[uint32]*peer),
		sockets:    make(map[uint32]*udpPeer),
		noTime:     noTime,
	}
	go func() {
		defer close(r.done)
		r.err = r.play()
	}()
	return r, nil
}

// Rendezvous returns the rendezvous through which the recorded connections
// come: add it to a listener. To stop a replay, close it, or the manager.
func (r *Replay) Rendezvous() *queuednet.Connection { return r.rendezvous }

// Done reports whether the replay is over: the program has taken all that was
// recorded, up to where the recording ends or cannot be read any further; or
// the replay was stopped. A loop that plays a recording to its end is
//
//	for !replay.Done() { frame() }
//
// In a bubble of testing/synctest a frame must take some time.
func (r *Replay) Done() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// Err returns nil until Done, and also afterwards if the recording was played
// to its end. Otherwise it returns what is wrong with the recording, as
// NewReplay does, or net.ErrClosed if the replay was stopped. What was recorded
// before the damage has been played.
func (r *Replay) Err() error {
	if !r.Done() {
		return nil
	}
	return r.err
}

// Wait BLOCKS until Done, and returns Err; or until ctx is done, and returns
// the error of ctx. The loop must run meanwhile, on another goroutine.
func (r *Replay) Wait(ctx context.Context) error {
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// play is the goroutine.
func (r *Replay) play() error {
	if err := r.entrance.wait(r.entrance.asked, nil); err != nil {
		return err
	}
	// In a bubble the program may be asking just now, and may ask again at the
	// very times of the recording. What it learned then is to be there the next
	// time, not perhaps.
	if err := r.sleep(minPause); err != nil {
		return err
	}
	r.start = time.Now()
	var before kind
	for {
		e, err := r.events.next()
		if err != nil {
			return r.over(err)
		}
		if queue := e.queue(); queue != 0 { // else the program did it itself, at any time
			if queue != before && before != 0 {
				if err := r.settle(); err != nil {
					return err
				}
			}
			before = queue
		}
		if err := r.await(e.time); err != nil {
			return err
		}
		if err := r.event(e); err != nil {
			return r.over(err)
		}
	}
}

// over waits until the program has taken all that was fed, and returns what Err
// tells then.
func (r *Replay) over(err error) error {
	stopped := r.settle()
	switch {
	case stopped != nil:
		return stopped
	case err == io.EOF:
		return nil
	}
	return err
}

// event lets the program know of an event.
func (r *Replay) event(e event) error {
	if e.kind == udpOpened || r.sockets[e.number] != nil {
		return r.udpEvent(e)
	}
	p := r.peers[e.number]
	switch e.kind {
	case opened:
		p = newPeer(r.entrance.ctx, e.address)
		r.peers[e.number] = p
		return r.entrance.enter(p)
	case received:
		if r.reader.RawMode() {
			return p.feed(r.entrance, e.payload)
		}
		frame, err := appendFrame(r.frame[:0], r.reader.TCPHeaderSize(), e.payload)
		if err != nil {
			return fmt.Errorf("record: event %d: %w", e.count, err)
		}
		r.frame = frame
		return p.feed(r.entrance, frame)
	case ended:
		r.drop(e.number)
		return p.leave(r.entrance, e.reason)
	default:
		r.drop(e.number)
		return nil
	}
}

// drop forgets a peer that gets nothing more.
func (r *Replay) drop(number uint32) {
	r.peers[number].unhook()
	delete(r.peers, number)
}

// await waits until the time of an event.
func (r *Replay) await(at time.Duration) error {
	if r.speed == 0 {
		return nil
	}
	const longest = 100 * 365 * 24 * time.Hour
	at = time.Duration(min(float64(at)/r.speed, float64(longest)))
	return r.sleep(time.Until(r.start.Add(at)))
}

const (
	minPause = 100 * time.Microsecond
	maxPause = time.Millisecond
)

// settle waits until the program has taken all that is queued, and a little
// longer: the last step of taking what came over a connection is to report its
// end.
func (r *Replay) settle() error {
	r.unsettled = 0
	for pause := minPause; r.queued(); pause = min(2*pause, maxPause) {
		if err := r.sleep(pause); err != nil {
			return err
		}
	}
	return r.sleep(minPause)
}

// queued reports whether anything is queued anywhere in the manager.
func (r *Replay) queued() bool { return r.manager.WaitForReaders(r.noTime) == nil }

func (r *Replay) sleep(d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-r.entrance.ctx.Done():
		return net.ErrClosed
	}
}

// appendFrame appends a datagram as it is sent over TCP.
func appendFrame(b []byte, headerSize int, payload []byte) ([]byte, error) {
	most := int64(math.MaxUint32)
	if headerSize == 2 {
		most = math.MaxUint16
	}
	length := int64(len(payload))
	switch {
	case length > most:
		return b, &queuednet.DatagramTooLongError{Length: length, Max: most}
	case headerSize == 2:
		b = binary.LittleEndian.AppendUint16(b, uint16(length))
	default:
		b = binary.LittleEndian.AppendUint32(b, uint32(length))
	}
	return append(b, payload...), nil
}
