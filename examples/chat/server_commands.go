package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/queuednet/queuednet"
)

const help = `/join ROOM · /nick NAME · /who · /rooms · /quit [WHY] · for operators: /kick NAME [WHY] · to be one everywhere: /op PASSWORD`

// typed deals with a line of somebody who is in.
func (s *server) typed(p *player, it queuednet.DatagramIterator, now time.Time) {
	kind, text := it.GetUint8(), clean(it.GetString())
	if it.Err() != nil || kind != msgTyped {
		s.throwOut(p, "the server", "it does not understand your client")
		return
	}
	if text == "" {
		return
	}
	if !strings.HasPrefix(text, "/") {
		s.tell(p.room, p.room.say(p.name, text, now).datagram())
		return
	}
	command, argument, _ := strings.Cut(text[1:], " ")
	reply, err := s.command(p, command, strings.TrimSpace(argument))
	if err != nil {
		s.send(p, answer(true, err.Error()))
	} else if reply != "" {
		s.send(p, answer(false, reply))
	}
}

// command obeys one. Its reply or error is for who typed it.
func (s *server) command(p *player, command, argument string) (reply string, err error) {
	switch command {
	case "join":
		return "", s.join(p, argument)
	case "nick":
		return "", s.rename(p, argument)
	case "kick":
		name, why, _ := strings.Cut(argument, " ")
		return "", s.kick(p, name, strings.TrimSpace(why))
	case "op":
		return s.makeOperator(p, argument)
	case "who":
		return s.who(p.room), nil
	case "rooms":
		return s.listRooms(), nil
	case "quit":
		s.quit(p, argument)
		return "", nil
	case "help":
		return help, nil
	}
	return "", fmt.Errorf("there is no /%s: /help says what there is", command)
}

func (s *server) join(p *player, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if fold(name) == fold(p.room.name) {
		return errors.New("you are there")
	}
	s.leave(p, "went to "+name)
	s.enter(p, name, time.Time{})
	return nil
}

func (s *server) rename(p *player, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if other := s.names[fold(name)]; other != nil && other != p {
		return fmt.Errorf("%s is somebody else", other.name)
	}
	old := p.name
	delete(s.names, fold(old))
	p.name = name
	s.names[fold(name)] = p
	s.tell(p.room, message(msgRenamed, old, name))
	return nil
}

func (s *server) kick(by *player, name, why string) error {
	if !by.operator && by.room.operator() != by {
		return fmt.Errorf("%s is the operator here", by.room.operator().name)
	}
	p := s.names[fold(name)]
	if p == nil || p.room != by.room || p.farewell != "" {
		return fmt.Errorf("there is no %q in %s", name, by.room.name)
	}
	s.throwOut(p, by.name, why)
	return nil
}

// throwOut tells a person who threw him out and why, and closes.
func (s *server) throwOut(p *player, by, why string) {
	s.send(p, message(msgKicked, by, why))
	if why != "" {
		why = ": " + why
	}
	s.close(p, "kicked by "+by+why)
}

func (s *server) makeOperator(p *player, password string) (string, error) {
	if !sameSecret(s.password, password) {
		return "", errors.New("that is not the password")
	}
	p.operator = true
	return "you are an operator in every room", nil
}

func (s *server) who(r *room) string {
	names := make([]string, 0, len(r.members))
	for _, p := range r.inOrder() {
		names = append(names, p.name)
	}
	return fmt.Sprintf("in %s: %s; the operator is %s", r.name, strings.Join(names, ", "), r.operator().name)
}

func (s *server) listRooms() string {
	rooms := slices.SortedFunc(maps.Values(s.rooms), func(a, b *room) int { return strings.Compare(a.name, b.name) })
	texts := make([]string, 0, len(rooms))
	for _, r := range rooms {
		texts = append(texts, fmt.Sprintf("%s (%d)", r.name, len(r.members)))
	}
	return "rooms: " + strings.Join(texts, ", ")
}

// quit is for a person who leaves in peace; the client closes.
func (s *server) quit(p *player, why string) {
	s.close(p, cmp.Or(why, "bye"))
}
