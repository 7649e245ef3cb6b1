package datagramfile

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/require"
)

// patience bounds every wait of the tests for something that is to happen.
const patience = time.Minute

// put writes texts as datagrams.
func put(t testing.TB, sink DatagramSink, texts ...string) {
	t.Helper()
	for _, text := range texts {
		require.NoError(t, sink.PutDatagram(queuednet.NewDatagram([]byte(text))))
	}
	require.NoError(t, sink.Flush())
}

// file returns the bytes of a file of these texts.
func file(t testing.TB, texts ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	put(t, NewDatagramOutputFile(&b), texts...)
	return b.Bytes()
}

// get reads up to the end and returns the datagrams and why they ended.
func get(generator DatagramGenerator) (texts []string, err error) {
	var datagram queuednet.Datagram
	for {
		if err := generator.GetDatagram(&datagram); err != nil {
			return texts, err
		}
		texts = append(texts, string(datagram.Message()))
	}
}

// unhex returns the bytes of a text such as "03 00".
func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	require.NoError(t, err)
	return b
}

// requireCut asserts that a file ends too early, and where.
func requireCut(t testing.TB, err error, part string, offset, need, have int64) {
	t.Helper()
	require.Equal(t, &FileError{Part: part, Offset: offset, Need: need, Have: have, Err: io.ErrUnexpectedEOF}, err)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.NotErrorIs(t, err, io.EOF)
}

// allocated returns how many bytes f allocates, which other goroutines may raise.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

var errBroken = errors.New("broken")

// A brokenReader gives its bytes and then errBroken.
type brokenReader struct{ io.Reader }

func (r brokenReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	if err == io.EOF {
		err = errBroken
	}
	return n, err
}

// An end is one end of a connection between two managers.
type end struct {
	manager *queuednet.QueuedConnectionManager
	reader  *queuednet.QueuedConnectionReader
	writer  *queuednet.ConnectionWriter
	conn    *queuednet.Connection
}

// newEnds returns both ends, neither of them in its reader yet.
func newEnds(t testing.TB) (near, far *end) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	a, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	b, err := listener.Accept()
	require.NoError(t, err)
	return newEnd(t, a), newEnd(t, b)
}

func newEnd(t testing.TB, socket net.Conn) *end {
	t.Helper()
	manager := queuednet.NewQueuedConnectionManager(nil)
	t.Cleanup(func() {
		socket.Close() // so that nobody waits for the other end
		manager.Close()
	})
	conn, err := manager.AdoptConnection(socket)
	require.NoError(t, err)
	return &end{manager, queuednet.NewQueuedConnectionReader(manager), queuednet.NewConnectionWriter(manager), conn}
}

// generator returns a generator over the end's connection.
func (e *end) generator(t testing.TB) *DatagramGeneratorNet {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	generator, err := NewDatagramGeneratorNet(ctx, e.reader, e.conn)
	require.NoError(t, err)
	return generator
}

// sink returns a sink over the end's connection.
func (e *end) sink() *DatagramSinkNet { return NewDatagramSinkNet(e.writer, e.conn) }
