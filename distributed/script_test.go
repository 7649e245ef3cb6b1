package distributed

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// The rows of the table for a server are also kept as scripts, of what clients send and what each
// must get then, for servers that are not tested here: those of module cluster play them.

var updateScripts = flag.Bool("update-scripts", false, "write "+scriptPath+" anew")

const scriptPath = "testdata/rows.jsonl"

// A script is what happens in one scene of a row.
type script struct {
	Row    string       `json:"row"`
	Config scriptConfig `json:"config"`
	Steps  []scriptStep `json:"steps"`

	opaque bool // something happens that a script cannot say
}

// A scriptConfig has the fields of ServerConfig that rows set, but IDRange.
type scriptConfig struct {
	RepairRequired    bool `json:",omitempty"`
	RelayUnchecked    bool `json:",omitempty"`
	MaxZonesPerClient int  `json:",omitempty"`
}

// A scriptStep is: "connect" a peer, "send" payloads of it, "settle" until the servers have
// handled all, "drain" what a peer has got, what it "gets" exactly, "close" its connection, and
// how many messages were "dropped" since the script began, by reason.
type scriptStep struct {
	Do       string         `json:"do"`
	Peer     int            `json:"peer"`
	Payloads []string       `json:"payloads,omitempty"` // hexadecimal, or after "z:" base64 of zlib
	Dropped  map[int]uint64 `json:"dropped,omitempty"`
}

// scripts are those of the rows that were run, by row.
var scripts struct {
	mu  sync.Mutex
	all map[string][]*script
}

// record begins a script for a scene of TestConformanceServer.
func (s *scene) record(config *ServerConfig) {
	_, row, ok := strings.Cut(s.t.Name(), "TestConformanceServer/")
	s.script = &script{}
	if !ok {
		return
	}
	if config != nil {
		s.script.Config = scriptConfig{config.RepairRequired, config.RelayUnchecked, config.MaxZonesPerClient}
		s.script.opaque = config.IDRange != 0
	}
	s.script.Row, _, _ = strings.Cut(row, "/")
	scripts.mu.Lock()
	defer scripts.mu.Unlock()
	if scripts.all == nil {
		scripts.all = make(map[string][]*script)
	}
	scripts.all[s.script.Row] = append(scripts.all[s.script.Row], s.script)
}

// note adds a step of a peer.
func (p *peer) note(do string, payloads ...[]byte) {
	step := scriptStep{Do: do, Peer: slices.Index(p.peers, p)}
	for _, payload := range payloads {
		text := hex.EncodeToString(payload)
		if len(text) > 1000 {
			var b bytes.Buffer
			w := zlib.NewWriter(&b)
			_, _ = w.Write(payload)
			_ = w.Close()
			text = "z:" + base64.StdEncoding.EncodeToString(b.Bytes())
		}
		step.Payloads = append(step.Payloads, text)
	}
	p.script.Steps = append(p.script.Steps, step)
}

// checkScripts requires that the file has the scripts of the rows that were run.
func checkScripts(t *testing.T) {
	t.Cleanup(func() {
		names, _ := tableRows(t, 'S')
		var want bytes.Buffer
		line := func(x any) {
			text, err := json.Marshal(x)
			require.NoError(t, err)
			want.Write(append(text, '\n'))
		}
		line(map[string]any{"dc": testText})
		for _, name := range names {
			for _, s := range scripts.all[name] {
				if !s.opaque {
					line(s)
				}
			}
		}
		if *updateScripts {
			require.NoError(t, os.WriteFile(scriptPath, want.Bytes(), 0o644))
		}
		got, err := os.ReadFile(scriptPath)
		require.NoError(t, err)
		for text := range bytes.Lines(want.Bytes()) {
			require.True(t, bytes.Contains(got, text), "another script, run with -update-scripts: %.200s", text)
		}
	})
}
