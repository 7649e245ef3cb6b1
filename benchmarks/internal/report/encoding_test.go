package report

import (
	"flag"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each codec's benchmark checks its message, once is enough here. go test -bench
// measures them.
func TestEncoding(t *testing.T) {
	benchtime := flag.Lookup("test.benchtime")
	was := benchtime.Value.String()
	require.NoError(t, benchtime.Value.Set("1x"))
	defer benchtime.Value.Set(was)

	results := Encoding()
	require.Len(t, rows(results), 4)
	for _, r := range results {
		require.True(t, r.valid(), "%+v", r)
		require.Len(t, r.Values, 3)
		require.Equal(t, "j", r.Work)
	}
	for _, r := range rows(results) {
		require.Len(t, r.byPeer, len(codecs))
	}

	right := encoded
	encoded = append([]byte{1}, right[1:]...)
	defer func() { encoded = right }()
	for _, r := range Encoding() {
		require.False(t, r.valid(), "%s does not check what it %ss", r.Peer, r.Case)
	}
}

func TestHandWrittenNeedsItAll(t *testing.T) {
	for n := range encoded {
		require.Error(t, new(position).slice(encoded[:n]), "%d bytes", n)
	}
}

func BenchmarkPosition(b *testing.B) {
	for _, c := range codecs {
		b.Run("encode/"+c.peer, c.encode)
		b.Run("decode/"+c.peer, c.decode)
	}
}
