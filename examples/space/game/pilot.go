package game

// An ID names a pilot. 0 is nobody.
type ID uint16

const (
	respawnTicks = 150
	shieldTicks  = 150
	healAfter    = 240 // ticks without a hit
	healEvery    = 10
	killHealth   = 35 // what a kill gives back

	maxInputs  = 30 // that wait
	hurryAbove = 4  // inputs that wait: then two are taken a tick
	coastAfter = 12 // ticks without an input
)

// An Input is what a client did in one tick.
type Input struct {
	Seq  uint32 // counts up by one
	View uint32 // the tick at which the player saw the others
	Keys Keys
}

// A Pilot is who plays, and its ship.
type Pilot struct {
	ID            ID
	Far           bool // another node flies it: see Fleet
	Ship          Ship
	Health        int // at most MaxHealth
	Shield        int // ticks in which nothing hurts it
	Down          int // ticks until it has a ship again, 0 if it has one
	Kills, Deaths uint16
	Ack           uint32 // the Seq of the last input that was taken
	LastKeys      uint32 // the tick in which a key was down, or the pilot came

	inputs  []Input
	keys    Keys // of the last step, for others to see
	starved int  // ticks without an input
	calm    int  // ticks since the last hit
	since   uint32
	places  [32]Vec // where the ship was in a tick, at tick % 32
}

// Queue adds an input that has come. One too many, and one that was there
// before, is dropped.
func (p *Pilot) Queue(in Input) {
	last := p.Ack
	if n := len(p.inputs); n > 0 {
		last = p.inputs[n-1].Seq
	}
	if int32(in.Seq-last) <= 0 {
		return
	}
	if len(p.inputs) == maxInputs {
		p.inputs = append(p.inputs[:0], p.inputs[1:]...)
	}
	p.inputs = append(p.inputs, in)
}

// Restart forgets the inputs that wait: the next ones come from a client that
// counts anew, after 0.
func (p *Pilot) Restart() {
	p.inputs = p.inputs[:0]
	p.Ack = 0
	p.starved = 0
}

// due is how many inputs this tick takes. It is one as a rule, none when they are
// late, and two while too many wait: a step each, so that the client predicts right.
func (p *Pilot) due() int {
	if len(p.inputs) > hurryAbove {
		return 2
	}
	return min(len(p.inputs), 1)
}

// step is the pilot's tick.
func (p *Pilot) step(w *World) {
	if p.Far {
		p.drift(w)
		return
	}
	p.steer(w)
	if p.Down > 0 {
		if p.Down--; p.Down == 0 {
			w.spawn(p)
		}
		return
	}
	p.places[w.Tick%32] = p.Ship.Pos
	p.Shield = max(p.Shield-1, 0)
	if p.calm++; p.calm > healAfter && p.calm%healEvery == 0 {
		p.Health = min(p.Health+1, MaxHealth)
	}
}

// steer takes the inputs that are due. Without any for a while the ship drifts.
func (p *Pilot) steer(w *World) {
	n := p.due()
	for _, in := range p.inputs[:n] {
		if in.Keys != 0 {
			p.LastKeys = w.Tick
		}
		p.Ack = in.Seq
		p.move(w, in)
	}
	p.inputs = append(p.inputs[:0], p.inputs[n:]...)
	if p.starved++; n > 0 {
		p.starved = 0
	}
	if p.starved > coastAfter {
		p.move(w, Input{View: w.Tick})
	}
}

// move is one step of the ship, if there is one.
func (p *Pilot) move(w *World, in Input) {
	if p.Down > 0 {
		return
	}
	p.keys = in.Keys
	fired, impact := p.Ship.Step(in.Keys, w.Arena)
	if fired {
		p.Shield = 0
		w.fire(p, in)
	}
	if hurt := int(impact/One-3) * 4; hurt > 0 {
		w.hurt(p, hurt, 0)
	}
}

// placeAt returns where the ship was in a tick not long ago. It is false if it
// was not there.
func (p *Pilot) placeAt(tick uint32) (Vec, bool) {
	if p.Down > 0 || int32(tick-p.since) < 0 {
		return Vec{}, false
	}
	return p.places[tick%32], true
}
