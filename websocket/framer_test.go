package websocket

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// However frames are cut into pieces, and wherever sending fails for a while, the
// same datagrams come out.
func FuzzFramer(f *testing.F) {
	f.Add(uint64(1), false)
	f.Add(uint64(2), true)
	f.Fuzz(func(t *testing.T, seed uint64, long bool) {
		random := rand.New(rand.NewPCG(seed, 0))
		headerSize := 2
		if long {
			headerSize = 4
		}
		var want, got [][]byte
		var frames []byte
		for range random.IntN(20) {
			payload := make([]byte, random.IntN(1<<random.IntN(13)))
			for i := range payload {
				payload[i] = byte(random.Uint32())
			}
			want = append(want, payload)
			header := make([]byte, headerSize)
			setHeader(header, headerSize, int64(len(payload)))
			frames = append(append(frames, header...), payload...)
		}
		full := errors.New("full")
		framer := framer{headerSize: headerSize, send: func(datagram []byte) error {
			if random.IntN(3) == 0 {
				return full
			}
			got = append(got, bytes.Clone(datagram))
			return nil
		}}
		for len(frames) > 0 {
			piece := frames[:min(1+random.IntN(1<<random.IntN(14)), len(frames))]
			n, err := framer.write(piece)
			require.True(t, err == nil && n == len(piece) || err == full && n < len(piece), "%d of %d: %v", n, len(piece), err)
			frames = frames[n:]
		}
		require.Nil(t, framer.part)
		require.Equal(t, want, got)
	})
}
