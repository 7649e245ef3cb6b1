package game

import "github.com/queuednet/queuednet"

// A Token proves that a client has played a ship. With it a client that was cut
// off gets the ship back. The zero Token is none.
type Token [16]byte

// A Hello is the first message of a client.
type Hello struct {
	Magic   uint32
	Version uint16
	Name    string
	Token   Token
	Ticket  []byte // for a server that does not know the token; nil is none
}

func (*Hello) kind() Kind { return KindHello }

func (m *Hello) encode(dg *queuednet.Datagram) {
	dg.AddUint32(m.Magic)
	dg.AddUint16(m.Version)
	addText(dg, m.Name, MaxName)
	dg.AppendData(m.Token[:])
	addTicket(dg, m.Ticket)
}

// decode reads no further than the version if it is another: what follows is
// that version's own.
func (m *Hello) decode(it *queuednet.DatagramIterator) {
	*m = Hello{Magic: it.GetUint32(), Version: it.GetUint16()}
	if m.Magic != Magic || m.Version != Version {
		it.SkipBytes(it.RemainingSize())
		return
	}
	m.Name = getText(it, MaxName)
	copy(m.Token[:], it.ExtractBytes(len(m.Token)))
	m.Ticket = getTicket(it)
}

func (*Input) kind() Kind { return KindInput }

func (m *Input) encode(dg *queuednet.Datagram) {
	dg.AddUint32(m.Seq)
	dg.AddUint32(m.View)
	dg.AddUint8(uint8(m.Keys))
}

func (m *Input) decode(it *queuednet.DatagramIterator) {
	m.Seq = it.GetUint32()
	m.View = it.GetUint32()
	m.Keys = Keys(it.GetUint8()) & allKeys
}

// A Say is a line of chat, or a command if it begins with a slash.
type Say struct{ Text string }

func (*Say) kind() Kind { return KindSay }

func (m *Say) encode(dg *queuednet.Datagram) { addText(dg, m.Text, MaxText) }

func (m *Say) decode(it *queuednet.DatagramIterator) { m.Text = getText(it, MaxText) }

// A Ping asks for a Pong with the same stamp.
type Ping struct {
	Stamp     uint64 // the client's own clock, in any unit
	RoundTrip uint16 // what the client has measured, in ms, for the others to see
}

func (*Ping) kind() Kind { return KindPing }

func (m *Ping) encode(dg *queuednet.Datagram) {
	dg.AddUint64(m.Stamp)
	dg.AddUint16(m.RoundTrip)
}

func (m *Ping) decode(it *queuednet.DatagramIterator) {
	m.Stamp = it.GetUint64()
	m.RoundTrip = it.GetUint16()
}

// A Leave says that the player does not come back: its ship is taken away.
type Leave struct{}

func (*Leave) kind() Kind { return KindLeave }

func (*Leave) encode(*queuednet.Datagram) {}

func (*Leave) decode(*queuednet.DatagramIterator) {}
