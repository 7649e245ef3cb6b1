package queuednet

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
)

// What a call made at the wrong moment answers, and why a connection ended.
// Compare with errors.Is: they come wrapped in the details. A call on
// something already closed answers with net.ErrClosed.
var (
	// ErrSendQueueFull ends a connection whose peer takes less than it is sent:
	// Config.MaxSendQueue bytes wait. The Send that found it full returns it too.
	ErrSendQueueFull = errors.New("queuednet: send queue full")

	// ErrGivenUp is part of the reason that CloseWithReason of an adopted socket
	// gets when bytes whose Send returned nil have been given up: its peer should
	// see no good end. See AdoptConnection.
	ErrGivenUp = errors.New("queuednet: what was sent has been given up")

	// ErrManagerClosed is the reason that CloseWithReason of an adopted socket
	// gets when the whole manager was closed. It is a net.ErrClosed.
	ErrManagerClosed = fmt.Errorf("queuednet: the manager is closed: %w", net.ErrClosed)

	// ErrNotAdmitted is the reason that CloseWithReason of a socket gets that an
	// adopted rendezvous accepted and that did not come in: a limit on accepting
	// refused it, or the rendezvous was closed or left its listener.
	ErrNotAdmitted = errors.New("queuednet: the connection was not let in")

	// ErrWriteTimeout ends a connection whose peer has taken no byte for
	// Config.WriteTimeout although there was something to take.
	// It is also an os.ErrDeadlineExceeded.
	ErrWriteTimeout = fmt.Errorf("queuednet: the peer takes nothing: %w", os.ErrDeadlineExceeded)

	// ErrNoAnswer ends a connection whose peer, or the way to it, has died without
	// a word: it has answered the system for the time of Config.AckTimeout or
	// KeepAliveIdle neither data nor questions. The system's reason, such as
	// ETIMEDOUT or EHOSTUNREACH, is wrapped beside it. It is also an
	// os.ErrDeadlineExceeded.
	ErrNoAnswer = fmt.Errorf("queuednet: the peer does not answer: %w", os.ErrDeadlineExceeded)

	// ErrFirstDatagram ends a connection whose first whole datagram has not come
	// within Config.FirstDatagramTimeout. It is also an os.ErrDeadlineExceeded.
	ErrFirstDatagram = fmt.Errorf("queuednet: no first datagram: %w", os.ErrDeadlineExceeded)

	// ErrIdle ends a connection from which nothing has come for
	// Config.IdleTimeout. It is also an os.ErrDeadlineExceeded.
	ErrIdle = fmt.Errorf("queuednet: nothing has come: %w", os.ErrDeadlineExceeded)

	// ErrFlooding ends, with Config.EndFloods, a connection whose peer sends more
	// than MaxDatagramsPerSecond or MaxBytesPerSecond.
	ErrFlooding = errors.New("queuednet: the peer sends too much")

	// ErrForeignConnection is for a nil connection, or one of another manager.
	ErrForeignConnection = errors.New("queuednet: not a connection of this manager")

	// ErrWrongKind is for a connection of another kind than the call is for, which
	// may be a stream, a UDP socket or a rendezvous, and for adopting nil.
	ErrWrongKind = errors.New("queuednet: wrong kind of connection")

	// ErrAlreadyAdded is for a connection that a reader (or a listener) has already.
	ErrAlreadyAdded = errors.New("queuednet: connection already added")

	// ErrHeaderSize is for a TCP header size that Panda3D's wire format does
	// not have, and for one, or for raw mode, that does not fit an adopted socket
	// which carries datagrams: such as a WebSocket.
	ErrHeaderSize = errors.New("queuednet: unsupported TCP header size")

	// ErrNotReady is the result of a PendingConnection that is still under way.
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

// A DatagramTooLongError is for a datagram longer than allowed: one that a peer
// announces ends its connection, one that is sent is refused and changes nothing.
// A peer that announces one mostly means something else: see Connection.Err.
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
