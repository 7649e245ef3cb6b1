package datagramfile

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// texts are datagrams around every limit of the code: the buffers, the header.
var texts = []string{
	"", "a", "abc", strings.Repeat("4", fileBuffer-4), strings.Repeat("+", fileBuffer), strings.Repeat("x", 3*fileBuffer+5), "end", "",
}

func TestRoundTrip(t *testing.T) {
	var b DatagramBuffer
	put(t, &b, texts...)
	inFile := file(t, texts...)
	require.Equal(t, b.Data(), inFile, "one format")

	for name, generator := range map[string]DatagramGenerator{
		"buffer":           &b,
		"file":             NewDatagramInputFile(bytes.NewReader(inFile)),
		"one byte a read":  NewDatagramInputFile(iotest.OneByteReader(bytes.NewReader(inFile))),
		"error with bytes": NewDatagramInputFile(iotest.DataErrReader(bytes.NewReader(inFile))),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := get(generator)
			require.Equal(t, io.EOF, err)
			require.Equal(t, texts, got)
			require.Equal(t, io.EOF, generator.GetDatagram(new(queuednet.Datagram)), "again")
		})
	}
}

func TestBufferIsUsedAgain(t *testing.T) {
	var b DatagramBuffer
	put(t, &b, "first")
	b.Clear()
	require.Empty(t, b.Data())
	_, err := get(&b)
	require.Equal(t, io.EOF, err)
	b.Clear()
	require.NoError(t, b.WriteHeader([]byte("H")))
	put(t, &b, "2")
	header, err := b.ReadHeader(1)
	require.NoError(t, err)
	require.Equal(t, "H", string(header))
	got, _ := get(&b)
	require.Equal(t, []string{"2"}, got)
}

// A size of 4 GiB is not allocated for a test; what stands before it is.
func TestSizes(t *testing.T) {
	for size, field := range map[uint64]string{
		0:              "00 00 00 00",
		0xFFFFFFFE:     "fe ff ff ff",
		0xFFFFFFFF:     "ff ff ff ff ff ff ff ff 00 00 00 00",
		0x100000000:    "ff ff ff ff 00 00 00 00 01 00 00 00",
		math.MaxInt64:  "ff ff ff ff ff ff ff ff ff ff ff 7f",
		math.MaxUint64: "ff ff ff ff ff ff ff ff ff ff ff ff",
	} {
		b := unhex(t, field)
		require.Equal(t, b, appendSize(nil, size))
		got, ok := parseSize(append(b, 'x'))
		require.True(t, ok)
		require.Equal(t, sizeField{len(b), int64(min(size, math.MaxInt64))}, got)
		for n := range b {
			_, ok := parseSize(b[:n])
			require.False(t, ok)
		}
		if size < math.MaxInt32 {
			continue
		}
		var tooLong *queuednet.DatagramTooLongError
		_, err := get(NewDatagramInputFile(bytes.NewReader(b)))
		require.ErrorAs(t, err, &tooLong)
		require.Equal(t, int64(min(size, math.MaxInt64)), tooLong.Length)
		_, err = get(NewDatagramBuffer(b))
		requireCut(t, err, "datagram", int64(len(b)), tooLong.Length, 0)
	}
}

// wholeBefore returns which datagrams of the file of TestCutAtEveryByte are whole in its
// first n bytes, and the error that comes then.
func wholeBefore(n int64) (texts []string, err error) {
	part := func(offset, need, have int64, part string) error {
		return &FileError{Part: part, Offset: offset, Need: need, Have: have, Err: io.ErrUnexpectedEOF}
	}
	all := []struct {
		text          string
		start, header int64
	}{{"abc", 0, 4}, {"", 7, 4}, {"0123456789", 11, 4}, {"xy", 25, 12}}
	for _, d := range all {
		size := int64(len(d.text))
		switch have := n - d.start; {
		case have == 0:
			return texts, io.EOF
		case have < 4:
			return texts, part(d.start, 4, have, "size")
		case have < d.header:
			return texts, part(d.start, d.header, have, "size")
		case have < d.header+size:
			return texts, part(d.start+d.header, size, have-d.header, "datagram")
		}
		texts = append(texts, d.text)
	}
	return texts, io.EOF
}

// Cut anywhere: every whole datagram comes, then what is missing is named, and
// what there is of the last one is there.
func TestCutAtEveryByte(t *testing.T) {
	whole := append(file(t, "abc", "", "0123456789"), unhex(t, "ff ff ff ff 02 00 00 00 00 00 00 00 78 79")...)
	type result struct {
		texts []string
		err   error
	}
	for n := range len(whole) + 1 {
		wantTexts, wantErr := wholeBefore(int64(n))
		for _, generator := range []DatagramGenerator{
			NewDatagramInputFile(bytes.NewReader(whole[:n])), NewDatagramBuffer(whole[:n:n]),
		} {
			got, err := get(generator)
			require.Equal(t, result{wantTexts, wantErr}, result{got, err}, "%T of %d bytes", generator, n)

			datagram := queuednet.NewDatagram([]byte("old"))
			if again := generator.GetDatagram(datagram); err == io.EOF {
				require.Equal(t, "old", string(datagram.Message()), "left alone")
			} else {
				require.Equal(t, err, again, "sticky")
			}
		}
	}
	datagram := queuednet.NewDatagram([]byte("old"))
	require.Error(t, NewDatagramInputFile(bytes.NewReader(whole[:5])).GetDatagram(datagram))
	require.Equal(t, "a", string(datagram.Message()), "what there is")
	require.Error(t, NewDatagramBuffer(whole[:5]).GetDatagram(datagram))
	require.Equal(t, "a", string(datagram.Message()))
}

func TestHeaders(t *testing.T) {
	data := []byte("HEADER")
	for _, f := range []interface{ ReadHeader(int) ([]byte, error) }{
		NewDatagramInputFile(bytes.NewReader(data)), NewDatagramBuffer(data),
	} {
		_, err := f.ReadHeader(-1)
		require.Error(t, err)
		header, err := f.ReadHeader(0)
		require.NoError(t, err)
		require.Empty(t, header)
		header, err = f.ReadHeader(2)
		require.NoError(t, err)
		require.Equal(t, "HE", string(header))
		header, err = f.ReadHeader(10)
		require.Equal(t, "ADER", string(header), "what there is")
		requireCut(t, err, "header", 2, 10, 4)
		_, again := f.ReadHeader(10)
		require.Equal(t, err, again)
	}
	f := NewDatagramInputFile(bytes.NewReader(nil))
	_, err := f.ReadHeader(4)
	requireCut(t, err, "header", 0, 4, 0)
	_, err = get(f)
	requireCut(t, err, "header", 0, 4, 0)
}

// Memory follows the bytes that arrive, up to the limit that was set.
func TestMemoryGrowsWithWhatArrives(t *testing.T) {
	const size = 8 << 20
	var b bytes.Buffer
	b.Write(appendSize(nil, size))
	b.Write(make([]byte, size/8))
	cut := b.Bytes()
	var err error
	f := NewDatagramInputFile(bytes.NewReader(cut))
	require.Less(t, allocated(func() { _, err = get(f) }), uint64(size-size/16))
	requireCut(t, err, "datagram", 4, size, size/8)

	f = NewDatagramInputFile(bytes.NewReader(cut))
	f.SetMaxDatagramSize(size - 1)
	_, err = get(f)
	require.ErrorAs(t, err, new(*queuednet.DatagramTooLongError))
	f = NewDatagramInputFile(bytes.NewReader(file(t, "abc")))
	f.SetMaxDatagramSize(3)
	got, err := get(f)
	require.Equal(t, io.EOF, err)
	require.Equal(t, []string{"abc"}, got)
	f.SetMaxDatagramSize(0)
	require.EqualValues(t, defaultMaxDatagram, f.most)
}

func TestCompressed(t *testing.T) {
	type compressor interface {
		io.WriteCloser
		Flush() error
	}
	for name, test := range map[string]struct {
		write func(io.Writer) compressor
		read  func(io.Reader) (io.ReadCloser, error)
	}{
		"gzip": {
			func(w io.Writer) compressor { return gzip.NewWriter(w) },
			func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) },
		},
		"zlib": {
			func(w io.Writer) compressor { return zlib.NewWriter(w) },
			func(r io.Reader) (io.ReadCloser, error) { return zlib.NewReader(r) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			w := test.write(&b)
			f := NewDatagramOutputFile(w)
			put(t, f, texts...)
			flushed := bytes.Clone(b.Bytes())
			require.NoError(t, w.Close())

			r, err := test.read(bytes.NewReader(b.Bytes()))
			require.NoError(t, err)
			got, err := get(NewDatagramInputFile(r))
			require.Equal(t, io.EOF, err)
			require.Equal(t, texts, got)

			// Flush went through, and what has no end is not taken for whole,
			// though it was cut behind a datagram.
			r, err = test.read(bytes.NewReader(flushed))
			require.NoError(t, err)
			got, err = get(NewDatagramInputFile(r))
			require.Equal(t, texts, got)
			requireCut(t, err, "size", int64(len(file(t, texts...))), 4, 0)

			broken := bytes.Clone(b.Bytes())
			broken[len(broken)-1] ^= 1 // of the checksum, or the length
			r, err = test.read(bytes.NewReader(broken))
			require.NoError(t, err)
			got, err = get(NewDatagramInputFile(r))
			require.Equal(t, texts, got)
			require.True(t, errors.Is(err, gzip.ErrChecksum) || errors.Is(err, zlib.ErrChecksum), "%v", err)
		})
	}
}

func TestErrorsOfTheReader(t *testing.T) {
	whole := file(t, "abc", "def")
	for n, want := range map[int]*FileError{
		0:  {"size", 0, 4, 0, errBroken},
		6:  {"datagram", 4, 3, 2, errBroken},
		7:  {"size", 7, 4, 0, errBroken},
		14: {"size", 14, 4, 0, errBroken},
	} {
		f := NewDatagramInputFile(brokenReader{bytes.NewReader(whole[:n])})
		_, err := get(f)
		require.Equal(t, want, err)
		require.ErrorIs(t, err, errBroken)
	}
	_, err := get(NewDatagramInputFile(iotest.ErrReader(io.ErrUnexpectedEOF)))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF, "which is no clean end, though nothing was read")
}

// A failingWriter takes so many bytes.
type failingWriter struct{ left int }

func (w *failingWriter) Write(b []byte) (int, error) {
	n := min(len(b), w.left)
	w.left -= n
	if n < len(b) {
		return n, errBroken
	}
	return n, nil
}

func TestErrorsOfTheWriter(t *testing.T) {
	f := NewDatagramOutputFile(&failingWriter{left: fileBuffer + 10})
	datagram := queuednet.NewDatagram(make([]byte, 1000))
	var err error
	for n := 0; err == nil; n++ {
		require.Less(t, n, 3*fileBuffer/1000)
		err = f.PutDatagram(datagram)
	}
	require.Equal(t, errBroken, err)
	require.Equal(t, errBroken, f.PutDatagram(datagram))
	require.Equal(t, errBroken, f.Flush())
	require.Equal(t, errBroken, NewDatagramOutputFile(&failingWriter{}).WriteHeader(make([]byte, 2*fileBuffer)))
}

// A broken datagram takes no place in the file.
func TestBrokenDatagrams(t *testing.T) {
	var broken queuednet.Datagram
	broken.AddString(strings.Repeat("x", 1<<16))
	require.Error(t, broken.Err())
	near, _ := newEnds(t)
	var b bytes.Buffer
	for _, sink := range []DatagramSink{NewDatagramOutputFile(&b), new(DatagramBuffer), near.sink()} {
		assert.Equal(t, broken.Err(), sink.PutDatagram(&broken))
		assert.Error(t, sink.PutDatagram(nil))
		assert.NoError(t, sink.Flush())
	}
	assert.Empty(t, b.Bytes())
	for _, generator := range []DatagramGenerator{NewDatagramInputFile(&b), new(DatagramBuffer), near.generator(t)} {
		assert.Error(t, generator.GetDatagram(nil))
	}
	// Reading into it makes it whole.
	require.NoError(t, NewDatagramInputFile(bytes.NewReader(file(t, "abc"))).GetDatagram(&broken))
	require.NoError(t, broken.Err())
	require.Equal(t, "abc", string(broken.Message()))
}

// Each flush is one write where it fits, so that who shares the file sees whole
// datagrams.
func TestWrites(t *testing.T) {
	var sizes []int
	f := NewDatagramOutputFile(writerFunc(func(b []byte) (int, error) {
		sizes = append(sizes, len(b))
		return len(b), nil
	}))
	require.NoError(t, f.Flush())
	put(t, f, "abc", "", "def")
	put(t, f, "ghi")
	require.Equal(t, []int{18, 7}, sizes)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
