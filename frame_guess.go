package queuednet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// Nothing on the wire says that both ends speak the same protocol with the same header
// size. If they do not, the first bytes of the peer mostly show what it is. That
// explains the end better than the length that those bytes happen to spell.

// A mismatchError is the reason of an end, with a guess at what the peer's first bytes
// are.
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

// knownBeginnings are the first bytes of clients that often come to the wrong port.
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

// guessPeer guesses what the first bytes of a peer are. It returns "" if it cannot
// tell, or if they look like what a reader with this header size expects: a length of 4
// bytes whose upper half is 0 may be just that.
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
	}
	const little, big = false, true
	switch {
	case areFrames(b, headerSize, little):
	case headerSize == 4 && len(b) >= 4 && b[2]|b[3] != 0 && areFrames(b, 2, little):
		return "datagrams with a header of 2 bytes, not 4"
	case headerSize == 2 && areFrames(b, 4, little):
		return "datagrams with a header of 4 bytes, not 2"
	case areFrames(b, 2, big):
		return "datagrams with a big-endian header of 2 bytes"
	case areFrames(b, 4, big):
		return "datagrams with a big-endian header of 4 bytes"
	}
	return ""
}

// areFrames reports whether b is whole frames, none of them empty, and no more.
func areFrames(b []byte, headerSize int, bigEndian bool) bool {
	for rest := b; len(rest) > headerSize; {
		n := payloadLength(rest, headerSize)
		switch {
		case bigEndian && headerSize == 2:
			n = int64(binary.BigEndian.Uint16(rest))
		case bigEndian:
			n = int64(binary.BigEndian.Uint32(rest))
		}
		if n == 0 || n > int64(len(rest)-headerSize) {
			return false
		}
		if rest = rest[headerSize+int(n):]; len(rest) == 0 {
			return true
		}
	}
	return false
}
