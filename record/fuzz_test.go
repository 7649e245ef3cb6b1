package record

import (
	"io"
	"testing"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/datagramfile"
	"github.com/queuednet/queuednet/internal/deepfuzz"
	"github.com/stretchr/testify/require"
)

var fuzzRecording = deepfuzz.Target{
	Name:  "FuzzRecording",
	Check: checkRecording,
}

func FuzzRecording(f *testing.F) { fuzzRecording.Fuzz(f) }

func TestDeep(t *testing.T) { t.Run(fuzzRecording.Name, fuzzRecording.Deep) }

// checkRecording decodes any bytes as a recording: there is no panic, what comes
// out could have been recorded, and written again it is the same.
func checkRecording(t *testing.T, data []byte) {
	all, err := events(data)
	deepfuzz.True(t, err != nil, "it ends")
	connections := make(map[uint32]bool)
	var (
		before   event
		again    datagramfile.DatagramBuffer
		datagram queuednet.Datagram
	)
	for i, e := range all {
		deepfuzz.AtMost(t, before.time, e.time, "time before")
		before = e
		if e.kind == opened || e.kind == udpOpened {
			deepfuzz.Equal(t, len(connections)+1, int(e.number), "number")
			connections[e.number] = true
		}
		deepfuzz.True(t, connections[e.number], "it is open")
		connections[e.number] = e.kind != closed && e.kind != ended

		if i == 0 {
			beginRecording(&datagram, timeZero)
			deepfuzz.NoError(t, again.PutDatagram(&datagram), "putting")
		}
		e.encode(&datagram)
		if e.kind == ended {
			deepfuzz.Equal(t, e.reason, reasonOf(e.reason).Error(), "reason")
		}
		deepfuzz.NoError(t, again.PutDatagram(&datagram), "putting")
	}
	if len(all) > 0 {
		same, err := events(again.Data())
		deepfuzz.True(t, err == io.EOF, "it ends with its end")
		require.Equal(t, all, same)
	}
}
