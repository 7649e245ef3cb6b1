package record

import (
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/datagramfile"
)

// ErrFormat is the error for a recording that is not one, is of another
// version, or is corrupt; compare with errors.Is. Its text names the event,
// counted from 1. If a field does not fit into the event, it wraps a
// *queuednet.FieldError with the offset in the event and the bytes needed and
// had.
var ErrFormat = errors.New("record: bad recording")

const (
	magic   = "QNETREC\n"
	version = 2 // 1 has no UDP

	// longestReason bounds the text of an end, which may be anybody's.
	longestReason = 1000
)

// A kind of event; the numbers are those of the layout.
type kind uint8

const (
	opened   kind = 1
	received kind = 2
	closed   kind = 3
	ended    kind = 4

	packet    kind = 5
	udpOpened kind = 6
)

// An event of a recording.
type event struct {
	kind   kind
	number uint32
	time   time.Duration // since the beginning
	count  int           // of those that were read, with this one

	address queuednet.NetAddress // opened: the peer's; packet: the sender's; udpOpened: its own
	local   queuednet.NetAddress // packet: zero if it is not known, or the connection's own
	payload []byte               // received, packet
	reason  string               // ended
	socket  *udpPeer             // udpOpened, in a replay
}

// queue names the one of the program's queues in which it learns of an event, by a
// kind that is in it; 0 is for what it did itself.
func (e *event) queue() kind {
	switch e.kind {
	case packet:
		return received
	case closed, udpOpened:
		return 0
	}
	return e.kind
}

// encode makes datagram the event.
func (e *event) encode(datagram *queuednet.Datagram) {
	datagram.Clear()
	datagram.AddUint8(uint8(e.kind))
	datagram.AddUint32(e.number)
	datagram.AddUint64(uint64(e.time.Microseconds()))
	switch e.kind {
	case opened, udpOpened:
		addAddress(datagram, e.address)
	case received:
		datagram.AppendData(e.payload)
	case packet:
		addAddress(datagram, e.address)
		if e.local == (queuednet.NetAddress{}) {
			datagram.AddString("")
		} else {
			addAddress(datagram, e.local)
		}
		datagram.AppendData(e.payload)
	case ended:
		datagram.AddString(e.reason)
	}
}

// addAddress adds the text of an address as a string. It allocates nothing.
func addAddress(datagram *queuednet.Datagram, address queuednet.NetAddress) {
	var room [64]byte
	text := address.AddrPort().AppendTo(room[:0])
	datagram.AddUint16(uint16(len(text)))
	datagram.AppendData(text)
}

// beginRecording makes datagram the first one of a recording.
func beginRecording(datagram *queuednet.Datagram, now time.Time) {
	datagram.Clear()
	datagram.AppendData([]byte(magic))
	datagram.AddUint16(version)
	datagram.AddInt64(now.UnixMicro())
}

// A decoder reads a recording and believes nothing.
type decoder struct {
	recording datagramfile.DatagramGenerator
	version   uint16
	datagram  queuednet.Datagram
	count     int // events
	time      uint64
	last      uint32          // the newest connection
	open      map[uint32]bool // connections that have not ended: true for UDP
}

// newDecoder reads the beginning of a recording.
func newDecoder(recording datagramfile.DatagramGenerator) (*decoder, error) {
	d := &decoder{recording: recording, open: make(map[uint32]bool)}
	err := recording.GetDatagram(&d.datagram)
	switch {
	case err == io.EOF:
		return nil, fmt.Errorf("%w: it is empty", ErrFormat)
	case err != nil:
		return nil, fmt.Errorf("record: the beginning: %w", err)
	}
	it := d.datagram.Iterator()
	begins, v := string(it.ExtractBytes(len(magic))), it.GetUint16()
	switch {
	case it.Err() != nil: // told below
	case begins != magic:
		return nil, fmt.Errorf("%w: it does not begin with %q", ErrFormat, magic)
	case v == 0 || v > version:
		return nil, fmt.Errorf("%w: version %d, not 1 to %d", ErrFormat, v, version)
	}
	d.version = v
	it.GetInt64()
	if err := whole(&it); err != nil {
		return nil, fmt.Errorf("%w: the beginning: %w", ErrFormat, err)
	}
	return d, nil
}

// next reads an event, whose payload is valid until the next one is read. It is
// io.EOF at the end.
func (d *decoder) next() (event, error) {
	err := d.recording.GetDatagram(&d.datagram)
	switch {
	case err == io.EOF:
		return event{}, io.EOF
	case err != nil:
		return event{}, fmt.Errorf("record: event %d: %w", d.count+1, err)
	}
	d.count++
	e, err := d.parse()
	if err != nil {
		return event{}, fmt.Errorf("%w: event %d: %w", ErrFormat, d.count, err)
	}
	return e, nil
}

func (d *decoder) parse() (event, error) {
	it := d.datagram.Iterator()
	e := event{kind: kind(it.GetUint8()), number: it.GetUint32(), count: d.count}
	micros := it.GetUint64()
	if it.Err() == nil && !d.knows(e.kind) {
		return e, fmt.Errorf("kind %d at offset 0", e.kind)
	}
	err := e.decode(&it)
	if wrong := whole(&it); wrong != nil {
		return e, wrong
	}
	if micros < d.time || micros > math.MaxInt64/uint64(time.Microsecond) {
		return e, fmt.Errorf("it is %d µs after the beginning, and the one before it %d", micros, d.time)
	}
	d.time = micros
	e.time = time.Duration(micros) * time.Microsecond
	if err != nil {
		return e, err
	}
	return e, d.follow(e)
}

// knows reports whether the layout of the recording has a kind.
func (d *decoder) knows(kind kind) bool {
	return kind >= opened && kind <= ended || d.version >= 2 && (kind == packet || kind == udpOpened)
}

// decode reads what there is to tell. The error is that of an address; what is
// missing or left the iterator knows.
func (e *event) decode(it *queuednet.DatagramIterator) (err error) {
	switch e.kind {
	case opened, udpOpened:
		e.address, err = queuednet.ParseNetAddress(it.GetString())
	case received:
		e.payload = it.ExtractBytes(it.RemainingSize())
	case packet:
		e.address, err = queuednet.ParseNetAddress(it.GetString())
		if local := it.GetString(); local != "" && err == nil {
			e.local, err = queuednet.ParseNetAddress(local)
		}
		e.payload = it.ExtractBytes(it.RemainingSize())
	case ended:
		e.reason = it.GetString()
	}
	return err
}

// follow checks that the event can come now.
func (d *decoder) follow(e event) error {
	opens := e.kind == opened || e.kind == udpOpened
	udp, open := d.open[e.number]
	switch {
	case opens && e.number != d.last+1:
		return fmt.Errorf("connection %d is opened after connection %d", e.number, d.last)
	case !opens && !open:
		return fmt.Errorf("connection %d is not open", e.number)
	case e.kind == received && udp, e.kind == packet && !udp:
		return fmt.Errorf("kind %d of connection %d, UDP: %v", e.kind, e.number, udp)
	case opens:
		d.last = e.number
		d.open[e.number] = e.kind == udpOpened
	case e.kind == closed || e.kind == ended:
		delete(d.open, e.number)
	}
	return nil
}

// whole is the error of the iterator, or that something is left.
func whole(it *queuednet.DatagramIterator) error {
	if err := it.Err(); err != nil {
		return err
	}
	if n := it.RemainingSize(); n > 0 {
		return fmt.Errorf("%d bytes too many at offset %d", n, it.CurrentIndex())
	}
	return nil
}
