package main

import (
	"crypto/subtle"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/queuednet/queuednet/examples/space/game"
)

const (
	talkAtOnce = 4                       // lines
	talkEvery  = 2 * game.TicksPerSecond // ticks for one more
	nameRunes  = 16
)

// talk bounds how much a member says.
type talk struct {
	spent uint32 // the tick until which the lines are paid for
}

func (t *talk) allowed(now uint32) bool {
	if int32(t.spent-now) < 0 {
		t.spent = now
	}
	if t.spent-now > (talkAtOnce-1)*talkEvery {
		return false
	}
	t.spent += talkEvery
	return true
}

// said handles a line of a member: a command, or a chat for all.
func (s *server) said(p *member, text string) {
	text = clean(text)
	if text == "" {
		return
	}
	if !p.talk.allowed(s.world.Tick) {
		s.whisper(p, "You talk too fast.")
		return
	}
	command, rest, _ := strings.Cut(text, " ")
	switch {
	case !strings.HasPrefix(text, "/"):
		s.toAll(&game.Chat{From: p.pilot.ID, Text: text})
	case command == "/admin":
		p.admin = subtle.ConstantTimeCompare([]byte(rest), []byte(s.Admin)) == 1
		s.whisper(p, fmt.Sprintf("You are an admin: %v.", p.admin))
	case command == "/kick" && p.admin:
		s.kick(p, rest)
	case command == "/kick":
		s.whisper(p, "Only an admin may do that: /admin WORD, which the server has printed.")
	default:
		s.whisper(p, "Commands: /admin WORD, /kick NAME.")
	}
}

// kick sends a member away.
func (s *server) kick(by *member, name string) {
	for _, p := range s.byToken {
		if strings.EqualFold(p.name, name) {
			s.remove(p, "was kicked by "+by.name, "You were kicked by "+by.name+".")
			return
		}
	}
	s.whisper(by, "Nobody is called "+name+".")
}

// freeName returns the name that a player asks for, changed if somebody has it.
func (s *server) freeName(asked string) string {
	base := clean(asked)
	for utf8.RuneCountInString(base) > nameRunes || len(base) > game.MaxName-3 {
		_, size := utf8.DecodeLastRuneInString(base)
		base = base[:len(base)-size]
	}
	if base = strings.TrimSpace(base); base == "" {
		base = "pilot"
	}
	for n, name := 2, base; ; n++ {
		if !s.taken(name) {
			return name
		}
		name = fmt.Sprintf("%s %d", base, n)
	}
}

func (s *server) taken(name string) bool {
	for _, p := range s.byToken {
		if strings.EqualFold(p.name, name) {
			return true
		}
	}
	for _, o := range s.far {
		if strings.EqualFold(o.Name, name) {
			return true
		}
	}
	return false
}

// clean returns a text without what is not to be seen.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
	return strings.Join(strings.Fields(text), " ")
}
