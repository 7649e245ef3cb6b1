package cluster

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// frames reads datagrams of a player's socket.
func frames(t testing.TB, player net.Conn, count int) (texts []string) {
	t.Helper()
	for range count {
		var size [2]byte
		_, err := io.ReadFull(player, size[:])
		require.NoError(t, err)
		payload := make([]byte, binary.LittleEndian.Uint16(size[:]))
		_, err = io.ReadFull(player, payload)
		require.NoError(t, err)
		texts = append(texts, string(payload))
	}
	return texts
}

// numbered are the texts 0 to count.
func numbered(count int) (texts []string) {
	for i := range count {
		texts = append(texts, strconv.Itoa(i))
	}
	return texts
}

// place is a node with players.
type place struct {
	*member
	*end
	players []net.Conn
	conns   []*queuednet.Connection
}

// newPlaces gives each node two members of a group, and an outsider.
func newPlaces(t testing.TB, nodes []*member, group string) (places []*place) {
	for _, n := range nodes {
		p := &place{member: n, end: newEnd(t)}
		for i := range 3 {
			conn, player := p.player()
			p.players, p.conns = append(p.players, player), append(p.conns, conn)
			name := group
			if i == 2 {
				name = "elsewhere"
			}
			require.NoError(t, n.Group(name).Join(conn))
		}
		places = append(places, p)
	}
	return places
}

// forward sends what came on to the members, until so many have.
func (p *place) forward(count int) {
	for end := time.Now().Add(patience); count > 0; time.Sleep(time.Millisecond) {
		for m := range p.Messages() {
			require.NoError(p.member.t, m.Forward(p.writer))
			count--
		}
		for range p.Events() {
		}
		require.True(p.member.t, time.Now().Before(end), "%d messages to forward are missing", count)
	}
}

// Each member on three nodes gets each message once and in order, and nobody else does.
func TestBroadcastReachesEachMemberOnce(t *testing.T) {
	for _, relays := range []bool{false, true} {
		t.Run(fmt.Sprint("relay ", relays), func(t *testing.T) {
			nodes := embeddedNodes(t, 3, nil)
			places := newPlaces(t, nodes, "zone")
			settle(t, nodes, "zone", 2)
			const count = 200
			for _, p := range places[1:] {
				if relays {
					p.Group("zone").SetRelay(p.writer)
				}
			}
			for _, text := range numbered(count) {
				require.NoError(t, nodes[0].Group("zone").Broadcast(places[0].writer, queuednet.NewDatagram([]byte(text))))
			}
			for i, p := range places {
				done := make(chan struct{})
				go func() { // a pipe has no buffer, so somebody has to read
					defer close(done)
					for _, player := range p.players[:2] {
						assert.Equal(t, numbered(count), frames(t, player, count))
					}
				}()
				if i > 0 && !relays {
					p.forward(count)
				}
				<-done
				require.NoError(t, p.players[2].SetReadDeadline(time.Now().Add(20*time.Millisecond)))
				_, err := p.players[2].Read(make([]byte, 1))
				assert.Error(t, err, "an outsider gets something")
				assert.Zero(t, p.Stats().Missed)
			}
		})
	}
}

// settle waits until all nodes know of the members that each of them has.
func settle(t testing.TB, nodes []*member, group string, each int) {
	t.Helper()
	for _, n := range nodes {
		n.until("counts of "+group, func() bool { return n.Group(group).Count() == each*len(nodes) })
	}
	for _, n := range nodes { // interest travels before the counts do, on the same way
		for _, other := range nodes {
			if n != other {
				n.tell(other.Self(), "fence")
			}
		}
	}
	for _, n := range nodes {
		n.until("fences", func() bool { return len(n.messages) >= len(nodes)-1 })
		n.messages = nil
	}
}

// A Leave that has returned holds for what is relayed later.
func TestRelayAfterLeave(t *testing.T) {
	nodes := embeddedNodes(t, 2, nil)
	e := newEnd(t)
	stays, player := e.player()
	leaves, gone := e.player()
	zone := nodes[1].Group("zone")
	zone.SetRelay(e.writer)
	require.NoError(t, zone.Join(stays))
	require.NoError(t, zone.Join(leaves))
	nodes[0].until("two members", func() bool { return nodes[0].Group("zone").Count() == 2 })
	nodes[0].say("zone", "both")
	assert.Equal(t, []string{"both"}, frames(t, player, 1))
	assert.Equal(t, []string{"both"}, frames(t, gone, 1))
	assert.True(t, zone.Leave(leaves))
	assert.False(t, zone.Leave(leaves))
	nodes[0].say("zone", "one")
	assert.Equal(t, []string{"one"}, frames(t, player, 1))
	require.NoError(t, gone.SetReadDeadline(time.Now().Add(30*time.Millisecond)))
	_, err := gone.Read(make([]byte, 1))
	assert.Error(t, err)
}

// Who hears of a member reaches it: the node is interested before it tells how many members it has.
func TestCountComesAfterInterest(t *testing.T) {
	nodes := embeddedNodes(t, 2, nil)
	e := newEnd(t)
	conn, _ := e.player()
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() { // heartbeats without end, so that one begins in the middle of a Join
		defer close(stopped)
		for {
			select {
			case <-done:
				return
			case nodes[1].pump.hurry <- struct{}{}:
			}
		}
	}()
	const rounds = 300
	for i := range rounds {
		name := strconv.Itoa(i)
		require.NoError(t, nodes[1].Group(name).Join(conn))
		nodes[0].until("a member", func() bool { return nodes[0].Group(name).Count() == 1 })
		nodes[0].say(name, "x")
	}
	close(done)
	<-stopped
	nodes[0].tell(nodes[1].Self(), "fence")
	nodes[1].until("fence", func() bool { return contains(nodes[1].messages, "to:fence") })
	assert.Equal(t, rounds+1, len(nodes[1].messages))
}

// One NATS message leaves for a broadcast and arrives at each node with interest, however
// many members there are; none arrives elsewhere.
func TestOneMessageANode(t *testing.T) {
	nodes := embeddedNodes(t, 3, nil)
	e := newEnd(t)
	for range 5 {
		conn, _ := e.player()
		require.NoError(t, nodes[1].Group("zone").Join(conn))
	}
	nodes[0].until("members", func() bool { return nodes[0].Group("zone").Count() == 5 })
	hearsOfCounts(nodes[2], "zone", 5)
	before := nodes[0].Stats()
	nodes[0].say("zone", "x")
	nodes[1].until("the message", func() bool { return contains(nodes[1].messages, "zone:x") })
	nodes[0].tell(nodes[2].Self(), "fence")
	nodes[2].until("fence", func() bool { return contains(nodes[2].messages, "to:fence") })
	assert.EqualValues(t, 2, nodes[0].Stats().Packets-before.Packets)
	assert.EqualValues(t, 1, nodes[1].Stats().ReceivedPackets)
	assert.EqualValues(t, 1, nodes[2].Stats().ReceivedPackets, "the fence alone")
}

func hearsOfCounts(m *member, group string, count int) {
	m.t.Helper()
	m.until("count", func() bool { return m.Group(group).Count() == count })
}

// What one node sends keeps its order over all groups and addresses.
func TestOrderOverAllGroups(t *testing.T) {
	nodes := embeddedNodes(t, 2, func(c *Config) { c.MaxAge = time.Minute })
	a, b := nodes[0], nodes[1]
	const groups = 100
	frames, perFrame := 30, 1000
	if *long {
		frames = 600
	}
	var to []*Group
	for i := range groups {
		name := "g" + strconv.Itoa(i)
		to = append(to, a.Group(name))
		b.Group(name).Watch()
	}
	fence(a, b)
	next, sent := uint64(0), uint64(0)
	check := func() {
		for m := range b.Messages() {
			i := binary.LittleEndian.Uint64(m.Payload())
			if i != next {
				t.Fatalf("message %d comes where %d is due; %+v, %+v", i, next, a.Stats(), b.Stats())
			}
			next++
		}
	}
	ticker := time.NewTicker(time.Second / 60)
	defer ticker.Stop()
	for range frames {
		for range perFrame {
			d := queuednet.NewDatagram(binary.LittleEndian.AppendUint64(nil, sent))
			var err error
			if sent%7 == 0 {
				err = a.Send(d, b.Self())
			} else {
				err = to[sent*31%groups].Broadcast(nil, d)
			}
			if err != nil {
				t.Fatal(err)
			}
			sent++
		}
		check()
		<-ticker.C
	}
	for end := time.Now().Add(patience); next < sent && time.Now().Before(end); check() {
		time.Sleep(time.Millisecond)
	}
	assert.Equal(t, sent, next)
	assert.Zero(t, b.Stats().Missed)
}

// fence waits until what to has subscribed to is known where from is.
func fence(from, to *member) {
	to.tell(from.Self(), "fence")
	from.until("fence", func() bool { return contains(from.messages, "to:fence") })
	from.messages = nil
}

// Who joins and then asks misses nothing, neither the answer nor what comes after.
func TestJoinThenAsk(t *testing.T) {
	nodes := embeddedNodes(t, 2, nil)
	owner, b := nodes[0], nodes[1]
	rounds := 300
	if *long {
		rounds = 10_000
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-owner.Notify():
			case <-stop:
				return
			}
			for m := range owner.Messages() {
				g := owner.Group(string(m.Payload()))
				assert.NoError(t, g.Broadcast(nil, queuednet.NewDatagram([]byte("state"))))
				assert.NoError(t, g.Broadcast(nil, queuednet.NewDatagram([]byte("later"))))
			}
			for range owner.Events() {
			}
		}
	}()
	for i := range rounds {
		name := "zone." + strconv.Itoa(i)
		b.Group(name).Watch()
		b.tell(NodeAddress(1), name)
		b.messages = nil
		b.until("answer", func() bool { return len(b.messages) == 2 })
		require.Equal(t, []string{name + ":state", name + ":later"}, b.messages)
		b.Group(name).Unwatch()
	}
	close(stop)
	<-done
}

// After the last member has left, nothing is handed out that was on its way.
func TestNothingAfterTheLastLeave(t *testing.T) {
	nodes := embeddedNodes(t, 2, nil)
	a, b := nodes[0], nodes[1]
	for range 20 {
		b.Group("zone").Watch()
		before := b.Stats().Received
		for i := 0; i < 1000 || b.Stats().Received == before; i++ { // some go by, before the interest is known
			a.say("zone", strconv.Itoa(i))
			if i >= 1000 {
				time.Sleep(time.Millisecond)
			}
		}
		b.Group("zone").Unwatch()
		b.messages = nil
		b.poll()
		require.Empty(t, b.messages)
	}
}

// A drain takes what was queued when it began, and goes on where it was left.
func TestDrainEnds(t *testing.T) {
	n := open(t, nil)
	for _, text := range numbered(5) {
		n.tell(n.Self(), text)
	}
	var got []string
	for m := range n.Messages() {
		got = append(got, string(m.Payload()))
		n.tell(n.Self(), "later")
		for range n.Messages() {
			t.Error("a drain inside a drain")
		}
		if len(got) == 3 {
			break
		}
	}
	assert.Equal(t, numbered(3), got)
	assert.True(t, n.DataAvailable())
	for m := range n.Messages() {
		got = append(got, string(m.Payload()))
		n.tell(n.Self(), "later still")
	}
	assert.Equal(t, append(numbered(5), "later", "later", "later"), got)
}
