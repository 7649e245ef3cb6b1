package datagramfile

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/internal/deepfuzz"
	"github.com/stretchr/testify/require"
)

var fuzzFile = deepfuzz.Target{
	Name:  "FuzzFile",
	Check: checkFile,
	Seeds: [][]any{
		{uint8(4), []byte("HDR\n\x03\x00\x00\x00abc\x00\x00\x00\x00")},
	},
}

func FuzzFile(f *testing.F) { fuzzFile.Fuzz(f) }

// fileBuffers holds buffers of the size that a file has, which would each be made
// anew: it takes one that it is given.
var fileBuffers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, fileBuffer) }}

// checkFile reads any bytes as a file and as a buffer. Both give the same
// datagrams and the same end, which accounts for every byte, in memory that
// follows the bytes; and what they give, written again, is a file that reads the
// same.
func checkFile(t *testing.T, headerLength uint8, data []byte) {
	in := fileBuffers.Get().(*bufio.Reader)
	defer fileBuffers.Put(in)
	in.Reset(bytes.NewReader(data))
	file := NewDatagramInputFile(in)
	buffer := NewDatagramBuffer(bytes.Clone(data))
	header, err := file.ReadHeader(int(headerLength))
	same, sameErr := buffer.ReadHeader(int(headerLength))
	deepfuzz.True(t, bytes.Equal(header, same), "the same header")
	requireSame(t, err, sameErr)
	if err != nil {
		requireCut(t, err, "header", 0, int64(headerLength), int64(len(data)))
		return
	}

	var again DatagramBuffer
	deepfuzz.NoError(t, again.WriteHeader(header), "writing the header")
	var texts []string
	var datagram, fromBuffer queuednet.Datagram
	for {
		position := file.offset
		err = file.GetDatagram(&datagram)
		sameErr = buffer.GetDatagram(&fromBuffer)
		if err != nil {
			break
		}
		deepfuzz.NoError(t, sameErr, "the buffer")
		deepfuzz.True(t, bytes.Equal(datagram.Message(), fromBuffer.Message()), "the same datagram")
		deepfuzz.Equal(t, int64(buffer.next), file.offset, "offset")
		taken := file.offset - position - int64(datagram.Length())
		deepfuzz.True(t, taken == sizeLength || taken == maxSizeSize, "a size")
		texts = append(texts, string(datagram.Message()))
		put(t, &again, texts[len(texts)-1])
	}
	if checkEnd(t, file, err, sameErr, int64(len(data))) {
		deepfuzz.True(t, bytes.Equal(datagram.Message(), fromBuffer.Message()), "what there is is the same")
	}

	in.Reset(bytes.NewReader(again.Data()))
	reread := NewDatagramInputFile(in)
	_, err = reread.ReadHeader(int(headerLength))
	deepfuzz.NoError(t, err, "reading the header again")
	got, err := get(reread)
	requireSame(t, io.EOF, err)
	deepfuzz.True(t, slices.Equal(texts, got), "the same again")
}

// checkEnd checks the errors of a file and of a buffer, both of size bytes, and reports
// whether the last datagram is cut.
func checkEnd(t *testing.T, file *DatagramInputFile, err, sameErr error, size int64) (cut bool) {
	var fileErr *FileError
	var tooLong *queuednet.DatagramTooLongError
	switch {
	case err == io.EOF:
		requireSame(t, io.EOF, sameErr)
		deepfuzz.Equal(t, size, file.offset, "offset at the end")
	case errors.As(err, &tooLong):
		deepfuzz.True(t, tooLong.Length > int64(defaultMaxDatagram), "too long")
		deepfuzz.True(t, errors.Is(sameErr, io.ErrUnexpectedEOF), "the buffer is cut")
	default:
		deepfuzz.True(t, errors.As(err, &fileErr), "a FileError")
		sameFileErr, _ := sameErr.(*FileError)
		deepfuzz.True(t, sameFileErr != nil && *sameFileErr == *fileErr, "the same error")
		deepfuzz.True(t, fileErr.Need > fileErr.Have, "more is needed than there is")
		deepfuzz.Equal(t, size, fileErr.Offset+fileErr.Have, "where it is cut")
		return true
	}
	return false
}

// requireSame asserts that two errors are one, or say the same.
func requireSame(t testing.TB, want, got error) {
	if want != got {
		t.Helper()
		require.Equal(t, want, got)
	}
}

func TestDeep(t *testing.T) { t.Run(fuzzFile.Name, fuzzFile.Deep) }
