package main

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/examples/internal/cli"
)

// A hello begins with these, so that neither end takes something else for a chat.
const (
	magic   = 0x54414843 // "CHAT"
	version = 1
)

const (
	maxText     = 400  // characters in a line
	maxName     = 16   // characters in the name of a person or a room
	maxDatagram = 2048 // bytes that a client may send at once: a line has at most 4 × maxText

	firstRoom = "lobby"
)

// What a datagram is for is its first byte. From a client:
const (
	msgHello = 1 + iota // uint32 magic, uint8 version, string name, string room, string token, uint64 since
	msgTyped            // string: a text for the room, or a command that begins with a slash
)

// From the server:
const (
	msgWelcome  = 1 + iota // string name, string token: with it the name can be taken again
	msgEntered             // string room, string operator, uint16 count, string name …: who is there
	msgSaid                // uint64 when, string name, string text
	msgJoined              // string name
	msgLeft                // string name, string why
	msgRenamed             // string old, string new
	msgOperator            // string name: of the room, from now on
	msgAnswer              // bool failed, string text: what a command has to say
	msgKicked              // string by, string why; then the server closes
	msgFarewell            // string: the server ends
	msgRefused             // string why; then the server closes
)

// A hello is the first datagram of a client.
type hello struct {
	name, room string
	token      string    // of an earlier welcome, or empty
	since      time.Time // the last line of the room that the client has
}

func (h hello) datagram() *queuednet.Datagram {
	dg := message(msgHello)
	dg.AddUint32(magic)
	dg.AddUint8(version)
	dg.AddString(h.name)
	dg.AddString(h.room)
	dg.AddString(h.token)
	dg.AddUint64(stamp(h.since))
	return dg
}

// readHello reads a hello, which may be that of another program.
func readHello(it queuednet.DatagramIterator) (hello, error) {
	kind, word, is := it.GetUint8(), it.GetUint32(), it.GetUint8()
	if it.Err() != nil || kind != msgHello || word != magic {
		return hello{}, fmt.Errorf("this is a chat of queuednet's examples")
	}
	if is != version {
		return hello{}, fmt.Errorf("this server speaks version %d, you speak %d", version, is)
	}
	h := hello{name: it.GetString(), room: it.GetString(), token: it.GetString(), since: moment(it.GetUint64())}
	return h, it.Err()
}

// message makes a datagram of a kind and some strings.
func message(kind uint8, texts ...string) *queuednet.Datagram {
	dg := new(queuednet.Datagram)
	dg.AddUint8(kind)
	for _, text := range texts {
		dg.AddString(text)
	}
	return dg
}

// A said is what a person said in a room.
type said struct {
	at         time.Time // by the server's clock, later than the one before it
	name, text string
}

func (s said) datagram() *queuednet.Datagram {
	dg := message(msgSaid)
	dg.AddUint64(stamp(s.at))
	dg.AddString(s.name)
	dg.AddString(s.text)
	return dg
}

func answer(failed bool, text string) *queuednet.Datagram {
	dg := message(msgAnswer)
	dg.AddBool(failed)
	dg.AddString(text)
	return dg
}

// stamp is a time on the wire: milliseconds since 1970, 0 for none.
func stamp(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(t.UnixMilli())
}

func moment(stamp uint64) time.Time {
	if stamp == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(stamp))
}

// checkName says what is wrong with the name of a person or a room.
func checkName(name string) error {
	if n := utf8.RuneCountInString(name); n < 1 || n > maxName {
		return fmt.Errorf("a name has 1 to %d characters", maxName)
	}
	for _, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '_' {
			return fmt.Errorf("a name has letters, digits, - and _ only, not %q", r)
		}
	}
	return nil
}

// fold makes one of names that look alike.
func fold(name string) string { return strings.ToLower(name) }

// clean makes a text safe to show, and short.
func clean(text string) string {
	text = cli.Printable(strings.TrimSpace(text))
	if runes := []rune(text); len(runes) > maxText {
		text = string(runes[:maxText]) + "…"
	}
	return text
}
