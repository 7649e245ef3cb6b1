package game

import (
	"strings"
	"testing"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// each returns a message of each kind with something in every field, and an empty
// one to decode it into.
func each() [][2]Message {
	token := Token{1, 2, 3, 15: 9}
	ship := Ship{Vec{1, -2}, Vec{-3, 4}, 5, 6, 7}
	sight := Sight{8, Vec{64, Size - 64}, 9, 10, MarkThrust | MarkShield}
	return [][2]Message{
		{&Hello{Magic, Version, "Vega", token, []byte("sealed")}, new(Hello)},
		{&Input{1, 2, KeyFire | KeyBoost}, new(Input)},
		{&Say{"hello"}, new(Say)},
		{&Ping{1 << 60, 12}, new(Ping)},
		{&Leave{}, new(Leave)},
		{&Welcome{1, token, 1 << 63, 2, "Vega 2"}, new(Welcome)},
		{&Goodbye{true, "why"}, new(Goodbye)},
		{&Snapshot{100, 2, ship, 3, 4, 5, []Sight{sight}, []Event{
			{What: Fired, Tick: 99, Shot: 1, Who: 2, Seq: 3, Pos: Vec{4, 5}, Vel: Vec{-6, 7}},
			{What: Hit, Tick: 100, Shot: 1, Who: 2, By: 3, Pos: Vec{4, 5}},
			{What: Destroyed, Tick: 100, Who: 2, By: 3, Pos: Vec{4, 5}, Vel: Vec{6, 7}},
			{What: Spawned, Tick: 98, Who: 2, Pos: Vec{4, 5}},
		}}, new(Snapshot)},
		{&Named{1, "Rigel"}, new(Named)},
		{&Left{1}, new(Left)},
		{&Scores{[]Score{{1, 2, 3, 4, true}, {5, 6, 7, 8, false}}}, new(Scores)},
		{&Radar{[]Blip{{1, 2, 3}, {4, 5, 6}}}, new(Radar)},
		{&Chat{1, "hello"}, new(Chat)},
		{&Pong{1 << 60, 2}, new(Pong)},
		{&Ticket{[]byte("sealed")}, new(Ticket)},
		{&Fleet{[]FarShip{{1, "Vega", ship, 2, 3, 4, KeyFire, 5, 6, 7, true}}, []Event{{What: Hit, Shot: 1, Who: 2, By: 3, Pos: Vec{4, 5}}}}, new(Fleet)},
		{&Claim{1, 2}, new(Claim)},
	}
}

func TestMessagesComeBackAsTheyWere(t *testing.T) {
	for _, pair := range each() {
		var dg queuednet.Datagram
		Encode(&dg, pair[0])
		require.NoError(t, dg.Err())
		assert.Equal(t, pair[0].kind(), KindOf(&dg))
		for range 2 { // into new memory, and into what is there
			require.NoError(t, Decode(&dg, pair[1]))
			assert.Equal(t, pair[0], pair[1])
		}
	}
	assert.Len(t, each(), int(KindClaim), "all of them")
}

func TestBrokenMessagesAreErrors(t *testing.T) {
	for _, pair := range each() {
		var dg queuednet.Datagram
		Encode(&dg, pair[0])
		whole := dg.Message()
		for n := range whole {
			assert.ErrorIs(t, Decode(queuednet.NewDatagram(whole[:n]), pair[1]), ErrMessage, "%T, %d bytes", pair[0], n)
		}
		longer := append(whole[:len(whole):len(whole)], 0)
		assert.ErrorIs(t, Decode(queuednet.NewDatagram(longer), pair[1]), ErrMessage, "%T", pair[0])
	}
	assert.Zero(t, KindOf(new(queuednet.Datagram)))
	assert.ErrorIs(t, Decode(queuednet.NewDatagram([]byte{byte(KindLeft), 1, 2}), new(Leave)), ErrMessage)
}

// Of a client of another version the server knows at least that it is one.
func TestHelloOfAnotherVersion(t *testing.T) {
	var dg queuednet.Datagram
	Encode(&dg, &Hello{Magic: Magic, Version: 77})
	dg.AddUint64(5)
	var m Hello
	require.NoError(t, Decode(&dg, &m))
	assert.Equal(t, Hello{Magic: Magic, Version: 77}, m)
}

func TestTextsAreCut(t *testing.T) {
	var dg queuednet.Datagram
	Encode(&dg, &Say{strings.Repeat("ü", MaxText)})
	var m Say
	require.NoError(t, Decode(&dg, &m))
	assert.Equal(t, strings.Repeat("ü", MaxText/2), m.Text)
	assert.Equal(t, "x", cut("xü", 2), "not in the middle of a letter")
}

// No bytes make a decoder panic, or use more memory than they are long; and what
// it accepts is written in the same bytes again.
func FuzzDecode(f *testing.F) {
	for _, pair := range each() {
		var dg queuednet.Datagram
		Encode(&dg, pair[0])
		f.Add(dg.Message())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, pair := range each() {
			m := pair[1]
			if Decode(queuednet.NewDatagram(data), m) != nil {
				continue
			}
			var once, twice queuednet.Datagram
			Encode(&once, m)
			if once.Err() != nil {
				t.Fatal(once.Err())
			}
			require.NoError(t, Decode(&once, m))
			Encode(&twice, m)
			require.Equal(t, once.Message(), twice.Message())
		}
	})
}
