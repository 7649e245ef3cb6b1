package game

import (
	"errors"
	"fmt"

	"github.com/queuednet/queuednet"
)

// Magic and Version begin the first datagram of a client, so that a server
// recognises what is no client of it, or an old one. Increase Version with every
// change of a message or of a rule that the client predicts.
const (
	Magic   = 0x43505351 // "QSPC"
	Version = 2
)

// Limits of texts, in bytes. Who sends more is cut.
const (
	MaxName = 24
	MaxText = 160
)

// A Kind is the first byte of a datagram and says which message follows.
type Kind uint8

// The messages. Those of a client come first.
const (
	KindHello Kind = 1 + iota
	KindInput
	KindSay
	KindPing
	KindLeave
	KindWelcome
	KindGoodbye
	KindSnapshot
	KindNamed
	KindLeft
	KindScores
	KindRadar
	KindChat
	KindPong
	KindTicket

	// Between servers of one world.
	KindFleet
	KindClaim
)

// A Message is one of the pointers to a message of this package.
type Message interface {
	kind() Kind
	encode(dg *queuednet.Datagram)
	decode(it *queuednet.DatagramIterator)
}

// ErrMessage is for a datagram that is not such a message.
var ErrMessage = errors.New("game: not a message of this game")

// KindOf returns the kind of a datagram, 0 if it is empty.
func KindOf(dg *queuednet.Datagram) Kind {
	it := dg.Iterator()
	return Kind(it.GetUint8())
}

// Encode makes dg the message.
func Encode(dg *queuednet.Datagram, m Message) {
	dg.Clear()
	dg.AddUint8(uint8(m.kind()))
	m.encode(dg)
}

// Decode reads the message from dg. It fails if dg is another message, is too
// short or too long, or has a value that no message has. It uses the memory of m.
func Decode(dg *queuednet.Datagram, m Message) error {
	it := dg.Iterator()
	if kind := Kind(it.GetUint8()); it.Err() != nil || kind != m.kind() {
		return fmt.Errorf("%w: kind %d, not %d", ErrMessage, kind, m.kind())
	}
	m.decode(&it)
	if err := it.Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrMessage, err)
	}
	if n := it.RemainingSize(); n > 0 {
		return fmt.Errorf("%w: %d bytes too many", ErrMessage, n)
	}
	return nil
}

// cut returns the beginning of a text that is not longer, without a broken rune.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && s[most]&0xC0 == 0x80 {
		most--
	}
	return s[:most]
}

func addText(dg *queuednet.Datagram, s string, most int) { dg.AddString(cut(s, most)) }

func getText(it *queuednet.DatagramIterator, most int) string { return cut(it.GetString(), most) }
