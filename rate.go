package queuednet

import "time"

// A bucket bounds how often something happens: so many a second, of which a
// burst's worth may come at once. Everything costs the time that it takes at
// the rate; until is when all that has happened is paid for.
type bucket struct{ until time.Time }

// costOf returns what n of something cost at a rate.
func costOf(n, perSecond int) time.Duration {
	return time.Duration(int64(n) * int64(time.Second) / int64(perSecond))
}

// wait returns how long something must wait; 0 means not at all. When everything is
// paid for, one thing may always happen, whatever it costs.
func (b bucket) wait(now time.Time, cost, burst time.Duration) time.Duration {
	owed := b.until.Sub(now)
	switch {
	case owed <= 0:
		return 0
	case cost > burst:
		return owed
	default:
		return max(owed+cost-burst, 0)
	}
}

// spend counts something that happens.
func (b *bucket) spend(now time.Time, cost time.Duration) {
	if b.until.Before(now) {
		b.until = now
	}
	b.until = b.until.Add(cost)
}

// rates has a bucket for each limit.
type rates struct{ datagrams, bytes bucket }

func (c *Config) limitsRate() bool { return c.MaxDatagramsPerSecond > 0 || c.MaxBytesPerSecond > 0 }

// spend counts a datagram of size bytes, or returns how long it must wait to keep to
// the rates.
func (r *rates) spend(config *Config, now time.Time, size int) (wait time.Duration) {
	var each, bytes time.Duration
	if config.MaxDatagramsPerSecond > 0 {
		each = costOf(1, config.MaxDatagramsPerSecond)
		wait = r.datagrams.wait(now, each, config.RateBurst)
	}
	if config.MaxBytesPerSecond > 0 {
		bytes = costOf(size, config.MaxBytesPerSecond)
		wait = max(wait, r.bytes.wait(now, bytes, config.RateBurst))
	}
	if wait == 0 {
		r.datagrams.spend(now, each)
		r.bytes.spend(now, bytes)
	}
	return wait
}

// owes reports whether some of what was counted is not yet paid for.
func (r *rates) owes(now time.Time) bool {
	return r.datagrams.until.After(now) || r.bytes.until.After(now)
}
