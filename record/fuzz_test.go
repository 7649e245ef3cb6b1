package record

import (
	"io"
	"testing"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/datagramfile"
	"github.com/stretchr/testify/require"
)

// FuzzRecording decodes any bytes as a recording: there is no panic, what comes
// out could have been recorded, and written again it is the same.
func FuzzRecording(f *testing.F) {
	f.Add(recording(f, comes(1), speaks(1, "a"), leaves(1, "EOF")))
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := events(data)
		require.Error(t, err)
		connections := make(map[uint32]bool)
		var (
			before   event
			again    datagramfile.DatagramBuffer
			datagram queuednet.Datagram
		)
		for i, e := range all {
			require.GreaterOrEqual(t, e.time, before.time)
			before = e
			if e.kind == opened {
				require.EqualValues(t, len(connections)+1, e.number)
				connections[e.number] = true
			}
			require.True(t, connections[e.number])
			connections[e.number] = e.kind == opened || e.kind == received

			if i == 0 {
				beginRecording(&datagram, timeZero)
				require.NoError(t, again.PutDatagram(&datagram))
			}
			begin(&datagram, e.kind, e.number, e.time)
			switch e.kind {
			case opened:
				datagram.AddString(e.address.String())
			case received:
				datagram.AppendData(e.payload)
			case ended:
				datagram.AddString(e.reason)
				require.Equal(t, e.reason, reasonOf(e.reason).Error())
			}
			require.NoError(t, again.PutDatagram(&datagram))
		}
		if len(all) > 0 {
			same, err := events(again.Data())
			require.Equal(t, io.EOF, err)
			require.Equal(t, all, same)
		}
	})
}
