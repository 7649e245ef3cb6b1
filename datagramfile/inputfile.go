package datagramfile

import (
	"bufio"
	"io"

	"github.com/queuednet/queuednet"
)

// defaultMaxDatagram is ample for messages, and what a corrupt size may cost at
// most in a file that expands when it is read.
const defaultMaxDatagram = 64 << 20

// A DatagramInputFile reads datagrams from an io.Reader in the format of the
// package documentation. It reads ahead, up to 64 KiB beyond what was asked for.
//
// Memory grows with the bytes that arrive, never with a size that the file
// claims.
//
// It is not safe for use by several goroutines at once. It is Panda3D's
// DatagramInputFile.
type DatagramInputFile struct {
	r       *bufio.Reader
	offset  int64 // of what is read next
	most    int64
	started bool // the first datagram has been asked for
	err     error
}

// NewDatagramInputFile returns a file that is read from r, such as an *os.File
// or a *gzip.Reader. It is Panda3D's open.
func NewDatagramInputFile(r io.Reader) *DatagramInputFile {
	return &DatagramInputFile{r: bufio.NewReaderSize(r, fileBuffer), most: defaultMaxDatagram}
}

// SetMaxDatagramSize sets the longest datagram in bytes that is read; 0 or less
// stands for the default, 64 MiB. Panda3D has no limit.
func (f *DatagramInputFile) SetMaxDatagramSize(size int) {
	f.most = int64(size)
	if size <= 0 {
		f.most = defaultMaxDatagram
	}
}

// ReadHeader reads n bytes as they are. It may be called several times. It
// fails once GetDatagram has been called, and for a negative n. If the file is
// shorter it returns the bytes that are there, with a *FileError, and the file
// cannot be read any further. It BLOCKS as the reader does. It is Panda3D's
// read_header.
func (f *DatagramInputFile) ReadHeader(n int) ([]byte, error) {
	switch {
	case f.started:
		return nil, errHeaderIsLate
	case f.err != nil:
		return nil, f.err
	case n < 0:
		return nil, errNegativeHeader
	}
	var header queuednet.Datagram
	err := f.read(&header, "header", int64(n))
	return header.Message(), err
}

// GetDatagram reads the next datagram into that of the caller, whose memory is
// used again and whose stdfloat setting stays. It BLOCKS as the io.Reader does.
//
// At the end of the file it returns io.EOF and leaves the caller's datagram
// alone. Any other error is a *FileError: the file ends inside a datagram, a
// size is over the limit, or the io.Reader failed. Then the caller's datagram
// holds the bytes that are there, and every later call returns the same error,
// because nobody knows where the next datagram begins. It is Panda3D's
// get_datagram.
func (f *DatagramInputFile) GetDatagram(datagram *queuednet.Datagram) error {
	if datagram == nil {
		return errNilDatagram
	}
	f.started = true
	if f.err != nil {
		return f.err
	}
	size, err := f.readSize()
	if err == io.EOF {
		return io.EOF
	}
	datagram.Clear()
	switch {
	case err != nil:
		return err
	case size > f.most:
		return f.fail("datagram", size, 0, &queuednet.DatagramTooLongError{Length: size, Max: f.most})
	}
	return f.read(datagram, "datagram", size)
}

// readSize reads what stands before a datagram; io.EOF says that nothing does.
func (f *DatagramInputFile) readSize() (int64, error) {
	for need := sizeLength; ; {
		b, err := f.r.Peek(need)
		if len(b) == 0 && err == io.EOF {
			return 0, io.EOF
		}
		field, ok := parseSize(b)
		switch {
		case ok:
			f.skip(field.length)
			return field.size, nil
		case err != nil:
			return 0, f.fail("size", int64(field.length), int64(len(b)), err)
		}
		need = field.length
	}
}

// read appends need bytes to into, as they come.
func (f *DatagramInputFile) read(into *queuednet.Datagram, part string, need int64) error {
	for have := int64(0); have < need; {
		if _, err := f.r.Peek(1); err != nil {
			f.offset -= have // where the part begins
			return f.fail(part, need, have, err)
		}
		b, _ := f.r.Peek(int(min(int64(f.r.Buffered()), need-have)))
		into.AppendData(b)
		have += int64(len(b))
		f.skip(len(b))
	}
	return nil
}

func (f *DatagramInputFile) skip(n int) {
	f.r.Discard(n) // they have been peeked at
	f.offset += int64(n)
}

func (f *DatagramInputFile) fail(part string, need, have int64, err error) error {
	f.err = &FileError{Part: part, Offset: f.offset, Need: need, Have: have, Err: cut(err)}
	return f.err
}
