// Package datagramfile writes datagrams one after another, to a file, to
// memory or over a connection, and reads them back. Files are Panda3D's: what
// its DatagramOutputFile writes is read here, and the reverse.
//
// What takes datagrams is a [DatagramSink], what gives them a
// [DatagramGenerator]; package record, which records what a program receives,
// works with any of either:
//
//	sink                  generator               over
//	[DatagramOutputFile]  [DatagramInputFile]     an io.Writer, an io.Reader
//	[DatagramBuffer]      [DatagramBuffer]        memory
//	[DatagramSinkNet]     [DatagramGeneratorNet]  a connection
//
// # The format
//
// A file is a header, which is whatever the program wants there, and datagrams.
// Before each is its size, little-endian:
//
//	SS SS SS SS                            datagram    4 bytes: 0 to 0xFFFFFFFE
//	FF FF FF FF  SS SS SS SS SS SS SS SS   datagram    4 bytes of escape and 8: any size
//
// The header is not marked and not counted: who reads must know its length.
// "HDR\n" as a header, "abc" and an empty datagram are
//
//	48 44 52 0a  03 00 00 00 61 62 63  00 00 00 00
//
// The escape is written where the size needs it, from 0xFFFFFFFF on, and read
// with any size. (Panda3D fails at an escape with a size of 0, which nobody
// writes.) A file holds no sum, version or end mark: one that was cut after a
// whole datagram cannot be told from a whole one. Compression checks that too,
// and is a matter of wrapping: gzip.NewReader(file), or zlib.NewReader for what
// Panda3D calls .pz, which it unwraps by itself when it reads.
package datagramfile
