package distributed

import (
	"errors"
	"time"
)

// Panda3D's configuration variables of these names have the same defaults.
const (
	timeManagerMaxUncertainty = time.Second
	timeManagerMaxAttempts    = 5
	timeManagerFrequency      = 1800 * time.Second
	timeManagerMinWait        = 10 * time.Second
)

// clockDrift is how fast an estimate becomes less certain: by a second an hour.
const clockDrift = 1.0 / 3600

// ErrTooSoon is the answer to synchronizing again within 10 seconds.
var ErrTooSoon = errors.New("distributed: synchronized a moment ago")

// A TimeManager is a client's side of the network's clock, which an AI has as a
// TimeManagerAI: register it for the class TimeManager of direct.dc, and open the zone
// that the AI has it in. It asks for the time when it appears, and then every half hour in
// which Synchronize is polled. It is Panda3D's TimeManager.
type TimeManager struct {
	DistributedObject
	context  uint8
	attempts int
	asked    time.Time // when the last question was sent
	began    time.Time // when the synchronization that is under way began, or the last one
	waiting  bool      // for an answer

	synced      bool
	delta       time.Duration // network time is local time less this
	uncertainty time.Duration
	measured    time.Time // when
	start       time.Time // local time 0
}

// NewTimeManager returns a TimeManager, for Register.
func NewTimeManager() Object { return &TimeManager{} }

// AnnounceGenerate asks for the time.
func (m *TimeManager) AnnounceGenerate() {
	m.start = m.now()
	_ = m.Synchronize()
}

func (m *TimeManager) now() time.Time { return m.repository.config.Now() }

// Synchronize asks for the time now. It fails with ErrTooSoon within 10 seconds of the
// last time. It is Panda3D's synchronize.
func (m *TimeManager) Synchronize() error {
	if m.repository == nil {
		return ErrNoObject
	}
	if now := m.now(); !m.began.IsZero() && now.Sub(m.began) < timeManagerMinWait {
		return ErrTooSoon
	}
	m.began, m.attempts = m.now(), 0
	return m.ask()
}

// Poll asks for the time again if the last answer is half an hour old. Call it once a
// frame, or as often as is convenient.
func (m *TimeManager) Poll() {
	if m.repository != nil && m.now().Sub(m.began) >= timeManagerFrequency {
		_ = m.Synchronize()
	}
}

func (m *TimeManager) ask() error {
	m.asked, m.waiting = m.now(), true
	m.attempts++
	return m.SendUpdate("requestServerTime", m.context)
}

// ServerTime takes an answer: hundredths of a second on the AI's clock.
func (m *TimeManager) ServerTime(context uint8, hundredths int32) error {
	if context != m.context || !m.waiting {
		return nil
	}
	now := m.now()
	m.waiting = false
	middle := m.local(m.asked) + now.Sub(m.asked)/2
	m.merge(middle-time.Duration(hundredths)*10*time.Millisecond, now.Sub(m.asked)/2, now)
	if m.uncertainty > timeManagerMaxUncertainty && m.attempts < timeManagerMaxAttempts {
		return m.ask()
	}
	m.context++
	m.synced = true
	return nil
}

// merge takes in a new estimate: the result is what it and the older one have in
// common, or, if they have nothing in common, the new one.
func (m *TimeManager) merge(delta, uncertainty time.Duration, now time.Time) {
	if !m.measured.IsZero() {
		older := m.uncertainty + time.Duration(float64(now.Sub(m.measured))*clockDrift)
		low := max(delta-uncertainty, m.delta-older)
		high := min(delta+uncertainty, m.delta+older)
		if low <= high {
			delta, uncertainty = (low+high)/2, (high-low)/2
		}
	}
	m.delta, m.uncertainty, m.measured = delta, uncertainty, now
}

func (m *TimeManager) local(t time.Time) time.Duration { return t.Sub(m.start) }

// Synchronized reports whether the network's time is known. Panda3D has the event
// gotTimeSync.
func (m *TimeManager) Synchronized() bool { return m.synced }

// NetworkTime returns the time on the AI's clock at the local time t, and by how much
// it may be wrong. Before it is Synchronized it means nothing.
func (m *TimeManager) NetworkTime(t time.Time) (network, uncertainty time.Duration) {
	return m.local(t) - m.delta, m.uncertainty
}

// LocalTime returns the local time at a time on the AI's clock. It is Panda3D's
// networkToLocalTime.
func (m *TimeManager) LocalTime(network time.Duration) time.Time {
	return m.start.Add(network + m.delta)
}

// A networkClock is an object that knows the network time.
type networkClock interface{ networkNow() time.Duration }

func (m *TimeManager) networkNow() time.Duration {
	network, _ := m.NetworkTime(m.now())
	return network
}

func (m *TimeManagerAI) networkNow() time.Duration { return m.NetworkTime() }

// A TimeManagerAI is the clock of an AI, for the class TimeManager of direct.dc: created
// in a zone that all clients open, it answers their questions. It is Panda3D's
// TimeManagerAI.
type TimeManagerAI struct {
	DistributedObject
	start time.Time
}

// NewTimeManagerAI returns a TimeManagerAI, for Register.
func NewTimeManagerAI() Object { return &TimeManagerAI{} }

// Generate starts the clock.
func (m *TimeManagerAI) Generate() { m.start = m.repository.config.Now() }

// RequestServerTime answers the client that asks.
func (m *TimeManagerAI) RequestServerTime(context uint8) error {
	return m.SendUpdateTo(m.repository.AvatarIDFromSender(), "serverTime", context, hundredths(m.NetworkTime()))
}

// NetworkTime returns the time since the clock was started.
func (m *TimeManagerAI) NetworkTime() time.Duration { return m.repository.config.Now().Sub(m.start) }

// hundredths returns a time as it is sent: rounded, and modulo 2³².
func hundredths(t time.Duration) int32 {
	const unit = 10 * time.Millisecond
	t += unit / 2
	n := t / unit
	if t%unit < 0 {
		n--
	}
	return int32(int64(n))
}

// Timestamp returns the 16-bit form of a network time, which fields such as
// setComponentT have.
func Timestamp(network time.Duration) int16 { return int16(hundredths(network)) }

// FromTimestamp returns the network time nearest to now that has this 16-bit form: at
// most 327.68 seconds away.
func FromTimestamp(timestamp int16, now time.Duration) time.Duration {
	difference := timestamp - Timestamp(now)
	return time.Duration(int64(hundredths(now))+int64(difference)) * 10 * time.Millisecond
}
