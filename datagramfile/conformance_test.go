package datagramfile

import (
	"bytes"
	"io"
	"net"
	"testing"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/require"
)

// These tests follow the table of what Panda3D does, as those of the folder conformance
// do. Row 142 is of a class that is not here, row 146 of a lower layer of Panda3D.

func TestConformanceOfFiles(t *testing.T) {
	t.Run("row_132_file_bytes", func(t *testing.T) {
		var b bytes.Buffer
		f := NewDatagramOutputFile(&b)
		require.NoError(t, f.WriteHeader([]byte("HDR\n")))
		put(t, f, "abc", "")
		require.Equal(t, unhex(t, "48 44 52 0a 03 00 00 00 61 62 63 00 00 00 00"), b.Bytes())
	})
	t.Run("row_133_header_after_first_datagram", func(t *testing.T) {
		var b bytes.Buffer
		f := NewDatagramOutputFile(&b)
		require.NoError(t, f.WriteHeader([]byte("one")))
		require.NoError(t, f.WriteHeader([]byte("two")))
		put(t, f, "")
		require.Error(t, f.WriteHeader([]byte("three")))
		put(t, f, "x")
		require.Equal(t, "onetwo\x00\x00\x00\x00\x01\x00\x00\x00x", b.String())
	})
	t.Run("row_134_file_read_back", func(t *testing.T) {
		f := NewDatagramInputFile(bytes.NewReader(unhex(t, "48 44 52 0a 03 00 00 00 61 62 63 00 00 00 00")))
		header, err := f.ReadHeader(4)
		require.NoError(t, err)
		require.Equal(t, "HDR\n", string(header))
		texts, err := get(f)
		require.Equal(t, io.EOF, err)
		require.Equal(t, []string{"abc", ""}, texts)
		_, err = f.ReadHeader(0)
		require.Error(t, err, "after the first datagram")
	})
	t.Run("row_135_escape_size", func(t *testing.T) {
		b := unhex(t, "ff ff ff ff 03 00 00 00 00 00 00 00 61 62 63"+"ff ff ff ff 00 00 00 00 00 00 00 00"+"01 00 00 00 78")
		for _, generator := range []DatagramGenerator{NewDatagramInputFile(bytes.NewReader(b)), NewDatagramBuffer(b)} {
			texts, err := get(generator)
			require.Equal(t, io.EOF, err)
			require.Equal(t, []string{"abc", "", "x"}, texts)
		}
	})
}

func TestConformanceOfDamagedFiles(t *testing.T) {
	t.Run("row_136_corrupt_size", func(t *testing.T) {
		b := unhex(t, "03 00 00 00 61 62 63 00 00 00 40 78")
		f := NewDatagramInputFile(bytes.NewReader(b))
		texts, err := get(f)
		require.Equal(t, []string{"abc"}, texts)
		var tooLong *queuednet.DatagramTooLongError
		require.ErrorAs(t, err, &tooLong)
		require.Equal(t, queuednet.DatagramTooLongError{Length: 1 << 30, Max: 64 << 20}, *tooLong)
		require.EqualError(t, err, "datagramfile: datagram at offset 11 needs 1073741824 bytes, 0 read: "+tooLong.Error())

		f = NewDatagramInputFile(bytes.NewReader(b))
		f.SetMaxDatagramSize(2 << 30 >> 1)
		require.Less(t, allocated(func() { texts, err = get(f) }), uint64(4<<20))
		require.Equal(t, []string{"abc"}, texts)
		requireCut(t, err, "datagram", 11, 1<<30, 1)
	})
	t.Run("row_137_truncations", func(t *testing.T) {
		whole := unhex(t, "ff ff ff ff 03 00 00 00 00 00 00 00 61 62 63")
		for _, n := range []int{14, 12, 8, 4, 3, 2, 1, 0} {
			for _, generator := range []DatagramGenerator{
				NewDatagramInputFile(bytes.NewReader(whole[:n])), NewDatagramBuffer(whole[:n:n]),
			} {
				texts, err := get(generator)
				require.Empty(t, texts)
				if n > 0 {
					require.ErrorIs(t, err, io.ErrUnexpectedEOF, "%d bytes", n)
				} else {
					require.Equal(t, io.EOF, err)
				}
			}
		}
	})
	t.Run("row_138_clean_end_vs_truncation", func(t *testing.T) {
		b := file(t, "abc", "defg")
		_, err := get(NewDatagramInputFile(bytes.NewReader(b)))
		require.Equal(t, io.EOF, err)
		_, err = get(NewDatagramInputFile(bytes.NewReader(b[:len(b)-1])))
		requireCut(t, err, "datagram", 11, 4, 3)
		_, err = get(NewDatagramInputFile(bytes.NewReader(b[:9])))
		requireCut(t, err, "size", 7, 4, 2)
	})
}

func TestConformanceOfDatagramBuffer(t *testing.T) {
	t.Run("row_139_DatagramBuffer", func(t *testing.T) {
		var b DatagramBuffer
		require.NoError(t, b.WriteHeader([]byte("HD")))
		put(t, &b, "abc", "")
		require.Error(t, b.WriteHeader(nil))
		require.Equal(t, unhex(t, "48 44 03 00 00 00 61 62 63 00 00 00 00"), b.Data())
		header, err := b.ReadHeader(2)
		require.NoError(t, err)
		require.Equal(t, "HD", string(header))
		texts, err := get(&b)
		require.Equal(t, io.EOF, err)
		require.Equal(t, []string{"abc", ""}, texts)
		_, err = b.ReadHeader(0)
		require.Error(t, err, "after the first datagram")
		put(t, &b, "more")
		texts, err = get(&b)
		require.Equal(t, io.EOF, err)
		require.Equal(t, []string{"more"}, texts)
	})
	t.Run("row_140_DatagramBuffer_truncated", func(t *testing.T) {
		_, err := get(NewDatagramBuffer([]byte("\x03\x00\x00\x00ab")))
		requireCut(t, err, "datagram", 4, 3, 2)
	})
}

func TestConformanceOfConnections(t *testing.T) {
	t.Run("row_141_get_data_into_a_plain_Datagram", func(t *testing.T) {
		near, far := newEnds(t)
		put(t, far.sink(), "bytes")
		datagram := queuednet.NewDatagram([]byte("old"))
		datagram.SetStdfloatDouble(true)
		require.NoError(t, near.generator(t).GetDatagram(datagram))
		require.Equal(t, "bytes", string(datagram.Message()))
		require.True(t, datagram.StdfloatDouble(), "bytes only")
	})
	t.Run("row_143_DatagramGeneratorNet_EOF", func(t *testing.T) {
		near, far := newEnds(t)
		put(t, far.sink(), "a", "", "b")
		require.NoError(t, far.conn.Close())
		texts, err := get(near.generator(t))
		require.Equal(t, io.EOF, err)
		require.Equal(t, []string{"a", "", "b"}, texts)
	})
	t.Run("row_144_DatagramGeneratorNet_returns_at_EOF", func(t *testing.T) {
		near, far := newEnds(t)
		result := make(chan error, 1)
		generator := near.generator(t)
		go func() { result <- generator.GetDatagram(new(queuednet.Datagram)) }()
		require.NoError(t, far.conn.Close())
		require.Equal(t, io.EOF, <-result)
	})
	t.Run("row_145_DatagramSinkNet_no_target", func(t *testing.T) {
		near, far := newEnds(t)
		sink := NewDatagramSinkNet(near.writer, nil)
		require.Error(t, sink.PutDatagram(new(queuednet.Datagram)))
		require.Error(t, sink.Flush())

		// and, which Panda3D does not report, a dead one
		sink = near.sink()
		near.generator(t)
		require.NoError(t, far.conn.Close())
		_, err := get(&DatagramGeneratorNet{t.Context(), near.reader, near.conn, near.manager})
		require.Equal(t, io.EOF, err)
		err = sink.PutDatagram(new(queuednet.Datagram))
		require.ErrorIs(t, err, io.EOF)
		require.NotEqual(t, io.EOF, err, "which would be the end of a generator")
		require.ErrorIs(t, sink.Flush(), io.EOF)

		require.NoError(t, NewDatagramSinkNet(far.writer, far.conn).named(nil))
		require.ErrorIs(t, far.sink().PutDatagram(new(queuednet.Datagram)), net.ErrClosed)
	})
}
