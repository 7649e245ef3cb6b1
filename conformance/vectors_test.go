package conformance_test

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/internal/testnet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A frameVector is what Panda3D's ConnectionWriter put on the wire, as recorded
// in testdata/panda3d-frames.jsonl.
type frameVector struct {
	Frame      string          `json:"frame"`
	HeaderSize json.RawMessage `json:"tcp_header_size"` // a number or "default"
	Datagrams  []string        `json:"datagrams"`
	WireHex    *string         `json:"wire_hex"`
	WireLen    int             `json:"wire_len"`
	WireHead   string          `json:"wire_head"` // with the tail, instead of WireHex
	WireTail   string          `json:"wire_tail"`
	Sent       []bool          `json:"send_returned"` // and, when collecting, what flush did
}

// tcpVectors returns the recorded frames of TCP without raw mode.
func tcpVectors(t *testing.T) []frameVector {
	t.Helper()
	file, err := os.Open("testdata/panda3d-frames.jsonl")
	require.NoError(t, err)
	defer file.Close()
	var vectors []frameVector
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var v frameVector
		require.NoError(t, json.Unmarshal(lines.Bytes(), &v))
		if v.Frame == "tcp" || v.Frame == "tcp collect_tcp + flush" {
			vectors = append(vectors, v)
		}
	}
	require.NoError(t, lines.Err())
	require.Len(t, vectors, 38, "recorded")
	return vectors
}

// each runs a test for each vector.
func each(t *testing.T, vectors []frameVector, test func(t *testing.T, v frameVector)) {
	for i, v := range vectors {
		name := fmt.Sprintf("%02d %s, header %s, %s", i, v.Frame, v.HeaderSize, strings.Join(v.Datagrams, " "))
		t.Run(name, func(t *testing.T) { test(t, v) })
	}
}

// headerSize returns the header size set, 0 for the default, which is none that
// Config or a setter would be given.
func (v frameVector) headerSize(t *testing.T) (size int, isDefault bool) {
	t.Helper()
	if string(v.HeaderSize) == `"default"` {
		return 2, true
	}
	size, err := strconv.Atoi(string(v.HeaderSize))
	require.NoError(t, err)
	return size, false
}

// payload returns the bytes of a datagram.
func (v frameVector) payload(t *testing.T, i int) string {
	t.Helper()
	digits := v.Datagrams[i]
	if digits == "-" {
		return ""
	}
	times := 1
	if count, digit, ok := strings.Cut(digits, "*"); ok {
		var err error
		times, err = strconv.Atoi(count)
		require.NoError(t, err)
		digits = digit
	}
	b, err := hex.DecodeString(digits)
	require.NoError(t, err)
	return strings.Repeat(string(b), times)
}

// received returns the payloads that were sent with success.
func (v frameVector) received(t *testing.T) []string {
	t.Helper()
	var payloads []string
	for i := range v.Datagrams {
		if v.Sent[i] {
			payloads = append(payloads, v.payload(t, i))
		}
	}
	return payloads
}

// requireWire asserts that bytes are those that were recorded.
func (v frameVector) requireWire(t *testing.T, wire string) {
	t.Helper()
	require.Len(t, wire, v.WireLen)
	digits := hex.EncodeToString([]byte(wire))
	if v.WireHex != nil {
		require.Equal(t, *v.WireHex, digits)
		return
	}
	require.NotEmpty(t, v.WireHead+v.WireTail)
	require.True(t, strings.HasPrefix(digits, v.WireHead))
	require.True(t, strings.HasSuffix(digits, v.WireTail))
}

// wire returns the bytes that were recorded. Where only the ends of them were,
// the middle is the payloads behind their headers.
func (v frameVector) wire(t *testing.T) string {
	t.Helper()
	if v.WireHex != nil {
		b, err := hex.DecodeString(*v.WireHex)
		require.NoError(t, err)
		return string(b)
	}
	size, _ := v.headerSize(t)
	wire := testnet.Framed(size, v.received(t)...)
	v.requireWire(t, wire)
	return wire
}

// TestVectorsSent sends what Panda3D sent and compares the bytes on the wire.
func TestVectorsSent(t *testing.T) {
	each(t, tcpVectors(t), func(t *testing.T, v frameVector) {
		e := newEnd(t, nil)
		conn, raw := e.raw()
		if size, isDefault := v.headerSize(t); !isDefault {
			err := e.Writer.SetTCPHeaderSize(size)
			if size != 0 && size != 2 && size != 4 {
				// Panda3D accepts these sizes and then sends no header.
				assert.ErrorIs(t, err, queuednet.ErrHeaderSize)
				assert.Empty(t, e.wire(conn, raw))
				return
			}
			require.NoError(t, err)
		}
		collects := strings.Contains(v.Frame, "collect_tcp")
		conn.SetCollectTCP(collects)
		for i := range v.Datagrams {
			err := e.Writer.Send(queuednet.NewDatagram([]byte(v.payload(t, i))), conn)
			require.Equal(t, v.Sent[i], err == nil, "%v", err)
		}
		if collects {
			require.NoError(t, conn.Flush())
		}
		wire := testnet.Read(t, raw, v.WireLen)
		v.requireWire(t, wire)
		require.True(t, wire == v.wire(t))
		assert.Empty(t, e.wire(conn, raw), "nothing more")
	})
}

// TestVectorsReceived feeds what Panda3D sent to a reader.
func TestVectorsReceived(t *testing.T) {
	fed := 0
	each(t, tcpVectors(t), func(t *testing.T, v frameVector) {
		size, isDefault := v.headerSize(t)
		if size != 2 && size != 4 {
			return // what cannot be cut into datagrams
		}
		fed++
		e := newEnd(t, nil)
		if !isDefault {
			require.NoError(t, e.Reader.SetTCPHeaderSize(size))
		}
		conn, raw := e.raw()
		testnet.Write(t, raw, v.wire(t))
		require.NoError(t, raw.Close())
		want := v.received(t)
		for i, got := range e.messages(len(want)) {
			assert.True(t, want[i] == got, "datagram %d", i)
		}
		assert.Same(t, conn, e.reset())
		assert.Equal(t, io.EOF, conn.Err())
		assert.Empty(t, e.drain(), "nothing more")
	})
	assert.Equal(t, 24, fed)
}
