package cluster

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var ticketKey = strings.Repeat("k", 32)

func withTickets(c *Config) { c.TicketKey = ticketKey }

// redeemed waits for the end of a redemption, while the node is polled.
func (m *member) redeemed(ticket []byte) (Session, error) {
	m.t.Helper()
	p := m.Redeem(ticket)
	m.until("a decision", p.Ready)
	return p.Result()
}

func issue(t testing.TB, m *member, id SessionID, data string) []byte {
	t.Helper()
	ticket, err := m.IssueTicket(id, []byte(data), time.Minute)
	require.NoError(t, err)
	return ticket
}

// A player moves to another node, once, with its state, and the first node is told.
func TestSessionMoves(t *testing.T) {
	nodes := embeddedNodes(t, 3, withTickets)
	a, b, c := nodes[0], nodes[1], nodes[2]
	id := NewSessionID()
	first := issue(t, a, id, "account 7")
	require.NoError(t, a.KeepState(id, []byte("at the door")))
	require.NoError(t, a.KeepState(id, []byte("in the hall")))
	second := issue(t, a, id, "account 7")

	s, err := b.redeemed(first)
	require.NoError(t, err)
	assert.Equal(t, Session{id, []byte("account 7"), []byte("in the hall"), a.Self()}, s)
	a.until("taken", func() bool { return a.saw(SessionTaken, 2) == 1 })
	assert.Equal(t, id, a.events[len(a.events)-1].Session)
	assert.ErrorIs(t, a.KeepState(id, nil), ErrNoSession)
	for _, n := range nodes {
		for _, old := range [][]byte{first, second} {
			_, err := n.redeemed(old)
			assert.ErrorIs(t, err, ErrTicketUsed)
		}
	}
	s, err = c.redeemed(issue(t, b, id, "still 7"))
	require.NoError(t, err)
	assert.Equal(t, "still 7", string(s.Data))
	assert.Equal(t, "in the hall", string(s.State))
	third := issue(t, c, id, "")
	assert.True(t, c.EndSession(id))
	assert.False(t, c.EndSession(id))
	a.tell(a.Self(), "x")
	_, err = c.redeemed(third)
	assert.ErrorIs(t, err, ErrTicketUsed)
	_, err = a.redeemed(third)
	assert.ErrorIs(t, err, ErrTicketUsed)
}

// A node dies, and its player takes up elsewhere what was kept.
func TestSessionOutlivesItsNode(t *testing.T) {
	nodes := embeddedNodes(t, 3, func(c *Config) { withTickets(c); deadSoon(c) })
	id := NewSessionID()
	ticket := issue(t, nodes[0], id, "x")
	require.NoError(t, nodes[0].KeepState(id, []byte("level 9")))
	fence(nodes[1], nodes[0])
	fence(nodes[2], nodes[0])
	require.Eventually(t, func() bool { return kept(nodes[1], id) != kept(nodes[2], id) }, patience, time.Millisecond)
	crash(nodes[0])
	s, err := nodes[1].redeemed(ticket) // also before its death is noticed
	for err == ErrTicketUndecided {     // a busy machine has read its last heartbeat late
		s, err = nodes[1].redeemed(ticket)
	}
	require.NoError(t, err)
	assert.Equal(t, "level 9", string(s.State))
	_, err = nodes[2].redeemed(ticket)
	assert.ErrorIs(t, err, ErrTicketUsed)
}

func kept(m *member, id SessionID) bool {
	m.sessions.mu.Lock()
	defer m.sessions.mu.Unlock()
	_, ok := m.sessions.kept[id]
	return ok
}

// Of nodes that redeem a ticket at the same time one succeeds.
func TestOneOfManyRedeems(t *testing.T) {
	nodes := embeddedNodes(t, 3, withTickets)
	for range 50 {
		id := NewSessionID()
		ticket := issue(t, nodes[0], id, "")
		var pending []*PendingSession
		for _, n := range nodes {
			pending = append(pending, n.Redeem(ticket), n.Redeem(ticket))
		}
		granted := 0
		for _, p := range pending {
			_, err := p.Wait(t.Context())
			if err == nil {
				granted++
			} else {
				assert.ErrorIs(t, err, ErrTicketUsed)
			}
		}
		assert.Equal(t, 1, granted)
	}
}

func TestTicketErrors(t *testing.T) {
	n := open(t, &Config{TicketKey: ticketKey})
	id := NewSessionID()
	ticket := issue(t, n, id, "secret data")
	assert.NotContains(t, string(ticket), "secret data")
	for i := range ticket {
		forged := append([]byte(nil), ticket...)
		forged[i] ^= 1
		_, err := n.redeemed(forged)
		assert.ErrorIs(t, err, ErrTicketForged)
		_, err = n.redeemed(ticket[:i])
		assert.ErrorIs(t, err, ErrTicketForged)
	}
	other := open(t, &Config{TicketKey: ticketKey, Cluster: "other"})
	_, err := other.redeemed(ticket)
	assert.ErrorIs(t, err, ErrTicketForged)
	expired, err := n.IssueTicket(id, nil, -time.Second)
	require.NoError(t, err)
	_, err = n.redeemed(expired)
	assert.ErrorIs(t, err, ErrTicketExpired)
	_, err = n.IssueTicket(id, make([]byte, MaxTicketData+1), time.Minute)
	assert.ErrorIs(t, err, ErrTicketSize)
	assert.ErrorIs(t, n.KeepState(id, make([]byte, MaxSessionState+1)), ErrTicketSize)
	assert.ErrorIs(t, n.KeepState(NewSessionID(), nil), ErrNoSession)
	_, err = n.redeemed(ticket)
	assert.NoError(t, err)

	keyless := open(t, &Config{Number: 1, Listen: "127.0.0.1:0", Secret: "short"})
	_, err = keyless.IssueTicket(id, nil, time.Minute)
	assert.ErrorIs(t, err, ErrTicketKey)
	_, err = keyless.redeemed(ticket)
	assert.ErrorIs(t, err, ErrTicketKey)
	_, err = Open(&Config{TicketKey: "short"})
	assert.Error(t, err)
	var zero *Node
	_, err = zero.Redeem(ticket).Result()
	assert.Error(t, err)
	assert.False(t, zero.EndSession(id))
}
