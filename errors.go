package queuednet

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
)

// These errors are the answers to calls at the wrong moment, and the reasons of ends.
// Compare them with errors.Is: they come wrapped in the details. The answer to a call on
// something that is closed already is net.ErrClosed.
var (
	// ErrSendQueueFull ends a connection whose peer takes less than it is sent:
	// Config.MaxSendQueue bytes wait. The Send that found the queue full returns it,
	// too.
	ErrSendQueueFull = errors.New("queuednet: send queue full")

	// ErrGivenUp is part of the reason that CloseWithReason of an adopted socket gets
	// if bytes whose Send returned nil were given up: the peer should not see a good
	// end. See [QueuedConnectionManager.AdoptConnection].
	ErrGivenUp = errors.New("queuednet: what was sent has been given up")

	// ErrManagerClosed is the reason that CloseWithReason of an adopted socket gets if
	// the whole manager was closed. It is also a net.ErrClosed.
	ErrManagerClosed = fmt.Errorf("queuednet: the manager is closed: %w", net.ErrClosed)

	// ErrNotAdmitted is the reason that CloseWithReason gets of a socket that an
	// adopted rendezvous accepted and that did not come in: a limit on accepting
	// refused it, or the rendezvous was closed, or removed from its listener.
	ErrNotAdmitted = errors.New("queuednet: the connection was not let in")

	// ErrWriteTimeout ends a connection whose peer has taken no byte for
	// Config.WriteTimeout although some were waiting. It is also an
	// os.ErrDeadlineExceeded.
	ErrWriteTimeout = fmt.Errorf("queuednet: the peer takes nothing: %w", os.ErrDeadlineExceeded)

	// ErrNoAnswer ends a connection whose peer, or the way to it, has died without a
	// word: for the time of Config.AckTimeout or KeepAliveIdle the system got no
	// answer, neither to data nor to questions. It wraps the reason of the system, such
	// as ETIMEDOUT or EHOSTUNREACH. It is also an os.ErrDeadlineExceeded.
	ErrNoAnswer = fmt.Errorf("queuednet: the peer does not answer: %w", os.ErrDeadlineExceeded)

	// ErrFirstDatagram ends a connection whose first whole datagram did not arrive
	// within Config.FirstDatagramTimeout. It is also an os.ErrDeadlineExceeded.
	ErrFirstDatagram = fmt.Errorf("queuednet: no first datagram: %w", os.ErrDeadlineExceeded)

	// ErrIdle ends a connection from which nothing arrived for Config.IdleTimeout. It
	// is also an os.ErrDeadlineExceeded.
	ErrIdle = fmt.Errorf("queuednet: nothing has come: %w", os.ErrDeadlineExceeded)

	// ErrFlooding ends, with Config.EndFloods, a connection whose peer sends more than
	// MaxDatagramsPerSecond or MaxBytesPerSecond allow.
	ErrFlooding = errors.New("queuednet: the peer sends too much")

	// ErrForeignConnection is the answer to a nil connection, or to one of another
	// manager.
	ErrForeignConnection = errors.New("queuednet: not a connection of this manager")

	// ErrWrongKind is the answer to a connection of the wrong kind for the call (a
	// stream, a UDP socket or a rendezvous), and to adopting nil.
	ErrWrongKind = errors.New("queuednet: wrong kind of connection")

	// ErrAlreadyAdded is the answer to a connection that is in a reader, or in a
	// listener, already.
	ErrAlreadyAdded = errors.New("queuednet: connection already added")

	// ErrHeaderSize is the answer to a TCP header size that Panda3D's wire format does
	// not have. It is also the answer to a size, or to raw mode, that does not fit an
	// adopted socket which carries datagrams, such as a WebSocket.
	ErrHeaderSize = errors.New("queuednet: unsupported TCP header size")

	// ErrNotReady is the result of a PendingConnection that is still connecting.
	ErrNotReady = errors.New("queuednet: still connecting")
)

// A FieldError says which field of a datagram could not be read or written.
// It is an io.ErrUnexpectedEOF to errors.Is when the datagram was too short.
type FieldError struct {
	Field  string // the field's type as in the method's name, such as "uint32" or "string"
	Offset int    // where in the datagram the field begins, in bytes
	Need   int    // how many bytes the field needs there
	Have   int    // how many there are; when writing, how many fit
	Write  bool   // the field was being added, not read
}

// Error names the field, its offset, and the bytes needed and had.
func (e *FieldError) Error() string {
	if e.Write {
		return fmt.Sprintf("queuednet: cannot add %s at offset %d: %d bytes, at most %d fit", e.Field, e.Offset, e.Need, e.Have)
	}
	return fmt.Sprintf("queuednet: cannot read %s at offset %d: needs %d bytes, has %d", e.Field, e.Offset, e.Need, e.Have)
}

// Unwrap returns io.ErrUnexpectedEOF for a failed read, else nil.
func (e *FieldError) Unwrap() error {
	if e.Write {
		return nil
	}
	return io.ErrUnexpectedEOF
}

// A DatagramTooLongError reports a datagram longer than allowed. A peer that announces
// one loses its connection; one that the program sends is refused, and nothing else
// happens. A peer that announces one mostly means something else: see [Connection.Err].
type DatagramTooLongError struct {
	Length int64 // of the datagram, in bytes, without its header
	Max    int64
}

// Error names both lengths.
func (e *DatagramTooLongError) Error() string {
	return fmt.Sprintf("queuednet: datagram of %d bytes is longer than %d", e.Length, e.Max)
}

// A ConfigError names the field of Config whose value is impossible.
type ConfigError struct {
	Field string
	Value any
}

// Error names the field and its value.
func (e *ConfigError) Error() string {
	return fmt.Sprintf("queuednet: Config.%s cannot be %v", e.Field, e.Value)
}
