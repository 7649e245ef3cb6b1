package record

import (
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/queuednet/queuednet"
)

// reasons are the errors that programs compare the end of a connection with.
var reasons = []error{
	io.EOF, io.ErrUnexpectedEOF, net.ErrClosed,
	syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE,
	queuednet.ErrSendQueueFull,
	queuednet.ErrGivenUp,
	queuednet.ErrManagerClosed,
	queuednet.ErrWriteTimeout,
	queuednet.ErrNoAnswer,
	queuednet.ErrFirstDatagram,
	queuednet.ErrIdle,
	queuednet.ErrFlooding,
	queuednet.ErrForeignConnection,
	queuednet.ErrWrongKind,
	queuednet.ErrAlreadyAdded,
	queuednet.ErrHeaderSize,
	queuednet.ErrNotAdmitted,
	queuednet.ErrNotReady,
}

// An endError is the reason of an end, of which the text was recorded.
type endError struct {
	text   string
	reason error // that it was to errors.Is or errors.As, nil for none
}

func (e *endError) Error() string { return e.text }
func (e *endError) Unwrap() error { return e.reason }

// reasonOf returns an error with this text, which is to errors.Is and errors.As
// what the recorded one was: that stands alone in the text, before its details,
// or, as one of the system's, behind what was done.
func reasonOf(text string) error {
	var reason error
	longest := -1 // some begin or end as others do
	for _, err := range reasons {
		known := err.Error()
		if text == known {
			return err
		}
		if len(known) > longest && (strings.HasPrefix(text, known+": ") || strings.HasSuffix(text, ": "+known)) {
			reason, longest = err, len(known)
		}
	}
	if reason != nil {
		return &endError{text, reason}
	}
	var tooLong queuednet.DatagramTooLongError
	const format = "queuednet: datagram of %d bytes is longer than %d"
	if n, _ := fmt.Sscanf(text, format, &tooLong.Length, &tooLong.Max); n == 2 {
		return &endError{text, &tooLong}
	}
	return &endError{text: text}
}
