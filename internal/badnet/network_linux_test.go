package badnet

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Conditions are what a network does to the packets of each direction.
type conditions struct {
	delay  time.Duration // of each packet, one way
	jitter time.Duration // up to so much more, so that packets overtake each other
	loss   float64       // the part of the packets that is lost
	rate   int           // bits per second
	queue  int           // bytes that may wait for the rate; what comes then is dropped
}

// bad is the network of all suites: a round trip of 80 ms and up to 20 more.
var bad = conditions{
	delay:  40 * time.Millisecond,
	jitter: 10 * time.Millisecond,
	loss:   0.02,
	rate:   5_000_000,
	queue:  64 << 10,
}

func (c conditions) String() string {
	return fmt.Sprintf("%v and up to %v more each way, %g %% lost, %g Mbit/s, %d KiB of queue",
		c.delay, c.jitter, 100*c.loss, float64(c.rate)/1e6, c.queue>>10)
}

// A network joins two hosts. The test process forwards the packets.
type network struct {
	client, server *host
	up, down       direction // from the client, to the client
	silent         atomic.Bool
	forwarders     sync.WaitGroup
}

// newNetwork returns a network that ends with the test, and prints its seed.
//
// It needs root, or CAP_SYS_ADMIN and CAP_NET_ADMIN, and /dev/net/tun. Where a
// namespace cannot be made the test is skipped; but not by root with CI set in
// the environment, where it fails: there nobody would see that it never ran.
func newNetwork(t *testing.T, c conditions) *network {
	t.Helper()
	n := new(network)
	var err error
	if n.client, err = newHost(netip.MustParseAddr("10.77.0.1")); err == nil {
		t.Cleanup(n.client.close)
		n.server, err = newHost(netip.MustParseAddr("10.77.0.2"))
	}
	switch {
	case err == nil:
	case os.Getenv("CI") != "" && os.Geteuid() == 0:
		t.Fatal("no network namespace, although CI is set and this is root:", err)
	default:
		t.Skip("skipped: no network namespace with a TUN device can be made here:", err)
	}
	t.Cleanup(n.server.close)

	seed := rand.Uint64()
	if *seedFlag != 0 {
		seed = *seedFlag
	}
	t.Logf("-seed %d: %v", seed, c)
	n.up = direction{conditions: c, network: n, from: n.client.device, to: n.server.device, dice: rand.New(rand.NewPCG(seed, 1))}
	n.down = direction{conditions: c, network: n, from: n.server.device, to: n.client.device, dice: rand.New(rand.NewPCG(seed, 2))}
	n.forwarders.Go(n.up.forward)
	n.forwarders.Go(n.down.forward)
	return n
}

// A direction forwards packets one way.
type direction struct {
	conditions
	network  *network
	from, to *os.File
	dice     *rand.Rand
	idle     time.Time // when the line has sent what waits

	// Packets, and why some did not arrive.
	sent, lost, dropped, silenced atomic.Int64
}

// forward runs until the device it reads is closed.
func (d *direction) forward() {
	var packet [2 << 10]byte // longer than any: the interfaces have an MTU of 1,500 bytes
	for {
		n, err := d.from.Read(packet[:])
		if err != nil {
			return
		}
		d.sent.Add(1)
		now := time.Now()
		if d.idle.Before(now) {
			d.idle = now
		}
		waiting := int(d.idle.Sub(now).Seconds() * float64(d.rate) / 8)
		switch {
		case d.network.silent.Load():
			d.silenced.Add(1)
		case d.dice.Float64() < d.loss:
			d.lost.Add(1)
		case waiting+n > d.queue:
			d.dropped.Add(1)
		default:
			d.idle = d.idle.Add(time.Duration(n) * 8 * time.Second / time.Duration(d.rate))
			jitter := time.Duration(d.dice.Float64() * float64(d.jitter))
			d.deliver(bytes.Clone(packet[:n]), d.idle.Add(d.delay+jitter).Sub(now))
		}
	}
}

// deliver lets a packet arrive after a while, unless the link is cut meanwhile.
func (d *direction) deliver(packet []byte, after time.Duration) {
	time.AfterFunc(after, func() {
		if d.network.silent.Load() {
			d.silenced.Add(1)
			return
		}
		d.to.Write(packet) // fails when the test is over
	})
}
