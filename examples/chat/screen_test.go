package main

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

var update = flag.Bool("update", false, "write the picture anew")

// A moment that is the same in every time zone, for the picture.
var evening = time.Date(2026, time.June, 1, 19, 58, 0, 0, time.Local)

// newScene is a screen as it is in the middle of a talk, without a server.
func newScene(t *testing.T) *screen {
	t.Helper()
	c, err := newClient("localhost:9200", "Ada", firstRoom)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.close() })
	c.online, c.operator = true, "Grace"
	c.members = []string{"Grace", "Ada", "Alan", "Linus", "小林"}
	s := newScreen(c)
	s.Update(tea.WindowSizeMsg{Width: 96, Height: 24})
	at := func(minutes int) time.Time { return evening.Add(time.Duration(minutes) * time.Minute) }
	s.add([]line{
		{at(0), saidLine, "Grace", "the server was restarted, is everybody back?"},
		{at(0), saidLine, "Alan", "yes, by itself, and with my name and room"},
		{at(1), statusLine, "", "you are Ada, in lobby"},
		{at(1), saidLine, "Ada", "me too. The last lines were there when I came"},
		{at(2), eventLine, "", "小林 has come"},
		{at(2), saidLine, "小林", "こんばんは"},
		{at(3), saidLine, "Linus", "a room is a set of connections, and what is said in it is one Broadcast to them; I had expected more code than that"},
		{at(3), saidLine, "Grace", "and nothing in the loop waits ♥"},
		{at(4), eventLine, "", "Mallory has come"},
		{at(4), saidLine, "Mallory", "BUY GOLD"},
		{at(4), eventLine, "", "Mallory has left (kicked by Grace: no advertising)"},
		{at(5), answerLine, "", "rooms: games (12), lobby (5)"},
		{at(5), failureLine, "", "Grace is the operator here"},
		{at(6), saidLine, "Alan", "shall we go to #games?"},
	})
	return s
}

func press(s *screen, keys ...string) {
	for _, key := range keys {
		switch key {
		case "enter":
			s.Update(tea.KeyPressMsg{Code: tea.KeyEnter})
		case "pgup":
			s.Update(tea.KeyPressMsg{Code: tea.KeyPgUp})
		case "esc":
			s.Update(tea.KeyPressMsg{Code: tea.KeyEscape})
		default:
			for _, r := range key {
				s.Update(tea.KeyPressMsg{Code: r, Text: string(r)})
			}
		}
	}
}

// rows returns what the terminal would show, without colours.
func rows(s *screen) []string { return strings.Split(ansi.Strip(s.View().Content), "\n") }

// The picture in the repository is what the program shows.
func TestPicture(t *testing.T) {
	s := newScene(t)
	press(s, "/join games")
	picture := svg(s.View().Content, s.width, s.height)
	const file = "chat.svg"
	if *update {
		if err := os.WriteFile(file, []byte(picture), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(file); err != nil || string(want) != picture {
		t.Errorf("%v; the picture is not up to date: go test -run TestPicture -update", err)
	}
}

// What is typed goes to the server, and what the server says is on the screen.
func TestScreenTalks(t *testing.T) {
	address, _ := serving(t, "")
	other := talk(t, address, "Grace")
	c, err := newClient(address, "Ada", firstRoom)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.close() })
	s := newScreen(c)
	if s.Init() == nil {
		t.Error("no first frame")
	}
	frames := func(until func() bool) {
		t.Helper()
		for deadline := time.Now().Add(patience); !until(); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("never; the screen is\n" + strings.Join(rows(s), "\n"))
			}
			s.Update(frameMsg(time.Now()))
		}
	}
	shows := func(text string) func() bool {
		return func() bool { return strings.Contains(strings.Join(rows(s), "\n"), text) }
	}
	if !shows("connecting to " + address)() {
		t.Error("before the connection:\n" + strings.Join(rows(s), "\n"))
	}
	press(s, "too early", "enter")
	if s.input.Value() != "too early" {
		t.Error("a line is gone that nobody could get")
	}
	frames(shows("you are Ada, in lobby"))
	s.input.Reset()
	press(s, "good evening", "enter")
	other.expect("<Ada> good evening")
	frames(shows("Ada │ good evening"))
	other.say("welcome")
	frames(shows("Grace │ welcome"))
	if top := rows(s)[0]; !strings.HasPrefix(top, " #lobby  2 here") || !strings.HasSuffix(top, "● "+address+" ") {
		t.Errorf("the bar is %q", top)
	}
	other.say("/kick Ada of course")
	frames(func() bool { return c.over })
	if _, cmd := s.Update(frameMsg(time.Now())); cmd == nil || cmd() != tea.Quit() {
		t.Error("it does not end")
	}
	if c.fault == nil || c.fault.Error() != "Grace has kicked you: of course" {
		t.Error(c.fault)
	}
}

// Whatever the size of the terminal, the view has exactly that.
func TestScreenSizes(t *testing.T) {
	s := newScene(t)
	for _, size := range []struct{ width, height int }{{200, 60}, {96, 24}, {60, 12}, {59, 12}, {30, 8}, {20, 7}} {
		s.Update(tea.WindowSizeMsg{Width: size.width, Height: size.height})
		got := rows(s)
		if len(got) != size.height {
			t.Errorf("%v: %d rows", size, len(got))
		}
		for _, row := range got {
			if w := ansi.StringWidth(row); w > size.width {
				t.Errorf("%v: a row of %d: %q", size, w, row)
			}
		}
		if cursor := s.View().Cursor; cursor == nil || cursor.X >= size.width || cursor.Y != size.height-3 {
			t.Errorf("%v: the cursor is at %v", size, cursor)
		}
	}
	for width := range 12 { // useless, but no reason to panic
		s.Update(tea.WindowSizeMsg{Width: width, Height: width / 2})
		s.View()
	}
}

// Who scrolls back stays there, also when something new comes.
func TestScreenScrolls(t *testing.T) {
	s := newScene(t)
	s.Update(tea.WindowSizeMsg{Width: 96, Height: 12})
	newest := strings.Join(rows(s), "\n")
	if !strings.Contains(newest, "shall we go to #games?") {
		t.Fatal(newest)
	}
	press(s, "pgup")
	before := rows(s)[1:6]
	s.add([]line{{evening, saidLine, "Alan", "anybody?"}})
	if after := rows(s)[1:6]; strings.Join(after, "\n") != strings.Join(before, "\n") {
		t.Errorf("it has moved:\n%s\nwas\n%s", strings.Join(after, "\n"), strings.Join(before, "\n"))
	}
	if !strings.Contains(strings.Join(rows(s), "\n"), "↓ 8 more") {
		t.Error("nothing tells that there is more:\n" + strings.Join(rows(s), "\n"))
	}
	for range 10 {
		press(s, "pgup")
	}
	if first := rows(s)[1]; !strings.Contains(first, "the server was restarted") {
		t.Error(first)
	}
	press(s, "esc")
	if !strings.Contains(strings.Join(rows(s), "\n"), "anybody?") {
		t.Error("it is not back")
	}
}

// A light terminal gets dark letters, and nobody is a new colour each time.
func TestScreenColours(t *testing.T) {
	s := newScene(t)
	dark := s.View().Content
	s.Update(tea.BackgroundColorMsg{Color: ansi.White})
	if s.dark || s.View().Content == dark {
		t.Error("it is as on a dark one")
	}
	if newPalette(true).name("Ada") != newPalette(true).name("ada") {
		t.Error("two colours for one name")
	}
}
