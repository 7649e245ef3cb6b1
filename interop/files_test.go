package interop_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/datagramfile"
	"github.com/queuednet/queuednet/record"
	"github.com/stretchr/testify/require"
)

// TestPanda3DFiles lets each side read the datagram files that the other wrote.
// They have nothing to do with header sizes.
func TestPanda3DFiles(t *testing.T) {
	python := findPanda3D(t)
	t.Run("Panda3D writes", func(t *testing.T) { t.Parallel(); testPandaWrites(t, python) })
	t.Run("we write", func(t *testing.T) { t.Parallel(); testWeWrite(t, python) })
	t.Run("we record", func(t *testing.T) { t.Parallel(); testWeRecord(t, python) })
}

// payloads are the same as in files.py.
func payloads() [][]byte {
	var all [][]byte
	for number, length := range []int{0, 1, 3, 255, 65535, 65536, 1_000_000, 0, 5} {
		payload := make([]byte, length)
		for i := range payload {
			payload[i] = byte((number + i) % 251)
		}
		all = append(all, payload)
	}
	return all
}

func digest(data []byte) string { return fmt.Sprintf("%d %x", len(data), sha256.Sum256(data)) }

func digests(all [][]byte) []string {
	var texts []string
	for _, data := range all {
		texts = append(texts, digest(data))
	}
	return texts
}

// digestsOf reads up to the end, which must be a good one.
func digestsOf(t *testing.T, generator datagramfile.DatagramGenerator) []string {
	t.Helper()
	var (
		datagram queuednet.Datagram
		texts    []string
	)
	for {
		err := generator.GetDatagram(&datagram)
		if err == io.EOF {
			return texts
		}
		require.NoError(t, err)
		texts = append(texts, digest(datagram.Message()))
	}
}

// testPandaWrites: its files, with a header, compressed or from memory, are read.
func testPandaWrites(t *testing.T, python string) {
	directory := t.TempDir()
	p := start(t, python, "files.py", "--role", "write", directory)
	for range 4 {
		e := p.await("file")
		require.Equal(t, digests(payloads()), e.Datagrams)
		b, err := os.ReadFile(filepath.Join(directory, e.Name))
		require.NoError(t, err)
		var r io.Reader = bytes.NewReader(b)
		if filepath.Ext(e.Name) == ".pz" {
			r, err = zlib.NewReader(r)
			require.NoError(t, err)
		}
		file := datagramfile.NewDatagramInputFile(r)
		buffer := datagramfile.NewDatagramBuffer(b)
		if e.Name == "header.dat" {
			for _, f := range []interface{ ReadHeader(int) ([]byte, error) }{file, buffer} {
				header, err := f.ReadHeader(4)
				require.NoError(t, err)
				require.Equal(t, "HDR\n", string(header))
			}
		}
		require.Equal(t, e.Datagrams, digestsOf(t, file), e.Name)
		if filepath.Ext(e.Name) != ".pz" {
			require.Equal(t, e.Datagrams, digestsOf(t, buffer), e.Name)
		}
	}
	p.await("done")
	p.end()
}

// testWeWrite: Panda3D reads our files, and unwraps those that are compressed.
func testWeWrite(t *testing.T, python string) {
	var buffer datagramfile.DatagramBuffer
	put := func(sink datagramfile.DatagramSink) {
		for _, payload := range payloads() {
			require.NoError(t, sink.PutDatagram(queuednet.NewDatagram(payload)))
		}
		require.NoError(t, sink.Flush())
	}
	directory := t.TempDir()
	write := func(name string, wrap func(io.Writer) io.WriteCloser) {
		file, err := os.Create(filepath.Join(directory, name))
		require.NoError(t, err)
		wrapped := wrap(file)
		put(datagramfile.NewDatagramOutputFile(wrapped))
		require.NoError(t, wrapped.Close())
		file.Close()
	}
	write("compressed.dat.gz", func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })
	write("compressed.dat.pz", func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) })
	put(&buffer)
	require.NoError(t, os.WriteFile(filepath.Join(directory, "memory.buffer"), buffer.Data(), 0o600))
	write("plain.dat", func(w io.Writer) io.WriteCloser { return w.(io.WriteCloser) })

	p := start(t, python, "files.py", "--role", "read", directory)
	for _, name := range []string{"compressed.dat.gz", "compressed.dat.pz", "memory.buffer", "plain.dat"} {
		e := p.await("file")
		require.Equal(t, name, e.Name)
		require.Equal(t, digests(payloads()), e.Datagrams, name)
	}
	p.await("done")
	p.end()
}

// testWeRecord: a recording is a datagram file, and Panda3D reads it by the layout.
func testWeRecord(t *testing.T, python string) {
	began := time.Now()
	directory := t.TempDir()
	file, err := os.Create(filepath.Join(directory, "session.rec"))
	require.NoError(t, err)
	n := suite{headerSize: 2}.newNode(t, queuednet.Config{})
	recorder := record.NewRecorder(n.reader, datagramfile.NewDatagramOutputFile(file))

	other := suite{headerSize: 2}.newNode(t, queuednet.Config{})
	theirs := other.connect(n.listen())
	n.until("a connection", func() bool { return len(n.accepted) == 1 })
	ours := n.accepted[0]
	recorder.Opened(ours)
	other.send([]byte("hello"), theirs)
	other.send(nil, theirs)
	for taken := 0; taken < 2; {
		require.NoError(t, n.manager.WaitForReaders(n.ctx))
		for range recorder.Datagrams() {
			taken++
		}
	}
	require.True(t, other.manager.CloseConnection(theirs))
	require.Equal(t, io.EOF, n.requireEnd(ours))
	recorder.Ended(ours)
	require.NoError(t, recorder.Flush())
	require.NoError(t, file.Close())

	p := start(t, python, "files.py", "--role", "record", directory)
	require.WithinRange(t, time.UnixMicro(int64(p.await("begun").Sent)), began.Truncate(time.Microsecond), time.Now())
	before := 0
	for _, want := range []event{
		{ID: 1, Text: ours.Address().String()},
		{ID: 2, Text: "hello"},
		{ID: 2},
		{ID: 4, Text: "EOF"},
	} {
		got := p.await("event")
		require.GreaterOrEqual(t, got.Sent, before)
		before = got.Sent
		require.Equal(t, event{Event: "event", ID: want.ID, Port: 1, Text: want.Text, Sent: before}, got)
	}
	p.await("end")
	p.await("done")
	p.end()
}
