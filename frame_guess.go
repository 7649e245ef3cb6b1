package queuednet

import (
	"bytes"
	"errors"
	"io"
)

// Nothing on the wire tells that both ends speak the same protocol with the same
// header size. Where they do not, the first bytes mostly tell what the peer is,
// which is a better reason for the end than the length that they happen to be.

// A mismatchError is the reason of an end, and what the peer's first bytes
// probably are.
type mismatchError struct {
	reason error
	guess  string
}

func (e *mismatchError) Error() string {
	return e.reason.Error() + ": what the peer sent is probably " + e.guess
}
func (e *mismatchError) Unwrap() error { return e.reason }

// withGuess adds a guess, if there is one, to a reason that it may explain.
func withGuess(reason error, guess string) error {
	var tooLong *DatagramTooLongError
	switch {
	case guess == "":
	case errors.As(reason, &tooLong), reason == io.ErrUnexpectedEOF, reason == ErrFirstDatagram, reason == ErrIdle:
		return &mismatchError{reason, guess}
	}
	return reason
}

// knownBeginnings are of protocols that are often meant for another port.
var knownBeginnings = []struct{ begin, guess string }{
	{"GET ", guessHTTP}, {"HEAD ", guessHTTP}, {"POST ", guessHTTP}, {"PUT ", guessHTTP},
	{"DELETE ", guessHTTP}, {"OPTIONS ", guessHTTP}, {"PATCH ", guessHTTP}, {"CONNECT ", guessHTTP},
	{"TRACE ", guessHTTP}, {"PRI * HTTP/2", guessHTTP},
	{"HTTP/", "an HTTP response"},
	{"SSH-", "an SSH greeting"},
	{"PROXY ", guessProxy}, {"\r\n\r\n\x00\r\nQUIT\n", guessProxy},
}

const (
	guessHTTP  = "an HTTP request"
	guessProxy = "a header of the PROXY protocol"
)

// guessPeer returns what the first bytes of a peer probably are, "" if they do
// not tell, or seem to be what a reader with this header size expects. Where the
// upper half of a length of 4 bytes is 0, that may be just what it is.
func guessPeer(b []byte, headerSize int) string {
	for _, known := range knownBeginnings {
		if bytes.HasPrefix(b, []byte(known.begin)) {
			return known.guess
		}
	}
	switch isTLS := len(b) > 5 && b[0] == 22 && b[1] == 3 && b[2] <= 4; {
	case isTLS && b[5] == 1:
		return "a TLS client hello"
	case isTLS && b[5] == 2:
		return "a TLS server hello"
	case len(b) == 7 && b[0] == 21 && b[1] == 3 && b[2] <= 4:
		return "a TLS alert"
	case headerSize == 4 && len(b) >= 4 && b[2]|b[3] != 0 && areFrames(b, 2) && !areFrames(b, 4):
		return "datagrams with a header of 2 bytes, not 4"
	case headerSize == 2 && areFrames(b, 4) && !areFrames(b, 2):
		return "datagrams with a header of 4 bytes, not 2"
	}
	return ""
}

// areFrames reports whether b is whole frames, none of them empty, and no more.
func areFrames(b []byte, headerSize int) bool {
	for rest := b; len(rest) > headerSize; {
		n := payloadLength(rest, headerSize)
		if n == 0 || n > int64(len(rest)-headerSize) {
			return false
		}
		if rest = rest[headerSize+int(n):]; len(rest) == 0 {
			return true
		}
	}
	return false
}
