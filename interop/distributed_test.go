package interop_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/queuednet/queuednet/distributed"
	"github.com/queuednet/queuednet/distributed/dc"
	"github.com/stretchr/testify/require"
)

// directDC finds direct.dc of the installed Panda3D.
func directDC(t *testing.T, python string) string {
	t.Helper()
	p := start(t, python, "-c", "import os, direct.distributed as d; print(os.path.join(os.path.dirname(d.__file__), 'direct.dc'))")
	return strings.TrimSpace(p.lineWith("direct.dc"))
}

// goServer runs a ServerRepository in a goroutine of its own until the test ends, and
// returns its port.
func goServer(t *testing.T, config *distributed.ServerConfig, file *dc.File) int {
	t.Helper()
	server, err := distributed.NewServerRepository(config, file)
	require.NoError(t, err)
	rendezvous, err := server.OpenTCPServerRendezvous(0, 0)
	require.NoError(t, err)
	end, ended := make(chan bool), make(chan bool)
	go func() {
		defer close(ended)
		for tick := time.NewTicker(time.Second / 200); ; {
			select {
			case <-tick.C:
				server.Update()
			case <-end:
				return
			}
		}
	}()
	t.Cleanup(func() {
		close(end)
		<-ended
		require.NoError(t, server.Close())
	})
	return rendezvous.LocalAddress().Port()
}

// A pandaPeer is a program of direct.distributed.
type pandaPeer struct {
	*program
	base uint32
}

// peer starts a client or an AI and waits until it may create objects.
func peer(t *testing.T, python, role string, port int) *pandaPeer {
	t.Helper()
	p := &pandaPeer{program: start(t, python, "distributed_peer.py", role, strconv.Itoa(port), "distributed.dc")}
	if role != "server" {
		p.base = uint32(p.await("ready").ID)
	}
	return p
}

// do makes the program execute a statement. What that causes may be printed before.
func (p *pandaPeer) do(format string, args ...any) {
	p.t.Helper()
	_, err := fmt.Fprintf(p.stdin, format+"\n", args...)
	require.NoError(p.t, err)
}

// sees waits for calls on objects, in this order; others may come between.
func (p *pandaPeer) sees(calls ...string) {
	p.t.Helper()
	for _, call := range calls {
		p.lineWith(strconv.Quote(call))
	}
}

// TestPanda3DDistributed has unmodified clients and AIs of direct.distributed on the Go
// server: all that the samples of Panda3D do with objects.
func TestPanda3DDistributed(t *testing.T) {
	python := findPanda3D(t)
	file, err := dc.ParseFiles(directDC(t, python), "distributed.dc")
	require.NoError(t, err)
	for name, config := range map[string]*distributed.ServerConfig{
		"owners answer": nil, "like Panda3D": {AskAll: true}, "the server answers": {CacheFields: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			port := goServer(t, config, file)
			ai, a, b := peer(t, python, "ai", port), peer(t, python, "client", port), peer(t, python, "client", port)
			testGame(ai, a, b, port)
		})
	}
}

// testGame is a game with an AI that has a clock in zone 1 and a Thing in zone 2, and
// two clients.
func testGame(ai, a, b *pandaPeer, port int) {
	ai.do("tm = cr.createDistributedObject(className='TimeManagerAI', zoneId=1)")
	ai.do("npc = cr.createDistributedObject(className='ThingAI', zoneId=2, optionalFields=['setHp'])")
	npc := ai.base + 1
	ai.sees(fmt.Sprintf("%d announceGenerate", npc))
	a.do("cr.setInterestZones([1])")
	a.sees("gotTimeSync")
	a.do("cr.setInterestZones([1, 2])")
	a.sees(fmt.Sprintf("%d announceGenerate", npc))
	b.do("cr.setInterestZones([2])")
	b.sees(fmt.Sprintf("%d generate", npc), fmt.Sprintf("%d setName('noname',)", npc),
		fmt.Sprintf("%d announceGenerate", npc), fmt.Sprintf("%d setHp(100,)", npc))
	// A's object appears at the others, in Panda3D's order of calls.
	a.do("o = cr.createDistributedObject(className='Thing', zoneId=2, optionalFields=['setHp'])")
	for _, p := range []*pandaPeer{ai, b} {
		p.sees(fmt.Sprintf("%d generate", a.base), fmt.Sprintf("%d setName('noname',)", a.base),
			fmt.Sprintf("%d announceGenerate", a.base), fmt.Sprintf("%d setHp(100,)", a.base))
	}
	a.do("o.sendUpdate('say', ['hällo'])")
	b.sees(fmt.Sprintf("%d say('hällo',)", a.base))
	ai.sees(fmt.Sprintf("%d say('hällo',)", a.base))
	b.do("cr.doId2do[%d].sendUpdate('ask', [7])", npc)
	ai.sees(fmt.Sprintf("%d ask(7,)", npc))
	ai.do("npc.sendUpdateToAvatarId(%d, 'answer', [7, 'seven'])", b.base)
	b.sees(fmt.Sprintf("%d answer(7, 'seven')", npc))
	a.do("o.kept['setHp'] = 5; o.sendUpdate('setHp', [5])")
	b.sees(fmt.Sprintf("%d setHp(5,)", a.base))
	malformed(a.t, port, a.base, b.base)
	// It moves out of B's sight, and B follows.
	a.do("cr.setObjectZone(o, 3)")
	b.sees(fmt.Sprintf("%d disable", a.base), fmt.Sprintf("%d delete", a.base))
	b.do("cr.setInterestZones([2, 3])")
	b.sees(fmt.Sprintf("%d generate", a.base), fmt.Sprintf("%d setHp(5,)", a.base))
	a.do("cr.sendDeleteMsg(o.doId)")
	b.sees(fmt.Sprintf("%d disable", a.base))
	a.sees(fmt.Sprintf("%d disable", a.base))
	// Who goes takes his objects along.
	a.do("p = cr.createDistributedObject(className='Thing', zoneId=2)")
	b.sees(fmt.Sprintf("%d announceGenerate", a.base+1))
	a.kill()
	b.sees(fmt.Sprintf("%d delete", a.base+1))
	b.do("cr.sendDisconnect()")
	b.stop()
	ai.stop()
}

// malformed says things to the server that would stop Panda3D's, and would kill clients
// if they were passed on.
func malformed(t *testing.T, port int, owner, watcher uint32) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), patience)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	var hello [12]byte
	_, err = io.ReadFull(conn, hello[:])
	require.NoError(t, err)
	base := hello[4:8]
	le := binary.LittleEndian
	var all []byte
	send := func(parts ...[]byte) {
		payload := bytes.Join(parts, nil)
		all = append(le.AppendUint16(all, uint16(len(payload))), payload...)
	}
	zone, thing := []byte{2, 0, 0, 0}, []byte{5 + 1, 0}
	send()
	send([]byte{0x31})
	send([]byte{0x33, 0x23})                                                        // a heartbeat
	send([]byte{0x2a, 0x23}, zone, thing, base, []byte("\x01\x00x\x00\x00"))        // good
	send([]byte{0x78, 0x00}, base, []byte{47, 0}, []byte("\x02\x00\xff\xfe"))       // say, not UTF-8
	send([]byte{0x78, 0x00}, base, []byte{47, 0}, []byte("\x20\x00too short"))      // say, cut
	send([]byte{0x33, 0x23}, le.AppendUint32(nil, watcher), base, []byte{47, 0, 1}) // targeted, cut
	send([]byte{0x2a, 0x23}, zone, thing, base, []byte("\x01\x00x\x09\x00"))        // fewer fields than it says
	send([]byte{0x2a, 0x23}, zone, []byte{99, 99}, base, []byte("\x00\x00"))        // no such class
	send([]byte{0x2e, 0x23}, le.AppendUint32(nil, owner))                           // not its object
	send([]byte{0x33, 0x23}, []byte{9, 9, 9, 9}, base, []byte{47, 0}, []byte{0, 0}) // nobody
	send([]byte{0x33, 0x23}, base, base, []byte{47, 0}, []byte("\x06\x00the en"))   // to itself
	_, err = conn.Write(all)
	require.NoError(t, err)
	for received := ""; !strings.Contains(received, "the en"); {
		var buffer [1000]byte
		n, err := conn.Read(buffer[:])
		received += string(buffer[:n])
		require.NoError(t, err, "received %q", received)
	}
}
