package websocket

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/queuednet/queuednet"
)

// The subprotocols. A client offers one of them, and the server refuses a
// client that offers neither.
const (
	// Datagrams carries each datagram as one binary message, without a header.
	Datagrams = "datagrams.queuednet"

	// Stream carries the bytes of a TCP connection as they are, headers
	// included, in binary messages whose boundaries mean nothing.
	Stream = "stream.queuednet"
)

// A CloseError is the reason of an end for which the peer gave a status other
// than 1000, or none at all, which is 1006. If the peer closes with 1000, or
// with a message that has no status, the reason is io.EOF.
type CloseError struct {
	Code   int    // the status of RFC 6455, section 7.4, or one of the peer's own, 4000 to 4999
	Reason string // the text that came with it, up to 123 bytes, chosen by the peer

	cause error // of 1006
}

// Error names the status and the reason.
func (e *CloseError) Error() string {
	text := fmt.Sprintf("websocket: closed with status %d", e.Code)
	if e.Reason != "" {
		text += fmt.Sprintf(" (%q)", e.Reason)
	}
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

// Unwrap returns the error of the socket below if the status is 1006 and the
// system tells, otherwise nil.
func (e *CloseError) Unwrap() error { return e.cause }

// The status codes of RFC 6455 that this package sends.
const (
	statusNormal      = 1000
	statusGoingAway   = 1001
	statusUnsupported = 1003
	statusNone        = 1005 // never sent: there was no status
	statusAbnormal    = 1006 // never sent: there was no closing
	statusPolicy      = 1008
	statusTooBig      = 1009
	statusInternal    = 1011
)

// cutDatagram is what the peer is told if the manager has written only the beginning of
// a datagram, which is given up.
const cutDatagram = "a datagram was cut"

// ErrText ends a connection whose peer sent a text message.
var ErrText = errors.New("websocket: the peer sent a text message, not a binary one")

// ErrUnread ends a connection in a browser whose program takes less than the
// server sends: DialOptions.MaxUnread bytes wait.
var ErrUnread = errors.New("websocket: too much has come that is not taken")

// closedBy returns the reason of an end that the peer asked for.
func closedBy(code int, reason string) error {
	if code == statusNormal || code == statusNone {
		return io.EOF
	}
	return &CloseError{Code: code, Reason: reason}
}

// brokenBy returns the reason of an end that had no close message.
func brokenBy(cause error) error {
	if cause == io.EOF {
		cause = io.ErrUnexpectedEOF // and never a good end
	}
	return &CloseError{Code: statusAbnormal, cause: cause}
}

// statusOf returns what a peer is told about the reason of an end. The text of an error
// that is not the library's stays here, because it may name addresses and paths.
func statusOf(reason error) (code int, text string) {
	var tooLong *queuednet.DatagramTooLongError
	code, text = statusInternal, ""
	switch {
	case reason == nil || reason == io.EOF:
		return statusNormal, ""
	case errors.Is(reason, queuednet.ErrManagerClosed):
		code, text = statusGoingAway, "server closed"
	case errors.Is(reason, net.ErrClosed):
		code = statusNormal
	case errors.As(reason, &tooLong):
		code, text = statusTooBig, fmt.Sprintf("datagram longer than %d bytes", tooLong.Max)
	default:
		for _, known := range reasons {
			if errors.Is(reason, known.reason) {
				code, text = known.code, plain(known.reason)
				break
			}
		}
	}
	if errors.Is(reason, queuednet.ErrGivenUp) && (code == statusNormal || code == statusGoingAway) {
		code, text = statusInternal, plain(queuednet.ErrGivenUp)
	}
	return code, text
}

// reasons are the errors of the library whose texts peers are told.
var reasons = []struct {
	reason error
	code   int
}{
	{queuednet.ErrNotAdmitted, statusPolicy},
	{queuednet.ErrIdle, statusPolicy},
	{queuednet.ErrFirstDatagram, statusPolicy},
	{queuednet.ErrFlooding, statusPolicy},
	{queuednet.ErrSendQueueFull, statusInternal},
	{queuednet.ErrWriteTimeout, statusInternal},
	{queuednet.ErrNoAnswer, statusInternal},
	{ErrUnread, statusInternal},
	{ErrText, statusUnsupported},
}

// plain returns the text of an error of queuednet without its prefix and what it
// wraps, at most as long as a close message allows.
func plain(err error) string {
	const longest = 123
	text := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "queuednet: "), "websocket: ")
	if cause := errors.Unwrap(err); cause != nil {
		text = strings.TrimSuffix(text, ": "+cause.Error())
	}
	for len(text) > longest || !utf8.ValidString(text) {
		text = text[:len(text)-1]
	}
	return text
}

// settings are what a connection needs to know about its manager.
type settings struct {
	headerSize   int   // 0: the stream as it is
	longest      int64 // datagram that is accepted
	closeTimeout time.Duration
	ping         time.Duration // 0: none
}

// settingsOf reads the Config of a manager, nil for the default.
func settingsOf(config *queuednet.Config, ping time.Duration) settings {
	if config == nil {
		config = new(queuednet.Config)
	}
	s := settings{
		headerSize:   cmp.Or(config.TCPHeaderSize, 2),
		longest:      int64(config.MaxDatagramSize),
		closeTimeout: max(cmp.Or(config.CloseTimeout, defaultCloseTimeout), 0),
		ping:         max(cmp.Or(ping, defaultPing), 0),
	}
	longest := int64(math.MaxUint16)
	if s.headerSize == 4 {
		longest = math.MaxUint32
	}
	if s.longest == 0 {
		s.longest = defaultMaxDatagram4
	}
	s.longest = min(s.longest, longest)
	return s
}

// Defaults: those of queuednet.Config, and how often the peer is asked.
const (
	defaultMaxDatagram4 = 1 << 20
	defaultCloseTimeout = 5 * time.Second
	defaultPing         = 15 * time.Second
	defaultMaxUnread    = 16 << 20
)

// forProtocol returns the settings of a connection with this subprotocol.
func (s settings) forProtocol(name string) settings {
	if name == Stream {
		s.headerSize = 0
	}
	return s
}
