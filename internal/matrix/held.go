package matrix

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/internal/testend"
)

const (
	heldEnv   = "QUEUEDNET_MATRIX_HELD" // set in the process that is held up
	heldReady = "ready to be held up"
	heldLimit = time.Second
	heldFor   = heldLimit * 3 / 2
)

// heldUp returns a scenario that runs in a process of its own, which is stopped for longer
// than the limits in time allow. The peer, in the same process, is not late.
func heldUp(scenario func(*cell)) func(*cell) {
	return func(c *cell) {
		if os.Getenv(heldEnv) != "" {
			scenario(c)
			return
		}
		holdUp(c)
	}
}

func holdUp(c *cell) {
	var pattern []string
	for part := range strings.SplitSeq(c.Name(), "/") {
		pattern = append(pattern, "^"+regexp.QuoteMeta(part)+"$")
	}
	for tries := 1; ; tries++ { // a busy machine holds some of them up by itself
		said, err := heldUpChild(c, strings.Join(pattern, "/"))
		if err == nil {
			return
		}
		if tries == 5 {
			c.Errorf("%d times in a row: %v: %s", tries, err, said)
			return
		}
	}
}

// heldUpChild runs the process that is held up, and returns what it has said.
func heldUpChild(c *cell, pattern string) (string, error) {
	child := exec.CommandContext(c.Context(), os.Args[0], "-test.count=1", "-test.run", pattern)
	child.Env = append(os.Environ(), heldEnv+"=1")
	output, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		c.Skip("no processes here: ", err)
	}
	var said strings.Builder
	for lines := bufio.NewScanner(output); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), heldReady) {
			if err := hold(child.Process, heldFor); err != nil {
				c.Error(err)
			}
		}
	}
	return said.String(), child.Wait()
}

// trafficHeldUp has a connection on which a write waits all the time for a peer that
// takes a little at a time, and that says something all the time.
func trafficHeldUp(c *cell) {
	s := c.serve(&queuednet.Config{
		WriteTimeout: heldLimit, IdleTimeout: heldLimit, MaxSendQueue: 64 << 20, CloseTimeout: 100 * time.Millisecond,
	})
	conn, far := s.Connect()
	var read atomic.Int64
	go func() {
		for b := make([]byte, 64<<10); ; time.Sleep(time.Millisecond) {
			n, err := far.Read(b)
			if err != nil {
				return
			}
			read.Add(int64(n))
		}
	}()
	payload := queuednet.NewDatagram(make([]byte, 60_000))
	var held time.Time
	sent, last := int64(0), time.Now()
	for steps := 0; conn.Err() == nil && (held.IsZero() || time.Since(held) < heldLimit/4); steps++ {
		for ; sent-read.Load() < 20<<20; sent += 60_000 { // more than the system holds
			s.Writer.Send(payload, conn)
		}
		if _, err := far.Write([]byte(testend.Frames("ping"))); err != nil {
			c.Error("the peer: ", err)
			break
		}
		s.Until("ping", func() bool {
			got := conn.Err() != nil
			for range s.Reader.Datagrams() {
				got = true
			}
			return got
		})
		if steps == 100 {
			fmt.Println(heldReady)
		}
		now := time.Now()
		if now.Sub(last) > heldFor/2 {
			held = now
		}
		last = now
	}
	if err := conn.Err(); err != nil {
		c.Errorf("ended because the process was held up: %v", err)
	}
}

// closeHeldUp has a connection that is closing, and one of a manager that is. The peers
// take what was sent when the time for that would have passed.
func closeHeldUp(c *cell) {
	const count = 100
	config := &queuednet.Config{CloseTimeout: heldLimit, MaxSendQueue: 64 << 20}
	var fars []net.Conn
	for _, close := range []func(*testend.Server, *queuednet.Connection){
		func(s *testend.Server, conn *queuednet.Connection) { s.Manager.CloseConnection(conn) },
		func(s *testend.Server, _ *queuednet.Connection) { go s.Manager.Close() },
	} {
		s := c.serve(config)
		conn, far := s.Connect()
		for range count { // more than the system holds
			s.Send(conn, string(make([]byte, 60_000)))
		}
		close(s, conn)
		fars = append(fars, far)
	}
	last := time.Now()
	fmt.Println(heldReady) // it may be stopped at once
	for ; time.Since(last) < heldFor/2; time.Sleep(time.Millisecond) {
		last = time.Now()
	}
	var reads sync.WaitGroup
	for _, far := range fars {
		reads.Go(func() {
			n, err := readToEnd(far)
			if n < count*60_000 || !c.isGoodEnd(err) {
				c.Errorf("of %d bytes %d arrive, then %v", count*60_000, n, err)
			}
		})
	}
	reads.Wait()
}
