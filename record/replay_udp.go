package record

import (
	"fmt"
	"slices"
	"sync"

	"github.com/queuednet/queuednet"
)

// OpenUDPConnection takes the place of that of the manager in a replay. It
// returns the next UDP connection of the recording, in the order in which they
// were opened, with the recorded address. What the program sends over it goes
// nowhere. It has to be added to a reader like any other. io.EOF means that the
// recording has no more.
//
// It BLOCKS while the recording is read up to the place at which that
// connection was opened, and holds in memory what is before: little, if the
// program told its Recorder at once by Opened. It fails with the error of the
// recording if that cannot be read so far, and with net.ErrClosed if the
// manager is closed.
func (r *Replay) OpenUDPConnection() (*queuednet.Connection, error) {
	p, err := r.events.nextSocket()
	if err != nil {
		return nil, err
	}
	conn, err := r.manager.AdoptUDPConnection(p)
	if err != nil {
		return nil, err
	}
	p.conn = conn
	close(p.opened)
	return conn, nil
}

// A source reads the recording for the goroutine of a replay, and ahead of it to
// where UDP connections were opened.
type source struct {
	mu      sync.Mutex
	decoder *decoder
	err     error      // of the decoder, which reads no more
	ahead   []event    // read, and not yet handed out
	sockets []*udpPeer // of the UDP connections that were read of, in their order
	taken   int        // of sockets, by the program
	payload []byte     // of the event that was handed out last
}

// next returns the next event, whose payload is valid until the next call.
func (s *source) next() (event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ahead) > 0 {
		e := s.ahead[0]
		s.ahead[0] = event{}
		s.ahead = s.ahead[1:]
		return e, nil
	}
	e, err := s.read()
	s.payload = append(s.payload[:0], e.payload...) // the decoder's may be read over
	e.payload = s.payload
	return e, err
}

// nextSocket reads ahead to the next UDP connection.
func (s *source) nextSocket() (*udpPeer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.taken == len(s.sockets) {
		e, err := s.read()
		if err != nil {
			return nil, err
		}
		e.payload = slices.Clone(e.payload)
		s.ahead = append(s.ahead, e)
	}
	s.taken++
	return s.sockets[s.taken-1], nil
}

// read reads an event. s.mu is held.
func (s *source) read() (event, error) {
	if s.err != nil {
		return event{}, s.err
	}
	e, err := s.decoder.next()
	s.err = err
	if err == nil && e.kind == udpOpened {
		e.socket = newUDPPeer(e.address)
		s.sockets = append(s.sockets, e.socket)
	}
	return e, err
}

// maxUnsettled is how much may be queued over UDP before the program takes it, in
// bytes and, for each packet, perPacket: a reader drops what goes over
// MaxReceiveQueue, which is 512 KiB by default.
const (
	maxUnsettled = 32 << 10
	perPacket    = 256
)

// udpEvent lets the program know of an event of a UDP connection.
func (r *Replay) udpEvent(e event) error {
	p := r.sockets[e.number]
	switch e.kind {
	case udpOpened:
		r.sockets[e.number] = e.socket
		return r.entrance.wait(e.socket.opened, nil)
	case packet:
		return r.feedPacket(p, e)
	case ended:
		delete(r.sockets, e.number)
		return p.leave(r.entrance)
	default:
		delete(r.sockets, e.number)
		return nil
	}
}

// feedPacket makes the library receive a packet. If it drops that all the same,
// because the program's MaxReceiveQueue is small, the packet comes again when the
// program has taken what is queued.
func (r *Replay) feedPacket(p *udpPeer, e event) error {
	// Each has memory of its own: the program may have closed the connection, and the
	// library be just reading.
	b, err := appendPacket(nil, r.reader.RawMode(), e.payload)
	if err != nil {
		return fmt.Errorf("record: event %d: %w", e.count, err)
	}
	cost := len(b) + perPacket
	if r.unsettled > 0 && r.unsettled+cost > maxUnsettled {
		if err := r.settle(); err != nil {
			return err
		}
	}
	for {
		r.unsettled += cost
		full := p.conn.UDPDrops().Full
		if err := p.feed(r.entrance, b, e.address, e.local); err != nil {
			return err
		}
		if p.conn.UDPDrops().Full == full {
			return nil
		}
		if err := r.settle(); err != nil {
			return err
		}
	}
}
