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

// ErrFormat is for a recording that is none, is of another version, or is
// corrupt; compare with errors.Is. The error names the event, counted from 1,
// and, where a field does not fit into it, as a *queuednet.FieldError the offset
// in the event and the bytes needed and had.
var ErrFormat = errors.New("record: bad recording")

const (
	magic   = "QNETREC\n"
	version = 1

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
)

// An event of a recording.
type event struct {
	kind   kind
	number uint32
	time   time.Duration // since the beginning

	address queuednet.NetAddress // opened
	payload []byte               // received
	reason  string               // ended
}

// begin makes datagram the beginning of an event.
func begin(datagram *queuednet.Datagram, kind kind, number uint32, at time.Duration) {
	datagram.Clear()
	datagram.AddUint8(uint8(kind))
	datagram.AddUint32(number)
	datagram.AddUint64(uint64(at.Microseconds()))
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
	datagram  queuednet.Datagram
	count     int // events
	time      uint64
	last      uint32              // the newest connection
	open      map[uint32]struct{} // connections that have not ended
}

// newDecoder reads the beginning of a recording.
func newDecoder(recording datagramfile.DatagramGenerator) (*decoder, error) {
	d := &decoder{recording: recording, open: make(map[uint32]struct{})}
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
	case v != version:
		return nil, fmt.Errorf("%w: version %d, not %d", ErrFormat, v, version)
	}
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
	e := event{kind: kind(it.GetUint8()), number: it.GetUint32()}
	micros := it.GetUint64()
	var address string
	switch e.kind {
	case opened:
		address = it.GetString()
	case received:
		e.payload = it.ExtractBytes(it.RemainingSize())
	case closed:
	case ended:
		e.reason = it.GetString()
	default:
		if it.Err() == nil {
			return e, fmt.Errorf("kind %d at offset 0", e.kind)
		}
	}
	if err := whole(&it); err != nil {
		return e, err
	}
	if micros < d.time || micros > math.MaxInt64/uint64(time.Microsecond) {
		return e, fmt.Errorf("it is %d µs after the beginning, and the one before it %d", micros, d.time)
	}
	d.time = micros
	e.time = time.Duration(micros) * time.Microsecond
	if e.kind == opened {
		var err error
		e.address, err = queuednet.ParseNetAddress(address)
		if err != nil {
			return e, err
		}
	}
	return e, d.follow(e)
}

// follow checks that the event can come now.
func (d *decoder) follow(e event) error {
	_, open := d.open[e.number]
	switch {
	case e.kind == opened && e.number != d.last+1:
		return fmt.Errorf("connection %d is opened after connection %d", e.number, d.last)
	case e.kind != opened && !open:
		return fmt.Errorf("connection %d is not open", e.number)
	case e.kind == opened:
		d.last = e.number
		d.open[e.number] = struct{}{}
	case e.kind != received:
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
