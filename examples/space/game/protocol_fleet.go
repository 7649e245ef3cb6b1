package game

import "github.com/queuednet/queuednet"

// A Ticket is what a client says hello with on another server after this one. It cannot
// be read by the client.
type Ticket struct{ Bytes []byte }

// MaxTicket bounds a ticket, in bytes.
const MaxTicket = 160

func (*Ticket) kind() Kind { return KindTicket }

func (m *Ticket) encode(dg *queuednet.Datagram) { addTicket(dg, m.Bytes) }

func (m *Ticket) decode(it *queuednet.DatagramIterator) { m.Bytes = getTicket(it) }

func addTicket(dg *queuednet.Datagram, ticket []byte) { dg.AddBlob(ticket) }

// getTicket returns a copy, nil for none.
func getTicket(it *queuednet.DatagramIterator) []byte {
	ticket := it.GetBlob()
	if len(ticket) > MaxTicket {
		it.SkipBytes(it.RemainingSize() + 1) // the datagram is broken
		return nil
	}
	return append([]byte(nil), ticket...)
}

func (*Fleet) kind() Kind { return KindFleet }

func (m *Fleet) encode(dg *queuednet.Datagram) {
	dg.AddUint16(uint16(len(m.Ships)))
	for i := range m.Ships {
		addFarShip(dg, &m.Ships[i])
	}
	dg.AddUint16(uint16(len(m.Events)))
	for i := range m.Events {
		addEvent(dg, &m.Events[i], m.Events[i].Tick)
	}
}

func (m *Fleet) decode(it *queuednet.DatagramIterator) {
	m.Ships, m.Events = m.Ships[:0], m.Events[:0]
	for range it.GetUint16() {
		s := getFarShip(it)
		if it.Err() != nil {
			return
		}
		m.Ships = append(m.Ships, s)
	}
	for range it.GetUint16() {
		e := getEvent(it, 0)
		if it.Err() != nil {
			return
		}
		m.Events = append(m.Events, e)
	}
}

func addFarShip(dg *queuednet.Datagram, s *FarShip) {
	dg.AddUint16(uint16(s.ID))
	addText(dg, s.Name, MaxName)
	addShip(dg, &s.Ship)
	dg.AddUint8(s.Health)
	dg.AddUint8(s.Shield)
	dg.AddUint8(s.Down)
	dg.AddUint8(uint8(s.Keys))
	dg.AddUint16(s.Kills)
	dg.AddUint16(s.Deaths)
	dg.AddUint16(s.RoundTrip)
	dg.AddBool(s.Lost)
}

func getFarShip(it *queuednet.DatagramIterator) FarShip {
	return FarShip{
		ID: ID(it.GetUint16()), Name: getText(it, MaxName), Ship: getShip(it),
		Health: it.GetUint8(), Shield: it.GetUint8(), Down: it.GetUint8(), Keys: Keys(it.GetUint8()) & allKeys,
		Kills: it.GetUint16(), Deaths: it.GetUint16(), RoundTrip: it.GetUint16(), Lost: it.GetBool(),
	}
}

func (*Claim) kind() Kind { return KindClaim }

func (m *Claim) encode(dg *queuednet.Datagram) {
	dg.AddUint16(uint16(m.Victim))
	dg.AddUint16(uint16(m.By))
}

func (m *Claim) decode(it *queuednet.DatagramIterator) {
	m.Victim = ID(it.GetUint16())
	m.By = ID(it.GetUint16())
}
