package distributed

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// A sessionStep is what happened between two steps of the recorded session.
type sessionStep struct {
	number  int
	who     string
	do      string
	c2s     []sessionMessage
	s2c     map[string][]string // payloads by participant
	leaving bool                // the participant's connection ends
}

type sessionMessage struct {
	from    string
	payload []byte
}

func readSession(t testing.TB) []*sessionStep {
	text, err := os.ReadFile(sessionPath)
	require.NoError(t, err)
	var steps []*sessionStep
	for line := range bytes.Lines(text) {
		var l struct {
			Step           int
			Who, Do        string
			Conn, Dir, Hex string
		}
		require.NoError(t, json.Unmarshal(line, &l))
		if l.Step > 0 {
			steps = append(steps, &sessionStep{number: l.Step, who: l.Who, do: l.Do, s2c: make(map[string][]string)})
			continue
		}
		if l.Conn == "" {
			continue
		}
		step := steps[len(steps)-1]
		switch l.Dir {
		case "c2s":
			step.c2s = append(step.c2s, sessionMessage{l.Conn, unhex(l.Hex)})
		case "s2c":
			step.s2c[l.Conn] = append(step.s2c[l.Conn], l.Hex)
		case "eof-c":
			step.leaving = true
		}
	}
	return steps
}

// The clients' side of the recorded session, played against the server, gets byte for
// byte what Panda3D's server sent: with AskAll exactly, else without the messages that
// the server spares. Empty disables are left out.
func TestSession(t *testing.T) {
	for name, config := range map[string]*ServerConfig{
		"like Panda3D": {AskAll: true}, "as by default": nil,
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, config)
			peers := make(map[string]*peer)
			for _, step := range readSession(t) {
				s.playStep(step, peers)
			}
		})
	}
}

func (s *scene) playStep(step *sessionStep, peers map[string]*peer) {
	if step.do == "connect" {
		p := s.connect()
		require.Equal(s.t, hexes([][]byte{appendSetDoIDRange(nil, p.base, 1_000_000)}), step.s2c[step.who])
		peers[step.who] = p
		return
	}
	for _, m := range step.c2s {
		p := peers[m.from]
		if bytes.Equal(m.payload, unhex("3023")) {
			_, err := p.Write(frame(m.payload))
			require.NoError(s.t, err)
			s.sent++
			continue
		}
		p.send(m.payload)
	}
	if step.leaving {
		p := peers[step.who]
		p.Close()
		s.until("gone", func() bool { return p.client.Err() != nil })
		delete(peers, step.who)
	}
	for who, p := range peers {
		want := slices.DeleteFunc(slices.Clone(step.s2c[who]), func(text string) bool { return text == "2d23" })
		got := p.received()
		if s.server.config.AskAll {
			require.ElementsMatch(s.t, sortedIDs(want), sortedIDs(got), "step %d, %s: %s", step.number, who, step.do)
			continue
		}
		spared := []messageType{requestGenerates}
		if who != step.who { // what it opened has come, but others have it already
			spared = append(spared, objectGenerate)
		}
		requireSpared(s.t, step, sortedIDs(want), sortedIDs(got), spared)
	}
}

// sortedIDs returns payloads with the ids of disables in order: they are sets.
func sortedIDs(payloads []string) []string {
	sorted := []string{}
	for _, text := range payloads {
		m, err := decodeServerMessage(unhex(text))
		if err == nil && m.kind == objectDisable {
			text = hexes([][]byte{disable(slices.Sorted(m.ids.all())...)})[0]
		}
		sorted = append(sorted, text)
	}
	return sorted
}

// requireSpared requires that got is want without some messages of spared types.
func requireSpared(t *testing.T, step *sessionStep, want, got []string, spared []messageType) {
	for _, text := range got {
		i := slices.Index(want, text)
		require.GreaterOrEqual(t, i, 0, "step %d: %s too many", step.number, text)
		want = slices.Delete(want, i, i+1)
	}
	for _, text := range want {
		m, err := decodeServerMessage(unhex(text))
		require.NoError(t, err)
		require.Contains(t, spared, m.kind, "step %d: %s", step.number, text)
	}
}
