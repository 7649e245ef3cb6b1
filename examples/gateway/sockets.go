package main

import (
	"errors"
	"net"
	"os"
	"time"
)

// inherits is set for a process that gets its sockets from its predecessor, as
// descriptors from 3 on, and after them a pipe to say that it is ready.
const inherits = "QUEUEDNET_GATEWAY_INHERITS"

// The listening sockets, which outlive the process. They are package net's own, not
// what is put over them: only these can be handed over, and stop accepting.
type sockets struct {
	players, health *net.TCPListener
	ready           *os.File // to the predecessor; nil without one
}

func openSockets(o options) (*sockets, error) {
	s := new(sockets)
	var err error
	if os.Getenv(inherits) == "" {
		if s.players, err = listen(o.address); err == nil {
			s.health, err = listen(o.health)
		}
	} else {
		os.Unsetenv(inherits) // not for the programs that this one starts
		s.ready = os.NewFile(5, "ready")
		if s.players, err = inherit(3); err == nil {
			s.health, err = inherit(4)
		}
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func listen(address string) (*net.TCPListener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	return l.(*net.TCPListener), nil
}

func inherit(descriptor uintptr) (*net.TCPListener, error) {
	file := os.NewFile(descriptor, "inherited listener")
	defer file.Close() // FileListener makes a copy
	l, err := net.FileListener(file)
	if err != nil {
		return nil, err
	}
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		return nil, errors.New("the inherited socket is not one of TCP")
	}
	return tcp, nil
}

// tellReady tells the predecessor, if there is one, to stop accepting.
func (s *sockets) tellReady() error {
	if s.ready == nil {
		return nil
	}
	_, err := s.ready.WriteString("!")
	s.ready.Close()
	s.ready = nil
	return err
}

// stopAccepting ends Accept of this process and leaves the socket open. Its error
// is one that passes for a rendezvous.
func (s *sockets) stopAccepting() { _ = s.players.SetDeadline(time.Unix(1, 0)) }

// close closes what is open: again does no harm.
func (s *sockets) close() {
	for _, l := range []*net.TCPListener{s.players, s.health} {
		if l != nil {
			l.Close()
		}
	}
	if s.ready != nil {
		s.ready.Close() // without a word: this process has not come up
	}
}
