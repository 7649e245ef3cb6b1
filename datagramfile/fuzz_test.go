package datagramfile

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/require"
)

// FuzzFile reads any bytes as a file and as a buffer. Both give the same
// datagrams and the same end, which accounts for every byte, in memory that
// follows the bytes; and what they give, written again, is a file that reads the
// same.
func FuzzFile(f *testing.F) {
	f.Add(uint8(4), []byte("HDR\n\x03\x00\x00\x00abc\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, headerLength uint8, data []byte) {
		file := NewDatagramInputFile(bytes.NewReader(data))
		buffer := NewDatagramBuffer(bytes.Clone(data))
		header, err := file.ReadHeader(int(headerLength))
		same, sameErr := buffer.ReadHeader(int(headerLength))
		require.Equal(t, string(header), string(same))
		require.Equal(t, err, sameErr)
		if err != nil {
			requireCut(t, err, "header", 0, int64(headerLength), int64(len(data)))
			return
		}

		var again DatagramBuffer
		require.NoError(t, again.WriteHeader(header))
		var texts []string
		var datagram, fromBuffer queuednet.Datagram
		for {
			position := file.offset
			err = file.GetDatagram(&datagram)
			sameErr = buffer.GetDatagram(&fromBuffer)
			if err != nil {
				break
			}
			require.NoError(t, sameErr)
			require.Equal(t, string(datagram.Message()), string(fromBuffer.Message()))
			require.EqualValues(t, buffer.next, file.offset)
			taken := file.offset - position - int64(datagram.Length())
			require.Contains(t, []int64{sizeLength, maxSizeSize}, taken)
			texts = append(texts, string(datagram.Message()))
			put(t, &again, texts[len(texts)-1])
		}
		var fileErr *FileError
		var tooLong *queuednet.DatagramTooLongError
		switch {
		case err == io.EOF:
			require.Equal(t, io.EOF, sameErr)
			require.EqualValues(t, len(data), file.offset)
		case errors.As(err, &tooLong):
			require.Greater(t, tooLong.Length, int64(defaultMaxDatagram))
			require.ErrorIs(t, sameErr, io.ErrUnexpectedEOF)
		default:
			require.Equal(t, err, sameErr)
			require.ErrorAs(t, err, &fileErr)
			require.Greater(t, fileErr.Need, fileErr.Have)
			require.EqualValues(t, len(data), fileErr.Offset+fileErr.Have)
			require.Equal(t, string(datagram.Message()), string(fromBuffer.Message()), "what there is")
		}

		reread := NewDatagramInputFile(bytes.NewReader(again.Data()))
		_, err = reread.ReadHeader(int(headerLength))
		require.NoError(t, err)
		got, err := get(reread)
		require.Equal(t, io.EOF, err)
		require.Equal(t, texts, got)
	})
}
