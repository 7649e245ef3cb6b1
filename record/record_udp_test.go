package record

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/datagramfile"
	"github.com/queuednet/queuednet/simulate"
	"github.com/stretchr/testify/require"
)

// A udpLine is what a program has received over UDP from: a socket, and who sends
// to it, one after another.
type udpLine struct {
	socket *udpPeer
	doings chan func()
	ending sync.Once
}

// openUDP opens a UDP connection of the program that is not of the system's.
func (p *program) openUDP(local string) *udpLine {
	p.t.Helper()
	l := &udpLine{socket: newUDPPeer(address(p.t, local)), doings: make(chan func(), 1000)}
	go func() {
		for do := range l.doings {
			do()
		}
	}()
	p.openedUDP(p.manager.AdoptUDPConnection(l.socket))
	return l
}

func address(t testing.TB, text string) queuednet.NetAddress {
	t.Helper()
	a, err := queuednet.ParseNetAddress(text)
	require.NoError(t, err)
	return a
}

// send lets somebody send a datagram to an address of the socket; "" is one that
// the socket does not tell.
func (l *udpLine) send(t testing.TB, from, to, text string, raw bool) {
	t.Helper()
	b, err := appendPacket(nil, raw, []byte(text))
	require.NoError(t, err)
	packet := udpPacket{b: b, from: udpAddr(address(t, from))}
	if to != "" {
		packet.to = udpAddr(address(t, to))
	}
	l.doings <- func() {
		select {
		case l.socket.packets <- packet:
		case <-l.socket.closed:
		}
	}
}

func (l *udpLine) end() {
	l.ending.Do(func() { close(l.doings) })
}

// anyWay returns one of the addresses and somebody who may send to it.
func anyWay(random *rand.Rand, addresses []string) (from, to string) {
	to = addresses[random.IntN(len(addresses))]
	from = []string{"192.0.2.1:9", "203.0.113.7:65535", "[fe80::1%eth0]:1"}[random.IntN(3)]
	if strings.Contains(from, "[") != strings.Contains(to, "[") {
		to = "" // an answer would be of another version of IP
	}
	return from, to
}

// mixedSession is a session of two UDP connections, one of them at one address, and
// of streams, for a bubble.
func mixedSession(t *testing.T, seed uint64, raw bool) (recording []byte, live *program) {
	var b datagramfile.DatagramBuffer
	live = newProgram(t, nil, &b)
	live.reader.SetRawMode(raw)
	live.writer.SetRawMode(raw)
	lines := []*udpLine{live.openUDP("[::]:4000"), live.openUDP("192.0.2.200:4001")}
	locals := [][]string{{"198.51.100.1:4000", "[2001:db8::1]:4000", ""}, {"192.0.2.200:4001", ""}}
	lobby := live.newLobby()
	random := rand.New(rand.NewPCG(seed, 0))
	var people []*client
	for i := range 300 {
		text := fmt.Sprint(i, " ", strings.Repeat("x", random.IntN(3)*random.IntN(500)))
		switch n := random.IntN(20); {
		case n == 0 || len(people) == 0:
			people = append(people, lobby.come(fmt.Sprintf("192.0.2.%d:%d", random.IntN(3), i+1)))
		case n == 1:
			people[0].leave()
			people = people[1:]
		case n < 12:
			which := random.IntN(2)
			from, to := anyWay(random, locals[which])
			lines[which].send(t, from, to, text, raw)
		case raw:
			people[random.IntN(len(people))].write([]byte(text))
		default:
			people[random.IntN(len(people))].say(text)
		}
		if random.IntN(3) == 0 {
			time.Sleep(frameTime * time.Duration(random.IntN(3)))
			synctest.Wait()
			live.frame()
		}
	}
	time.Sleep(time.Second)
	live.frame()
	close(lines[1].socket.over) // it ends, as an adopted one may
	synctest.Wait()
	live.frame()
	for _, line := range lines {
		line.end()
	}
	for _, one := range people {
		one.end()
	}
	require.NoError(t, live.recorder.Flush())
	return bytes.Clone(b.Data()), live
}

// A program with streams and UDP sees the same again: senders, local addresses,
// datagrams, ends, and their order over all connections, in raw mode too. The
// recording of a replay is the recording.
func TestReplayOfUDP(t *testing.T) {
	for seed := range uint64(3) {
		for _, raw := range []bool{false, true} {
			for _, speed := range []float64{0, 1, 1e6} {
				t.Run(fmt.Sprintf("seed %d, raw %v, speed %v", seed, raw, speed), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						recording, live := mixedSession(t, seed, raw)
						recorded, _ := events(recording)
						require.Equal(t, live.story(), words(recorded))
						require.Contains(t, fmt.Sprint(live.story()), "[::]:4000 has from 192.0.2.1:9 to 198.51.100.1:4000: says ")
						require.Contains(t, live.story(), "192.0.2.200:4001 leaves: EOF")

						var b datagramfile.DatagramBuffer
						again := newProgram(t, nil, &b)
						again.udp = 2
						again.reader.SetRawMode(raw)
						again.writer.SetRawMode(raw)
						require.NoError(t, again.play(recording, speed, frameTime))
						require.Equal(t, live.story(), again.story())
						second, err := events(b.Data())
						require.Equal(t, io.EOF, err)
						require.Equal(t, words(recorded), words(second))
						require.NoError(t, again.manager.Close())
					})
				})
			}
		}
	}
}

// Nothing is dropped in a replay, however much there is, how small the bound, and
// how slow the program.
func TestReplayOfMuchUDP(t *testing.T) {
	all := []event{opensUDP(1), opensUDP(2)}
	for i := range 2000 {
		text := fmt.Sprint(i)
		if i%100 == 0 {
			text += string(make([]byte, 60_000))
		}
		all = append(all, packetTo(uint32(1+i%2), text))
	}
	for _, config := range []*queuednet.Config{nil, {MaxReceiveQueue: 1000}} {
		synctest.Test(t, func(t *testing.T) {
			p := newProgram(t, config, nil)
			p.udp = 2
			require.NoError(t, p.play(recording(t, all...), 0, time.Second))
			require.Equal(t, words(all), p.story())
			require.Greater(t, p.frames, 30)
			if config == nil {
				require.False(t, p.reader.OverflowFlag())
			}
		})
	}
}

// A program may open a UDP connection whenever the recorded one did so, and close it
// when that did not: a replay waits for the one, and goes on after the other.
func TestReplayOpensUDPLater(t *testing.T) {
	all := []event{comes(1), speaks(1, "open"), opensUDP(2), packetTo(2, "a"), packetTo(2, "b"), speaks(1, "end"), leaves(2, "EOF")}
	for _, closes := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p := newProgram(t, nil, nil)
			replay, err := NewReplay(p.reader, datagramfile.NewDatagramBuffer(recording(t, all...)), 0)
			require.NoError(t, err)
			require.NoError(t, p.listener.AddConnection(replay.Rendezvous()))
			var udp *queuednet.Connection
			for !replay.Done() {
				time.Sleep(time.Second)
				p.frame()
				if story := p.story(); udp == nil && len(story) == 2 {
					time.Sleep(time.Minute)
					require.False(t, replay.Done())
					udp = p.openedUDP(replay.OpenUDPConnection())
					if closes {
						require.True(t, p.manager.CloseConnection(udp))
					}
				}
			}
			require.NoError(t, replay.Err())
			want := words(all)
			if closes {
				want = []string{want[0], want[1], want[2], want[5]}
			}
			require.Equal(t, want, p.story())
			_, err = replay.OpenUDPConnection()
			require.Equal(t, io.EOF, err)
			require.NoError(t, p.manager.Close())
			_, err = replay.OpenUDPConnection()
			require.Equal(t, io.EOF, err)
		})
	}
}

// A replay with UDP ends wherever it is when its rendezvous or the manager is
// closed, and leaves nothing behind.
func TestReplayOfUDPStops(t *testing.T) {
	all := []event{opensUDP(1), packetTo(1, "a"), packetTo(1, "b"), leaves(1, "EOF")}
	for name, opens := range map[string]bool{"before it is opened": false, "before it is in a reader": true} {
		for what, stop := range map[string]func(*Replay){
			"manager":    func(r *Replay) { r.manager.Close() },
			"rendezvous": func(r *Replay) { r.rendezvous.Close() },
		} {
			t.Run(name+", "+what, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := newProgram(t, nil, nil)
					replay, err := NewReplay(p.reader, datagramfile.NewDatagramBuffer(recording(t, all...)), 0)
					require.NoError(t, err)
					if opens {
						_, err := replay.OpenUDPConnection()
						require.NoError(t, err)
					}
					require.NoError(t, p.listener.AddConnection(replay.Rendezvous()))
					time.Sleep(time.Second)
					require.False(t, replay.Done())
					stop(replay)
					synctest.Wait()
					require.Equal(t, net.ErrClosed, replay.Err())
					require.NoError(t, p.manager.Close())
					if !opens {
						_, err := replay.OpenUDPConnection()
						require.ErrorIs(t, err, net.ErrClosed)
					}
				})
			})
		}
	}
}

// receive lets the program receive 20 packets, sent to conn by these hosts' addresses in
// turn.
func (p *program) receive(t *testing.T, conn *queuednet.Connection, hosts []string) {
	t.Helper()
	sender, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer sender.Close()
	for i := range 20 {
		packet, err := appendPacket(nil, false, []byte(fmt.Sprint(i)))
		require.NoError(t, err)
		to := address(t, fmt.Sprintf("%s:%d", hosts[i%len(hosts)], conn.LocalAddress().Port()))
		_, err = sender.WriteTo(packet, udpAddr(to))
		require.NoError(t, err)
	}
	for deadline := time.Now().Add(patience); len(p.log) < 21 && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		p.frame()
	}
	require.Len(t, p.log, 21)
}

// What the system's own sockets received, also over a simulated network, is replayed
// with the addresses that they told.
func TestReplayOfTheSystemsUDP(t *testing.T) {
	hosts := []string{"127.0.0.1"}
	if runtime.GOOS == "linux" { // which tells where a packet was sent to
		hosts = append(hosts, "127.0.0.2")
	}
	for name, test := range map[string]struct {
		hosts []string
		open  func(m *queuednet.QueuedConnectionManager) (*queuednet.Connection, error)
	}{
		"opened": {hosts, func(m *queuednet.QueuedConnectionManager) (*queuednet.Connection, error) {
			return m.OpenUDPConnection(0)
		}},
		"simulated": {hosts[:1], func(m *queuednet.QueuedConnectionManager) (*queuednet.Connection, error) {
			socket, err := net.ListenPacket("udp4", "127.0.0.1:0")
			require.NoError(t, err)
			network := simulate.NewNetwork(1)
			network.StartDelay(time.Millisecond, 5*time.Millisecond)
			network.SetReordering(0.3)
			return m.AdoptUDPConnection(network.PacketConn(socket))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var b datagramfile.DatagramBuffer
			live := newProgram(t, nil, &b)
			conn := live.openedUDP(test.open(live.manager))
			live.receive(t, conn, test.hosts)
			require.NoError(t, live.recorder.Flush())
			for _, host := range test.hosts {
				if runtime.GOOS == "linux" {
					require.Contains(t, fmt.Sprint(live.story()), " to "+host)
				}
			}

			again := newProgram(t, nil, nil)
			again.udp = 1
			require.NoError(t, again.play(b.Data(), 0, time.Millisecond))
			require.Equal(t, live.story(), again.story())
		})
	}
}

// Reading ahead to a UDP connection leaves alone what is on its way to the program.
func TestReadingAhead(t *testing.T) {
	all := []event{comes(1), speaks(1, "aaaa"), speaks(1, "bbbb"), opensUDP(2), packetTo(2, "cccc")}
	synctest.Test(t, func(t *testing.T) {
		p := newProgram(t, nil, nil)
		p.reader.SetRawMode(true)
		replay, err := NewReplay(p.reader, datagramfile.NewDatagramBuffer(recording(t, all...)), 0)
		require.NoError(t, err)
		require.NoError(t, p.listener.AddConnection(replay.Rendezvous()))
		time.Sleep(time.Second)
		conn, ok := p.listener.GetNewConnection()
		require.True(t, ok)
		time.Sleep(time.Second) // the first datagram waits for a reader
		udp, err := replay.OpenUDPConnection()
		require.NoError(t, err)
		require.NoError(t, p.reader.AddConnection(conn))
		require.NoError(t, p.reader.AddConnection(udp))
		var got string
		for ; !replay.Done(); time.Sleep(time.Second) {
			for datagram := range p.reader.Datagrams() {
				got += string(datagram.Message())
			}
		}
		require.Equal(t, "aaaabbbbcccc", got)
	})
}
