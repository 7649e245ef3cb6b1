package main

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"time"
)

// startTimeout is how long a successor may take until it is ready.
const startTimeout = 10 * time.Second

// The path of this program, also when another version lies there by now.
var executable, executableErr = os.Executable()

// A successor is a process that is to take over.
type successor struct {
	cmd     *exec.Cmd
	outcome chan error // nil when it accepts
}

// ready tells, once, whether it accepts. Without a successor it tells nothing.
func (s *successor) ready() <-chan error {
	if s == nil {
		return nil
	}
	return s.outcome
}

func (s *successor) pid() int { return s.cmd.Process.Pid }

// start starts the program anew on the same sockets. It does not wait.
func start(sockets *sockets, args []string, log *slog.Logger) *successor {
	s := &successor{outcome: make(chan error, 1)}
	ready, err := s.spawn(sockets, args)
	if err != nil {
		s.outcome <- err
		return s
	}
	log.Info("a successor begins", "successor", s.pid())
	go s.await(ready)
	return s
}

// spawn starts the process and returns the pipe on which it says that it is ready.
func (s *successor) spawn(sockets *sockets, args []string) (ready *os.File, err error) {
	if executableErr != nil {
		return nil, executableErr
	}
	players, err := share(sockets.players)
	if err != nil {
		return nil, err
	}
	defer players.Close()
	health, err := share(sockets.health)
	if err != nil {
		return nil, err
	}
	defer health.Close()
	ready, says, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer says.Close() // the child has it: its end is the end of the pipe
	s.cmd = exec.Command(executable, args...)
	s.cmd.Env = append(os.Environ(), inherits+"=1")
	s.cmd.Stdout, s.cmd.Stderr = os.Stdout, os.Stderr
	s.cmd.ExtraFiles = []*os.File{players, health, says} // descriptors 3, 4 and 5
	if err := s.cmd.Start(); err != nil {
		ready.Close()
		return nil, err
	}
	return ready, nil
}

// await waits until the successor is ready, or has failed and is gone. It stays to
// take its exit status, until then or until this process ends.
func (s *successor) await(ready *os.File) {
	_ = ready.SetReadDeadline(time.Now().Add(startTimeout))
	_, err := ready.Read(make([]byte, 1))
	ready.Close()
	if err == nil {
		s.outcome <- nil
		_ = s.cmd.Wait()
		return
	}
	_ = s.cmd.Process.Kill() // it may be hanging
	if exit := s.cmd.Wait(); exit != nil {
		err = fmt.Errorf("%w (%w)", err, exit)
	}
	s.outcome <- err
}
