package game

import "github.com/queuednet/queuednet"

func (*Snapshot) kind() Kind { return KindSnapshot }

func (m *Snapshot) encode(dg *queuednet.Datagram) {
	dg.AddUint32(m.Tick)
	dg.AddUint32(m.Ack)
	addShip(dg, &m.Own)
	dg.AddUint8(m.Health)
	dg.AddUint8(m.Shield)
	dg.AddUint8(m.Down)
	dg.AddUint16(uint16(len(m.Others)))
	for i := range m.Others {
		addSight(dg, &m.Others[i])
	}
	dg.AddUint16(uint16(len(m.Events)))
	for i := range m.Events {
		addEvent(dg, &m.Events[i], m.Tick)
	}
}

func (m *Snapshot) decode(it *queuednet.DatagramIterator) {
	m.Tick = it.GetUint32()
	m.Ack = it.GetUint32()
	m.Own = getShip(it)
	m.Health = it.GetUint8()
	m.Shield = it.GetUint8()
	m.Down = it.GetUint8()
	m.Others, m.Events = m.Others[:0], m.Events[:0]
	for range it.GetUint16() {
		s := getSight(it)
		if it.Err() != nil {
			return
		}
		m.Others = append(m.Others, s)
	}
	for range it.GetUint16() {
		e := getEvent(it, m.Tick)
		if it.Err() != nil {
			return
		}
		m.Events = append(m.Events, e)
	}
}

func addVec(dg *queuednet.Datagram, v Vec) {
	dg.AddInt32(v.X)
	dg.AddInt32(v.Y)
}

func getVec(it *queuednet.DatagramIterator) Vec { return Vec{it.GetInt32(), it.GetInt32()} }

func addShip(dg *queuednet.Datagram, s *Ship) {
	addVec(dg, s.Pos)
	addVec(dg, s.Vel)
	dg.AddUint16(uint16(s.Angle))
	dg.AddUint16(s.Energy)
	dg.AddUint8(s.Reload)
}

func getShip(it *queuednet.DatagramIterator) Ship {
	return Ship{getVec(it), getVec(it), Angle(it.GetUint16()), it.GetUint16(), it.GetUint8()}
}

// fine is how many of the low bits of a place nobody can see: a 16th of a unit
// is left, and 16 bits.
const fine = 6

func rounded(v Vec) Vec {
	return Vec{min(max(v.X, 0), Size-1) >> fine << fine, min(max(v.Y, 0), Size-1) >> fine << fine}
}

func addSight(dg *queuednet.Datagram, s *Sight) {
	dg.AddUint16(uint16(s.ID))
	dg.AddUint16(uint16(s.Pos.X >> fine))
	dg.AddUint16(uint16(s.Pos.Y >> fine))
	dg.AddUint16(uint16(s.Angle))
	dg.AddUint8(s.Health)
	dg.AddUint8(uint8(s.Marks))
}

func getSight(it *queuednet.DatagramIterator) Sight {
	return Sight{
		ID:     ID(it.GetUint16()),
		Pos:    Vec{int32(it.GetUint16()) << fine, int32(it.GetUint16()) << fine},
		Angle:  Angle(it.GetUint16()),
		Health: it.GetUint8(),
		Marks:  Marks(it.GetUint8()),
	}
}

// addEvent writes the fields that an event of its kind has.
func addEvent(dg *queuednet.Datagram, e *Event, now uint32) {
	dg.AddUint8(uint8(e.What))
	dg.AddUint8(uint8(now - e.Tick))
	dg.AddUint16(uint16(e.Who))
	addVec(dg, e.Pos)
	switch e.What {
	case Fired:
		dg.AddUint16(e.Shot)
		dg.AddUint8(e.Seq)
		addVec(dg, e.Vel)
	case Hit:
		dg.AddUint16(e.Shot)
		dg.AddUint16(uint16(e.By))
	case Destroyed:
		dg.AddUint16(uint16(e.By))
		addVec(dg, e.Vel)
	}
}

func getEvent(it *queuednet.DatagramIterator, now uint32) Event {
	e := Event{What: EventKind(it.GetUint8())}
	e.Tick = now - uint32(it.GetUint8())
	e.Who = ID(it.GetUint16())
	e.Pos = getVec(it)
	switch e.What {
	case Fired:
		e.Shot = it.GetUint16()
		e.Seq = it.GetUint8()
		e.Vel = getVec(it)
	case Hit:
		e.Shot = it.GetUint16()
		e.By = ID(it.GetUint16())
	case Destroyed:
		e.By = ID(it.GetUint16())
		e.Vel = getVec(it)
	case Spawned:
	default:
		it.SkipBytes(it.RemainingSize() + 1) // no such event: the datagram is broken
	}
	return e
}
