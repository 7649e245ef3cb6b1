// Package panda3d runs Panda3D itself as a peer of the benchmarks: a server in
// Python, in a process of its own.
package panda3d

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

//go:embed server.py
var program string

// MostConnections is how many connections a server can have: Panda3D waits with
// select, and dies over 1,024 descriptors.
const MostConnections = 1000

func python() string {
	if python := os.Getenv("QUEUEDNET_PYTHON"); python != "" {
		return python
	}
	return "python3"
}

// Version returns the version of Panda3D that the Python has which the
// environment variable QUEUEDNET_PYTHON names, python3 without it; "" if it has
// none.
var Version = sync.OnceValue(func() string {
	const show = "import panda3d.core as p; print(p.PandaSystem.getVersionString())"
	output, err := exec.Command(python(), "-c", show).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(output))
})

// Available reports whether Panda3D is installed; see [Version].
func Available() bool { return Version() != "" }

// A Server is a server in Python that does one work.
type Server struct {
	address string
	command *exec.Cmd
	stdin   io.WriteCloser
	stdout  io.Closer
	lines   *bufio.Reader
	stderr  *strings.Builder
	ended   chan struct{}
}

// Start starts a server. The mode is "polled" or "threaded". The works and their
// arguments:
//
//	drain                                     takes everything as fast as it comes
//	frames    --connections=N --hz=60         takes everything that is there, each frame
//	echo                                      sends each datagram back at once
//	broadcast --connections=N --hz=60 --size=64   sends one to all of N, each frame
//	snapshot  --connections=N --hz=60 --size=1200 takes everything; sends one to all, each third frame
//
// Frames begin when N connections, [MostConnections] at most, are there.
func Start(mode, work string, args ...string) (*Server, error) {
	s := &Server{
		command: exec.Command(python(), append([]string{"-c", program, mode, work}, args...)...),
		stderr:  new(strings.Builder),
		ended:   make(chan struct{}),
	}
	s.command.Stderr = s.stderr
	var err error
	if s.stdin, err = s.command.StdinPipe(); err != nil {
		return nil, err
	}
	// Not StdoutPipe, which Wait closes before all is read.
	stdout, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	s.stdout, s.lines, s.command.Stdout = stdout, bufio.NewReader(stdout), theirs
	err = s.command.Start()
	theirs.Close()
	if err != nil {
		stdout.Close()
		return nil, err
	}
	go func() {
		s.command.Wait()
		close(s.ended)
	}()
	var listening struct{ Address string }
	if err := s.read(&listening); err != nil {
		s.Stop()
		return nil, err
	}
	s.address = listening.Address
	return s, nil
}

// Addr returns where the server listens.
func (s *Server) Addr() string { return s.address }

// Stats returns what happened since it was last called: datagrams, sent and
// accepted (numbers), misplaced (datagrams out of order) and dropped (1 if any
// were), seconds and cpu_seconds; with frames, frames (their number), frame_ms
// (the median of the time that one took) and late_p99_ms (from sending a datagram
// to the frame that took it). connections is how many there are. The server
// answers between two frames or drains.
func (s *Server) Stats() (map[string]float64, error) {
	if _, err := io.WriteString(s.stdin, "stats\n"); err != nil {
		return nil, s.because(err)
	}
	stats := make(map[string]float64)
	return stats, s.read(&stats)
}

// read reads one line of JSON.
func (s *Server) read(v any) error {
	line, err := s.lines.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, v)
	}
	if err != nil {
		return s.because(err)
	}
	return nil
}

// because returns an error with what the server said last, if it has ended.
func (s *Server) because(err error) error {
	select {
	case <-s.ended:
		return fmt.Errorf("Panda3D: %w: %s", err, strings.TrimSpace(s.stderr.String()))
	case <-time.After(time.Second):
		return fmt.Errorf("Panda3D: %w", err)
	}
}

// Stop ends the server. It may wait for it, up to 5 seconds.
func (s *Server) Stop() {
	s.stdin.Close()
	select {
	case <-s.ended:
	case <-time.After(5 * time.Second):
		s.command.Process.Kill()
		<-s.ended
	}
	s.stdout.Close()
}
