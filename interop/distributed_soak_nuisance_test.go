package interop_test

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"strconv"
	"time"
)

// rubbish connects again and again, and sends messages that are wrong in any way.
func (s *soak) rubbish(ctx context.Context, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	types := []uint16{120, 9001, 9002, 9003, 9004, 9005, 9006, 9007, 9009, 9010, 9011, 0, 65535}
	le := binary.LittleEndian
	for ctx.Err() == nil {
		conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)))
		if err != nil {
			s.trouble.add("rubbish: %v", err)
			return
		}
		var hello [12]byte
		_, _ = conn.Read(hello[:])
		base := le.Uint32(hello[4:])
		for range 200 {
			if random.IntN(20) == 0 { // an object, and fields of it of which some unpack
				p := le.AppendUint32(le.AppendUint16(nil, 9002), soakZone())
				p = append(le.AppendUint32(le.AppendUint16(p, 6), base), "\x03\x00bad\x00\x00"...)
				q := le.AppendUint16(le.AppendUint32(le.AppendUint16(nil, 120), base), uint16(45+random.IntN(12)))
				q = append(q, []string{"", "\x01", "\x02\x00\xff\xfe", "\x01\x00\x00\x00\x00\x00", "\x09\x00short"}[random.IntN(5)]...)
				for _, p := range [][]byte{p, q} {
					_, _ = conn.Write(append(le.AppendUint16(nil, uint16(len(p))), p...))
				}
			}
			p := le.AppendUint16(nil, types[random.IntN(len(types))])
			for range random.IntN(8) { // ids, zones, classes, fields and lengths that are near to good ones
				p = le.AppendUint32(p, []uint32{base, base + 1, 1, 1_000_001, random.Uint32N(50), random.Uint32()}[random.IntN(6)])
			}
			p = p[:random.IntN(len(p)+1)]
			if len(p) > 2 && random.IntN(2) == 0 {
				p[random.IntN(len(p))] = byte(random.Uint32())
			}
			if _, err := conn.Write(append(le.AppendUint16(nil, uint16(len(p))), p...)); err != nil {
				break // it was thrown out, or it said that it leaves
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(random.IntN(1000)) * time.Millisecond):
		}
		conn.Close()
	}
}

// deaf sees everything and reads nothing.
func (s *soak) deaf(ctx context.Context) {
	conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)))
	if err != nil {
		s.trouble.add("deaf: %v", err)
		return
	}
	defer conn.Close()
	le := binary.LittleEndian
	p := le.AppendUint16(le.AppendUint16(nil, 2+4*soakZones), 9009)
	for zone := range uint32(soakZones) {
		p = le.AppendUint32(p, zone+1)
	}
	_, _ = conn.Write(p)
	<-ctx.Done()
}
