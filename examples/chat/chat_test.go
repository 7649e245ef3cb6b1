package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/queuednet/queuednet/examples/internal/lines"
	"github.com/queuednet/queuednet/internal/free"
)

const patience = time.Minute

// serving runs a server, which stop ends.
func serving(t *testing.T, address string, args ...string) (at string, stop func()) {
	t.Helper()
	if address == "" {
		address = "127.0.0.1:0"
	}
	ctx, cancel := context.WithCancel(context.Background())
	out := lines.New(t)
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, append([]string{"-serve", "-address", address}, args...), nil, out) }()
	stop = func() {
		cancel()
		err := <-ended
		ended <- err
		if err != nil {
			t.Error("the server ended with", err)
		}
	}
	t.Cleanup(stop)
	return out.Await("listening on "), stop
}

// freeAddress returns one that nobody gets by chance while no server listens there.
func freeAddress(t *testing.T) string {
	t.Helper()
	addresses, err := free.Addresses(1)
	if err != nil {
		t.Fatal(err)
	}
	return addresses[0]
}

// A talker is a person with the plain interface.
type talker struct {
	t     *testing.T
	in    *io.PipeWriter
	out   *lines.Lines
	ended chan error
}

// talk lets somebody join, and waits until he is there.
func talk(t *testing.T, address, name string, args ...string) *talker {
	t.Helper()
	in, w := io.Pipe()
	p := &talker{t, w, lines.New(t), make(chan error, 1)}
	args = append([]string{"-connect", "-plain", "-address", address, "-name", name}, args...)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { p.ended <- run(ctx, args, in, p.out) }()
	t.Cleanup(func() {
		cancel()
		w.Close()
		p.end()
	})
	p.out.Await("- you are ")
	return p
}

func (p *talker) say(text string) {
	p.t.Helper()
	if _, err := fmt.Fprintln(p.in, text); err != nil {
		p.t.Error(err)
	}
}

// expect waits for a line, and passes over others.
func (p *talker) expect(line string) {
	p.t.Helper()
	for p.out.Await(line) != "" {
	}
}

// never fails if a line has come so far.
func (p *talker) never(line string) {
	p.t.Helper()
	if slices.Contains(strings.Split(p.out.String(), "\n"), line) {
		p.t.Errorf("there was %q", line)
	}
}

// end waits for the end and returns its error.
func (p *talker) end() error {
	err := <-p.ended
	p.ended <- err
	return err
}

func TestRooms(t *testing.T) {
	address, _ := serving(t, "")
	ada := talk(t, address, "Ada")
	grace := talk(t, address, "Grace")
	ada.expect("* Grace has come")
	ada.say("hello")
	ada.expect("<Ada> hello")
	grace.expect("<Ada> hello")

	grace.say("/join Games")
	grace.expect("- you are Grace, in Games")
	ada.expect("* Grace has left (went to Games)")
	ada.say("only for the lobby")
	ada.expect("<Ada> only for the lobby")
	ada.say("/rooms")
	ada.expect("= rooms: Games (1), lobby (1)")
	ada.say("/join games")
	grace.expect("* Ada has come")
	ada.say("/who")
	ada.expect("= in Games: Grace, Ada; the operator is Grace")
	ada.say("only for the games")
	grace.expect("<Ada> only for the games")
	grace.never("<Ada> only for the lobby")

	grace.say("/quit it is late")
	ada.expect("* Grace has left (it is late)")
	ada.expect("* Ada is the operator")
	if err := grace.end(); err != nil {
		t.Error(err)
	}
}

// Who comes later gets the last lines, in their order.
func TestHistory(t *testing.T) {
	address, _ := serving(t, "")
	ada := talk(t, address, "Ada")
	for n := range maxHistory + 5 {
		ada.say(fmt.Sprint("line ", n))
	}
	ada.expect(fmt.Sprint("<Ada> line ", maxHistory+4))
	grace := talk(t, address, "Grace")
	for n := 5; n < maxHistory+5; n++ {
		if got := grace.out.Await("<Ada> line "); got != fmt.Sprint(n) {
			t.Fatalf("line %s, not %d", got, n)
		}
	}
	grace.never("<Ada> line 4")
}

func TestNames(t *testing.T) {
	address, _ := serving(t, "")
	ada := talk(t, address, "Ada")
	other := talk(t, address, "ADA")
	other.never("- you are ADA, in lobby")
	ada.expect("* ADA_2 has come")
	other.say("/nick ada")
	other.expect("! Ada is somebody else")
	other.say("/nick with space")
	other.expect("! a name has letters, digits, - and _ only, not ' '")
	other.say("/nick Grace")
	other.expect("* ADA_2 is now Grace")
	ada.expect("* ADA_2 is now Grace")
	other.say("it is me")
	ada.expect("<Grace> it is me")
	ada.say("/nick ADA") // the same, in other letters
	other.expect("* Ada is now ADA")
	ada.say("/nick ")
	ada.expect("! a name has 1 to 16 characters")
}

func TestKick(t *testing.T) {
	address, _ := serving(t, "", "-password", "secret")
	ada := talk(t, address, "Ada")
	grace := talk(t, address, "Grace")
	mallory := talk(t, address, "Mallory")
	mallory.say("/kick Ada")
	mallory.expect("! Ada is the operator here")
	mallory.say("/op guess")
	mallory.expect("! that is not the password")
	grace.say("/op secret")
	grace.expect("= you are an operator in every room")
	grace.say("/kick Nobody")
	grace.expect(`! there is no "Nobody" in lobby`)
	grace.say("/kick mallory no advertising")
	ada.expect("* Mallory has left (kicked by Grace: no advertising)")
	if err := mallory.end(); err == nil || err.Error() != "Grace has kicked you: no advertising" {
		t.Error(err)
	}
	ada.say("/kick Grace")
	ada.expect("* Grace has left (kicked by Ada)")
	if err := grace.end(); err == nil || err.Error() != "Ada has kicked you" {
		t.Error(err)
	}
}

// The server goes, and comes back: everybody has name and room again.
func TestReconnect(t *testing.T) {
	address := freeAddress(t)
	_, stop := serving(t, address)
	ada := talk(t, address, "Ada", "-room", "games")
	grace := talk(t, address, "Grace", "-room", "games")
	grace.say("see you")
	ada.expect("<Grace> see you")
	stop()
	ada.expect("- the server ends: see you soon")
	ada.expect("- no server (EOF): trying again")
	ada.say("typed while there is no server")

	serving(t, address)
	ada.expect("- you are Ada, in games")
	grace.expect("- you are Grace, in games")
	grace.expect("<Ada> typed while there is no server")
	if n := strings.Count(ada.out.String(), "see you\n"); n != 1 {
		t.Errorf("%d times", n)
	}
}

// A connection that died without a word does not keep its name: who has the token
// takes it over. Lines that the client has are not sent again.
func TestTakeOver(t *testing.T) {
	address, _ := serving(t, "")
	grace := talk(t, address, "Grace")
	ada, err := newClient(address, "Ada", firstRoom)
	if err != nil {
		t.Fatal(err)
	}
	defer ada.close()
	var got []string
	frames := func(line string) {
		t.Helper()
		for deadline := time.Now().Add(patience); !slices.Contains(got, line); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("no %q in %q", line, got)
			}
			for _, l := range ada.frame(time.Now()) {
				got = append(got, l.plain())
			}
		}
	}
	frames("- you are Ada, in lobby")
	grace.say("first")
	frames("<Grace> first")
	old := ada.server
	ada.reader.RemoveConnection(old) // the way is dead: neither end hears of the other
	ada.server, ada.online = nil, false
	grace.say("second")
	grace.expect("<Grace> second")
	got = nil
	frames("<Grace> second")
	if !slices.Contains(got, "- you are Ada, in lobby") || slices.Contains(got, "<Grace> first") {
		t.Errorf("%q", got)
	}
	grace.say("/who")
	grace.expect("= in lobby: Grace, Ada; the operator is Grace")
	grace.never("* Ada has left")
}

// A script: what is piped in is said, then it leaves.
// It waits for the answers.
func TestScript(t *testing.T) {
	address, _ := serving(t, "")
	ada := talk(t, address, "Ada")
	out := lines.New(t)
	args := []string{"-connect", "-plain", "-address", address, "-name", "script"}
	if err := run(t.Context(), args, strings.NewReader("one\n\n/nosuch\n/who\n"+strings.Repeat("x", 1<<20)+"\ntwo"), out); err != nil {
		t.Error(err)
	}
	for _, line := range []string{"<script> one", "! there is no /nosuch: /help says what there is", "= in lobby: Ada, script; the operator is Ada", "<script> two"} {
		if !slices.Contains(strings.Split(out.String(), "\n"), line) {
			t.Errorf("no %q in\n%s", line, out)
		}
	}
	ada.expect("<script> one")
	ada.expect("<script> two")
	ada.expect("* script has left (bye)")
}

// One command: the first one serves, the second one finds it, and both talk.
func TestOneCommand(t *testing.T) {
	address := freeAddress(t)
	var talkers []*talker
	for _, name := range []string{"Ada", "Grace"} {
		in, w := io.Pipe()
		p := &talker{t, w, lines.New(t), make(chan error, 1)}
		go func() { p.ended <- run(t.Context(), []string{"-plain", "-address", address, "-name", name}, in, p.out) }()
		p.out.Await("- you are ")
		talkers = append(talkers, p)
	}
	talkers[1].say("found you")
	talkers[0].expect("<Grace> found you")
	talkers[0].in.Close()
	if err := talkers[0].end(); err != nil {
		t.Error(err)
	}
	talkers[1].expect("- the server ends: see you soon")
	talkers[1].say("/quit")
	talkers[1].in.Close()
}

// What a stranger sends costs only himself, and says nothing on anybody's terminal.
func TestStrangers(t *testing.T) {
	address, _ := serving(t, "")
	ada := talk(t, address, "Ada")
	for bytes, why := range map[string]string{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n": "",
		"\x02\x00\x02x":                     "this is a chat of queuednet's examples",
		"\x06\x00\x01CHAT\x09":              "this server speaks version 1, you speak 9",
		"\x06\x00\x01CHAT\x01":              "string",
		"\x15\x00" + string(hello{name: " "}.datagram().Message()): "a name has letters",
	} {
		socket, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(socket, bytes); err != nil {
			t.Fatal(err)
		}
		socket.SetDeadline(time.Now().Add(patience))
		if got, err := io.ReadAll(socket); err != nil && why != "" || !strings.Contains(string(got), why) {
			t.Errorf("%q: %q, %v", bytes, got, err)
		}
		socket.Close()
	}
	grace := talk(t, address, "Grace")
	grace.say("\x1b[2J" + strings.Repeat("ä", 500))
	ada.expect("<Grace> \uFFFD[2J" + strings.Repeat("ä", maxText-4) + "…")
}

func TestArguments(t *testing.T) {
	for args, want := range map[string]string{
		"-serve -connect":         "-serve and -connect exclude each other",
		"-name a.b -connect":      "a name has letters",
		"-address x -connect":     "missing port in address",
		"-serve -address x:70000": "not a port from 0 to 65535",
		"more":                    `unexpected argument "more"`,
	} {
		if err := run(t.Context(), strings.Fields(args), nil, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", args, err)
		}
	}
}
