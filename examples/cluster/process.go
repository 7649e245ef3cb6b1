package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// A place is what a server keeps when its process is another one.
type place struct {
	number                  uint16
	players, health, routes string
}

// A process is a server.
type process struct {
	place
	command *exec.Cmd
	stdin   io.Closer
	stderr  bytes.Buffer
	exited  chan error // gets one
	ending  bool       // it was killed, or told to end
}

// A line is one of a server's log.
type line struct {
	process     *process
	Time        time.Time `json:"time"`
	Message     string    `json:"msg"`
	Incarnation uint64
	Peer        uint16
	When        int64 // of an event, in nanoseconds since 1970
	Missed      uint64
	Reason      string
	Group       string
	Players     any
	Error       string
}

// at is when it happened.
func (l *line) at() time.Time {
	if l.When != 0 {
		return time.Unix(0, l.When)
	}
	return l.Time
}

// startProcess starts a server, which is this program again. Its log goes to lines.
func startProcess(p place, routes, secrets string, lines chan<- line, log io.Writer) (*process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &process{place: p, exited: make(chan error, 1)}
	s.command = exec.Command(program, "-server", "-with-stdin", "-number", strconv.Itoa(int(p.number)),
		"-players", p.players, "-health", p.health, "-listen", p.routes, "-routes", routes,
		"-tls", secrets, "-secret", filepath.Join(secrets, secretFile))
	s.command.Stderr = &s.stderr
	if s.stdin, err = s.command.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := s.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	go func() {
		for scanner := bufio.NewScanner(stdout); scanner.Scan(); {
			l := line{process: s}
			fmt.Fprintf(log, "server %d: %s\n", p.number, scanner.Bytes())
			if json.Unmarshal(scanner.Bytes(), &l) == nil {
				lines <- l
			}
		}
		s.exited <- s.command.Wait()
	}()
	return s, nil
}

// kill ends it as a crash does: it can do nothing about it.
func (s *process) kill() error {
	s.ending = true
	return s.command.Process.Kill()
}

// end asks it to drain and to end. Where there are no signals, the end of its standard
// input says the same.
func (s *process) end() {
	s.ending = true
	if s.command.Process.Signal(syscall.SIGTERM) != nil {
		s.stdin.Close()
	}
}

// wait BLOCKS until it has ended.
func (s *process) wait(ctx context.Context) error {
	select {
	case err := <-s.exited:
		s.exited <- err
		if err != nil {
			return fmt.Errorf("server %d: %w %s", s.number, err, s.stderr.String())
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
