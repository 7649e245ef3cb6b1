package game

import "github.com/queuednet/queuednet"

// A Welcome answers a Hello: the client has a ship.
type Welcome struct {
	ID    ID
	Token Token
	Seed  uint64 // of the Arena
	Tick  uint32
	Name  string // as the others see it
}

func (*Welcome) kind() Kind { return KindWelcome }

func (m *Welcome) encode(dg *queuednet.Datagram) {
	dg.AddUint16(uint16(m.ID))
	dg.AppendData(m.Token[:])
	dg.AddUint64(m.Seed)
	dg.AddUint32(m.Tick)
	addText(dg, m.Name, MaxName)
}

func (m *Welcome) decode(it *queuednet.DatagramIterator) {
	m.ID = ID(it.GetUint16())
	copy(m.Token[:], it.ExtractBytes(len(m.Token)))
	m.Seed = it.GetUint64()
	m.Tick = it.GetUint32()
	m.Name = getText(it, MaxName)
}

// A Goodbye is the last message of a server and says why. The client should come
// back only if Again is set.
type Goodbye struct {
	Again bool
	Text  string
}

func (*Goodbye) kind() Kind { return KindGoodbye }

func (m *Goodbye) encode(dg *queuednet.Datagram) {
	dg.AddBool(m.Again)
	addText(dg, m.Text, MaxText)
}

func (m *Goodbye) decode(it *queuednet.DatagramIterator) {
	m.Again = it.GetBool()
	m.Text = getText(it, MaxText)
}

// A Named tells the name of a pilot who has come.
type Named struct {
	ID   ID
	Name string
}

func (*Named) kind() Kind { return KindNamed }

func (m *Named) encode(dg *queuednet.Datagram) {
	dg.AddUint16(uint16(m.ID))
	addText(dg, m.Name, MaxName)
}

func (m *Named) decode(it *queuednet.DatagramIterator) {
	m.ID = ID(it.GetUint16())
	m.Name = getText(it, MaxName)
}

// A Left tells that a pilot is no more.
type Left struct{ ID ID }

func (*Left) kind() Kind { return KindLeft }

func (m *Left) encode(dg *queuednet.Datagram) { dg.AddUint16(uint16(m.ID)) }

func (m *Left) decode(it *queuednet.DatagramIterator) { m.ID = ID(it.GetUint16()) }

// A Score is a line of the table.
type Score struct {
	ID            ID
	Kills, Deaths uint16
	RoundTrip     uint16 // in ms
	Lost          bool   // it has no connection at the moment
}

// Scores is the whole table.
type Scores struct{ List []Score }

func (*Scores) kind() Kind { return KindScores }

func (m *Scores) encode(dg *queuednet.Datagram) {
	dg.AddUint16(uint16(len(m.List)))
	for _, s := range m.List {
		dg.AddUint16(uint16(s.ID))
		dg.AddUint16(s.Kills)
		dg.AddUint16(s.Deaths)
		dg.AddUint16(s.RoundTrip)
		dg.AddBool(s.Lost)
	}
}

func (m *Scores) decode(it *queuednet.DatagramIterator) {
	m.List = m.List[:0]
	for range it.GetUint16() {
		s := Score{ID(it.GetUint16()), it.GetUint16(), it.GetUint16(), it.GetUint16(), it.GetBool()}
		if it.Err() != nil {
			return
		}
		m.List = append(m.List, s)
	}
}

// A Radar has all ships, roughly.
type Radar struct{ Blips []Blip }

func (*Radar) kind() Kind { return KindRadar }

func (m *Radar) encode(dg *queuednet.Datagram) {
	dg.AddUint16(uint16(len(m.Blips)))
	for _, b := range m.Blips {
		dg.AddUint16(uint16(b.ID))
		dg.AddUint8(b.X)
		dg.AddUint8(b.Y)
	}
}

func (m *Radar) decode(it *queuednet.DatagramIterator) {
	m.Blips = m.Blips[:0]
	for range it.GetUint16() {
		b := Blip{ID(it.GetUint16()), it.GetUint8(), it.GetUint8()}
		if it.Err() != nil {
			return
		}
		m.Blips = append(m.Blips, b)
	}
}

// A Chat is a line that a pilot has said; that of nobody is the server's.
type Chat struct {
	From ID
	Text string
}

func (*Chat) kind() Kind { return KindChat }

func (m *Chat) encode(dg *queuednet.Datagram) {
	dg.AddUint16(uint16(m.From))
	addText(dg, m.Text, MaxText)
}

func (m *Chat) decode(it *queuednet.DatagramIterator) {
	m.From = ID(it.GetUint16())
	m.Text = getText(it, MaxText)
}

// A Pong answers a Ping.
type Pong struct {
	Stamp uint64
	Tick  uint32 // at which the server answered
}

func (*Pong) kind() Kind { return KindPong }

func (m *Pong) encode(dg *queuednet.Datagram) {
	dg.AddUint64(m.Stamp)
	dg.AddUint32(m.Tick)
}

func (m *Pong) decode(it *queuednet.DatagramIterator) {
	m.Stamp = it.GetUint64()
	m.Tick = it.GetUint32()
}
