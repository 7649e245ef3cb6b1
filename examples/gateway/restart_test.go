//go:build unix

package main

import (
	"context"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// comeAndGo lets players come, ask and go until ctx is done, and counts who served
// them. None of them may be turned away.
func comeAndGo(ctx context.Context, t *testing.T, address, proxyLine string, served *sync.Map) {
	for ctx.Err() == nil {
		p, _, err := join(address, proxyLine)
		if err == nil {
			var pid string
			if pid, err = p.ask("hello"); err == nil {
				count, _ := served.LoadOrStore(pid, new(atomic.Int64))
				count.(*atomic.Int64).Add(1)
			}
			p.socket.Close()
		}
		if err != nil {
			t.Error("a player was lost: ", err)
			return
		}
	}
}

// servedBy returns how many players a process has served.
func servedBy(served *sync.Map, pid string) int64 {
	if count, ok := served.Load(pid); ok {
		return count.(*atomic.Int64).Load()
	}
	return 0
}

// awaitServed waits until a process has served 20 more players.
func awaitServed(t *testing.T, served *sync.Map, pid string) {
	t.Helper()
	enough := servedBy(served, pid) + 20
	eventually(t, "players of "+pid, func() bool { return t.Failed() || servedBy(served, pid) >= enough })
}

// requireWelcome lets the line of a proxy come late, and asserts that the player behind
// it is welcome.
func requireWelcome(t *testing.T, slow *player, proxyLine string) {
	t.Helper()
	if _, err := slow.socket.Write([]byte(proxyLine)); err != nil {
		t.Error(err)
	}
	if welcome, err := slow.hear(); err != nil || !strings.HasPrefix(welcome, "welcome, 203.0.113.7:4711: ") {
		t.Errorf("who was slow: %q, %v", welcome, err)
	}
}

// requireAcceptsNoMore asserts that all who come are served by the second of two processes.
func requireAcceptsNoMore(t *testing.T, served *sync.Map, first, second string) {
	t.Helper()
	last := servedBy(served, first)
	awaitServed(t, served, second)
	// Of each of the four it may have accepted one, and answered one that was not counted yet.
	if more := servedBy(served, first) - last; more > 8 {
		t.Errorf("the first process goes on accepting: %d more", more)
	}
}

// While players come and go, and others stay, a process takes over from another
// one, and a third from that: nobody is lost.
func TestRestart(t *testing.T) {
	binary := build(t)
	for name, test := range map[string]struct{ proxyLine, flag string }{
		"direct":       {"", "-drain=1h"},
		"behind proxy": {"PROXY TCP4 203.0.113.7 192.0.2.1 4711 4000\r\n", "-proxies=127.0.0.0/8"},
	} {
		t.Run(name, func(t *testing.T) {
			first := launch(t, binary, nil, test.flag, "-hello=10s")
			ctx, cancel := context.WithCancel(t.Context())
			var served sync.Map
			var crowd sync.WaitGroup
			for range 4 {
				crowd.Go(func() { comeAndGo(ctx, t, first.players, test.proxyLine, &served) })
			}
			stays, _ := mustJoin(t, first.players, test.proxyLine)
			slow, err := connect(first.players, "") // accepted, and its line is yet to come
			if err != nil {
				t.Fatal(err)
			}
			defer slow.socket.Close()
			awaitServed(t, &served, first.pid())

			first.signal(syscall.SIGHUP)
			second := field(first.await("the successor accepts"), "successor")
			awaitServed(t, &served, second)
			if test.proxyLine != "" {
				requireWelcome(t, slow, test.proxyLine)
			}
			requireAcceptsNoMore(t, &served, first.pid(), second)
			if code := first.code("/readyz"); code != 200 {
				t.Errorf("/readyz of the successor: %d", code)
			}
			if pid, err := stays.ask("still there?"); err != nil || pid != first.pid() {
				t.Errorf("who stays is with %s, %v", pid, err)
			}
			stays.socket.Close()
			slow.socket.Close()
			first.ends()

			kill(t, second, syscall.SIGHUP)
			third := field(first.await("pid="+second, "the successor accepts"), "successor")
			awaitServed(t, &served, third)
			cancel()
			crowd.Wait()
			first.await("pid="+second, "msg=ended")
			kill(t, third, syscall.SIGTERM)
			first.await("pid="+third, "msg=ended")
		})
	}
}

// A new version that does not come up changes nothing.
func TestNoSuccessor(t *testing.T) {
	binary := build(t)
	p := launch(t, binary, nil)
	stays, _ := mustJoin(t, p.players, "")
	if err := os.Remove(binary); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGHUP)
	p.await("no successor: going on", "no such file")
	if err := os.WriteFile(binary, []byte("#!/bin/sh\nexit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGHUP)
	p.await("no successor: going on", "exit status 3")
	if pid, err := stays.ask("hello"); err != nil || pid != p.pid() {
		t.Error(pid, err)
	}
	_, welcome := mustJoin(t, p.players, "")
	if !strings.HasSuffix(welcome, "you are with process "+p.pid()) {
		t.Error(welcome)
	}
	if code := p.code("/readyz"); code != 200 {
		t.Errorf("/readyz: %d", code)
	}
}

// A predecessor that dies while its successor starts does not take it along.
func TestPredecessorDies(t *testing.T) {
	var address string
	var inherited []*os.File
	for range 2 { // for the health, and for the players
		listener, err := listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		file, err := share(listener)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		address, inherited = listener.Addr().String(), append([]*os.File{file}, inherited...)
	}
	hears, says, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	hears.Close() // nobody hears that it is ready
	defer says.Close()
	p := begin(t, build(t), append(inherited, says), []string{inherits + "=1"})
	p.await("the predecessor is gone")
	_, welcome := mustJoin(t, address, "")
	if !strings.HasSuffix(welcome, "you are with process "+p.pid()) {
		t.Error(welcome)
	}
}
