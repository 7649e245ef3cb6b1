package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/assert"
)

var one, two = source{1, 100}, source{2, 200}

// hears gives an account a message as it comes from a server.
func hears(a *account, kind uint8, of source, number uint32, rest func(d *queuednet.Datagram)) {
	var d queuednet.Datagram
	beginEvent(&d, kind, event{of, a.zone, number})
	if rest != nil {
		rest(&d)
	}
	it := d.Iterator()
	it.GetUint8()
	e := readEvent(&it)
	a.take(kind, e, &it)
}

func is(id uint64) func(d *queuednet.Datagram) {
	return func(d *queuednet.Datagram) { d.AddUint64(id) }
}

func players(ids ...uint64) func(d *queuednet.Datagram) {
	return func(d *queuednet.Datagram) {
		d.AddUint32(1) // the stay
		for _, id := range ids {
			d.AddUint64(id)
		}
	}
}

func shout(player uint64, number uint32) func(d *queuednet.Datagram) {
	return func(d *queuednet.Datagram) {
		d.AddUint64(player)
		d.AddUint32(number)
	}
}

func TestAccountSeesWhoIsThere(t *testing.T) {
	var a account
	a.begin(3)
	hears(&a, kindEnter, one, 9, is(10)) // before the roster, which has it
	hears(&a, kindRoster, one, 10, players(10, 11))
	hears(&a, kindRoster, two, 4, players(20))
	hears(&a, kindEnter, two, 5, is(21))
	hears(&a, kindExit, one, 11, is(11))
	assert.Equal(t, map[uint64]struct{}{10: {}, 20: {}, 21: {}}, a.view())
	hears(&a, kindGone, two, 0, nil)
	assert.Equal(t, map[uint64]struct{}{10: {}}, a.view())
	assert.Equal(t, []tail{{stream{two, 3}, 5}}, a.tails)
	assert.Zero(t, a.unexplained())
	assert.Zero(t, a.unexpected)
}

func TestAccountMissesWhatIsLost(t *testing.T) {
	var a account
	a.begin(3)
	hears(&a, kindRoster, one, 10, players(10))
	hears(&a, kindShout, one, 11, shout(10, 1))
	hears(&a, kindShout, one, 15, shout(10, 5))
	assert.EqualValues(t, 3, a.unexplained())
	hears(&a, kindLost, one, 2, nil)
	assert.EqualValues(t, 1, a.unexplained(), "two of three were reported")
	hears(&a, kindLost, two, 5, nil)
	assert.EqualValues(t, 1, a.unexplained(), "that was another node's")
	hears(&a, kindRoster, one, 16, players(10))
	assert.EqualValues(t, 2, a.unexplained(), "the roster says what it knows of")
	assert.Zero(t, a.unexpected)
	hears(&a, kindShout, one, 16, shout(10, 6))
	assert.EqualValues(t, 1, a.unexpected, "a number came twice")
}

// A shout that is said again on another server has another event, and the same number.
func TestAccountKnowsRepetitions(t *testing.T) {
	var a account
	a.begin(3)
	hears(&a, kindRoster, one, 0, players(10))
	hears(&a, kindRoster, two, 0, players())
	hears(&a, kindShout, one, 1, shout(10, 7))
	hears(&a, kindShout, two, 1, shout(10, 7))
	hears(&a, kindShout, two, 2, shout(10, 8))
	assert.EqualValues(t, 1, a.repeated)
	assert.EqualValues(t, 3, a.messages)
}

// kept returns a demonstration in which all is as promised.
func kept() *demo {
	now := time.Now()
	b := &bot{player: 10}
	b.account.begin(3)
	hears(&b.account, kindRoster, one, 10, players(10))
	hears(&b.account, kindShout, one, 11, shout(10, 1))
	hears(&b.account, kindGone, one, 0, nil)
	s := &swarm{all: []*bot{b}, acked: map[stream][]uint32{{one, 3}: {11}}}
	s.moves = []*move{
		{bot: b, from: one, to: two, lost: now, back: now.Add(time.Second), same: true},
		{bot: b, from: two, to: one, lost: now, back: now.Add(time.Second), same: true, asked: true},
	}
	return &demo{
		slow: 1, stdout: new(bytes.Buffer), swarm: s,
		killed:   killing{number: 1, source: one, noticed: map[uint16]time.Duration{2: 2 * time.Second}},
		restarts: []restart{{number: 2, source: two, noticed: map[uint16]time.Duration{1: time.Millisecond}}},
	}
}

// The table says which promise was broken, whichever it is.
func TestReportTellsBrokenPromises(t *testing.T) {
	assert.NoError(t, kept().report())
	for name, spoil := range map[string]func(d *demo){
		"noticed late":   func(d *demo) { d.killed.noticed[2] = 4 * time.Second },
		"back late":      func(d *demo) { d.swarm.moves[0].back = d.swarm.moves[0].lost.Add(4 * time.Second) },
		"not back":       func(d *demo) { d.swarm.moves[0].back = time.Time{} },
		"somebody else":  func(d *demo) { d.swarm.moves[0].same = false },
		"others cut off": func(d *demo) { d.swarm.moves[1].asked = false },
		"left late":      func(d *demo) { d.restarts[0].noticed[1] = 2 * time.Second },
		"moved late":     func(d *demo) { d.swarm.moves[1].back = time.Time{} },
		"a gap": func(d *demo) {
			a := &d.swarm.all[0].account
			a.missing[stream{two, 3}], a.reported[stream{two, 3}] = 1, 1
		},
		"missing":             func(d *demo) { d.swarm.all[0].account.missing[stream{two, 3}] = 1 },
		"twice":               func(d *demo) { d.swarm.all[0].account.unexpected = 1 },
		"lost at the restart": func(d *demo) { d.killed.source = source{}; d.swarm.acked[stream{one, 3}] = []uint32{12} },
		"nothing said":        func(d *demo) { d.swarm.acked = nil },
		"not settled":         func(d *demo) { d.promise(false, "settled") },
	} {
		t.Run(name, func(t *testing.T) {
			d := kept()
			spoil(d)
			assert.ErrorIs(t, d.report(), errBroken)
			assert.Contains(t, d.stdout.(*bytes.Buffer).String(), "BROKEN")
		})
	}
}
